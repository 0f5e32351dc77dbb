import {
  boundsText,
  Campaign,
  type CampaignHead,
  corpora,
  EVERY,
  type Found,
  fileOf,
  isPath,
  linesOf,
  mergeResults,
  type Progress,
  ResultsProblem,
  readResults,
  saveLines,
  saveSpec,
} from '../harness/fuzz';
import { policyNamed } from '../jit';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';
import { endText, findText, progressText, refusalText } from './fuzz-text';

export interface FuzzCommand {
  readonly policy: string;
  readonly runs?: number;
  readonly time?: number;
  readonly seed: number;
  readonly path?: readonly string[];
  readonly workers: number;
  readonly inputs: number;
  readonly shard?: string;
  readonly corpus?: string;
  readonly guided?: boolean;
  readonly unguarded?: boolean;
  readonly out: string;
  readonly results?: string;
  readonly enough: number;
  readonly askKernel?: boolean;
  readonly merge?: readonly string[];
}

const DEFAULT_RUNS = 100_000;
const ALIKE = 2;
const REACH = 16;
const ASK = 64;
const SHRINKING_MS = 60_000;
/** Between two lines of progress where nobody watches. */
const QUIET_SECONDS = 30;

function shardOf(text: string | undefined): readonly [number, number] {
  if (text === undefined) return [0, 1];
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (part === undefined || Number(part) < 1 || Number(part) > Number(of)) {
    throw new UsageError(`--shard \`${text}\`: expected 1/4, 2/4, ...`);
  }
  return [Number(part) - 1, Number(of)];
}

/** Names of the corpus' programs; what is wrong with others is said, and ends nothing. */
function corpusNames(folder: string | undefined): string[] {
  if (folder === undefined) return [];
  try {
    const { programs, problems } = corpora().readCorpus(folder);
    for (const problem of problems) process.stderr.write(`privstack: ${problem}; left out\n`);
    process.stdout.write(`corpus: ${programs.size} programs of ${folder}, ${problems.length} left out\n`);
    return [...programs.keys()];
  } catch (error) {
    throw new UsageError(`--corpus: ${(error as Error).message}`);
  }
}

/** Writes files, and says once of each that cannot be written. */
class Writer {
  private readonly failed = new Set<string>();

  /** Whether it was written. */
  write(what: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!this.failed.has(what)) {
        process.stderr.write(
          `privstack: cannot write to ${what}: ${(error as Error).message}; what is found is printed\n`,
        );
      }
      this.failed.add(what);
      return false;
    }
  }
}

/** Says what is found, each only once, and writes it down. */
class Finds {
  private readonly keys = new Set<string>();
  known = 0;
  unknown = 0;

  constructor(
    private readonly out: string,
    private readonly writer: Writer,
    private readonly again: (find: Found) => string,
  ) {}

  add(find: Found): void {
    if (this.keys.has(find.key)) return;
    this.keys.add(find.key);
    if (find.known === null) this.unknown++;
    else this.known++;
    const again = this.again(find);
    process.stdout.write(findText(find));
    if (find.known !== null) return;
    const { out, writer } = this;
    const written = writer.write(out, () => saveSpec(out, find, again));
    if (written) process.stdout.write(`  ${calledAs()} run ${out}/${fileOf(find)} --trace\n`);
    else process.stdout.write(find.spec);
    process.stdout.write(`  ${again}\n`);
  }

  get exit(): number {
    return this.unknown > 0 ? EXIT.deviation : EXIT.ok;
  }
}

/** `privstack fuzz`: 0 when nothing was found that is not known, 1 otherwise. */
export async function fuzz(command: FuzzCommand): Promise<void> {
  return command.merge ? merge(command.merge, command) : search(command);
}

/** The options without which a path names another case. */
function caseOptions({ policy, seed, inputs, unguarded }: CampaignHead, corpus?: string): string {
  const options = [`--policy ${policy} --seed ${seed} --inputs ${inputs}`];
  if (unguarded) options.push('--unguarded');
  if (corpus !== undefined) options.push(`--corpus ${corpus}`);
  return options.join(' ');
}

function merge(files: readonly string[], { out, results }: FuzzCommand): void {
  try {
    const merged = mergeResults(files.flatMap(readResults));
    const { head, seen, finds: found, end } = merged;
    const writer = new Writer();
    const finds = new Finds(out, writer, ({ path }) => `${calledAs()} fuzz ${caseOptions(head)} --path '${path}'`);
    for (const find of found) finds.add(find);
    const kinds = new Map<string, number>();
    for (const { kind } of seen) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    process.stdout.write(endText(head, { seen: kinds, end }, finds));
    if (results !== undefined) writer.write(results, () => saveLines(results, linesOf(merged)));
    process.exitCode = finds.exit;
  } catch (error) {
    if (error instanceof ResultsProblem) throw new UsageError(error.message);
    throw error;
  }
}

async function search(command: FuzzCommand): Promise<void> {
  const { policy, time, seed, inputs, out, results, enough, corpus, path: paths } = command;
  const given = policyNamed(policy);
  if (!given) throw new UsageError(`unknown policy \`${policy}\``);
  const wrong = paths?.find((each) => !isPath(each));
  if (wrong !== undefined) throw new UsageError(`--path \`${wrong}\`: expected 17, @FILE, 17~3, ...`);
  const shard = shardOf(command.shard);
  const guided = command.guided === true;
  if (guided && shard[1] > 1) throw new UsageError('--guided: what a shard learns no other knows, expected no --shard');
  const names = paths ? [] : corpusNames(corpus);
  const runs = command.runs ?? (time === undefined ? DEFAULT_RUNS : undefined);
  const unguarded = command.unguarded === true;
  const head: CampaignHead = {
    version: 1,
    policy,
    seed,
    inputs,
    every: paths ? 1 : EVERY,
    runs: paths ? paths.length : (runs ?? null),
    corpus: names.length,
    unguarded,
    guided,
    alike: ALIKE,
    enough,
    shard: [shard[0] + 1, shard[1]],
  };
  const writer = new Writer();
  const options = caseOptions(head, corpus);
  const againOf = ({ path }: { readonly path: string }): string => `${calledAs()} fuzz ${options} --path '${path}'`;
  const finds = new Finds(out, writer, againOf);
  const record = (lines: readonly object[]): void => {
    if (results !== undefined) writer.write(results, () => saveLines(results, lines));
  };
  const plan = { seed, inputs, every: head.every, corpus, unguarded };
  const campaign = new Campaign({
    ...plan,
    policy,
    time,
    enough: paths ? Number.POSITIVE_INFINITY : enough,
    runs,
    shard,
    names,
    guided,
    ...(paths && { paths }),
    reach: guided ? 1 : REACH,
    ask: command.askKernel ? ASK : undefined,
    workers: command.workers,
    alike: paths ? Number.POSITIVE_INFINITY : ALIKE,
    shrinking: SHRINKING_MS,
    progress: progressWriter(),
    saw: (seen) => record(seen.map((each) => ({ seen: each }))),
    found: (find) => {
      record([{ find }]);
      finds.add(find);
    },
  });
  if (!paths) process.stdout.write(`${boundsText()}\n`);
  record([{ campaign: head }]);
  const interrupted = (): void => campaign.stop();
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const last = await campaign.run();
    const { ending, tally, seconds, reached, open, kept, refusals } = last;
    const end = { ending, tally, seconds, reached: [...reached].sort() };
    record([{ end }]);
    for (const each of open) process.stdout.write(`seen, not looked at: ${each.kind}\n  ${againOf(each)}\n`);
    process.stdout.write(refusalText(tally, refusals));
    process.stdout.write(endText(head, { seen: last.seen, end }, finds));
    if (corpus !== undefined && !paths) {
      writer.write(corpus, () => {
        process.stdout.write(
          `corpus: ${corpora().writeCorpus(corpus, kept, given, plan)} programs added to ${corpus}\n`,
        );
      });
    }
    process.exitCode = open.length > 0 && finds.exit === EXIT.ok ? EXIT.deviation : finds.exit;
  } finally {
    process.removeListener('SIGINT', interrupted);
    process.removeListener('SIGTERM', interrupted);
  }
}

function progressWriter(): (now: Progress) => void {
  const terminal = process.stderr.isTTY === true;
  let told = 0;
  return (now) => {
    if (!terminal && now.seconds < told + QUIET_SECONDS) return;
    told = now.seconds;
    process.stderr.write(terminal ? `\r\u001b[K${progressText(now)}` : `${progressText(now)}\n`);
  };
}
