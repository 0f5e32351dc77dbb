import { availableParallelism } from 'node:os';
import { boundsText, Campaign, type Find, fileOf, type Progress, saveResult, saveSpec } from '../harness';
import { policyNamed } from '../jit';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';

export interface FuzzCommand {
  readonly policy: string;
  readonly runs?: number;
  readonly time?: number;
  readonly seed: number;
  readonly workers?: number;
  readonly inputs: number;
  readonly shard?: string;
  readonly out: string;
  readonly results?: string;
  readonly enough: number;
  readonly askKernel?: boolean;
}

const DEFAULT_RUNS = 100_000;
const ALIKE = 2;
const EVERY = 128;
const SHRINKING_MS = 10_000;
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

const seenText = (seen: Progress['seen']): string =>
  seen.size === 0 ? 'nothing seen' : [...seen].map(([kind, times]) => `${kind} ${times}`).join(', ');

function progressText({ tally, seen, seconds }: Progress): string {
  const rate = Math.round(tally.cases / Math.max(seconds, 0.001));
  return `${tally.cases} cases, ${tally.runs} runs, ${rate}/s: ${seenText(seen)}`;
}

/** `privstack fuzz`: 0 when nothing was found that is not known, 1 otherwise. */
export async function fuzz(command: FuzzCommand): Promise<void> {
  const { policy, time, seed, inputs, out, results, enough } = command;
  if (!policyNamed(policy)) throw new UsageError(`unknown policy \`${policy}\``);
  const finds = new Map<string, Find>();
  let unknown = 0;
  const write = (what: string, work: () => string | undefined): string | undefined => {
    try {
      return work() ?? undefined;
    } catch (error) {
      process.stderr.write(`privstack: cannot write ${what}: ${(error as Error).message}\n`);
      return undefined;
    }
  };
  const terminal = process.stderr.isTTY === true;
  let told = 0;
  const progress = (now: Progress): void => {
    if (!terminal && now.seconds < told + QUIET_SECONDS) return;
    told = now.seconds;
    process.stderr.write(terminal ? `\r\u001b[K${progressText(now)}` : `${progressText(now)}\n`);
  };
  const campaign = new Campaign({
    policy,
    seed,
    inputs,
    time,
    enough,
    ask: command.askKernel === true,
    runs: command.runs ?? (time === undefined ? DEFAULT_RUNS : undefined),
    workers: command.workers ?? Math.min(availableParallelism(), 16),
    shard: shardOf(command.shard),
    every: EVERY,
    alike: ALIKE,
    shrinking: SHRINKING_MS,
    progress: (now) => progress(now),
    found: (find) => {
      if (results !== undefined) write(results, () => void saveResult(results, find) as undefined);
      if (finds.has(find.key)) return;
      finds.set(find.key, find);
      if (find.known === null) unknown++;
      const head = `${find.known === null ? 'found' : `known (${find.known})`}: ${find.check} under ${policy}, case ${find.index}`;
      process.stdout.write(
        `${head}, ${find.insns} instructions\n  ${find.message}\n  the running kernel's verifier: ${find.kernel}\n`,
      );
      if (find.known !== null) return;
      const file = write(`${out}/${fileOf(find)}`, () => saveSpec(out, find));
      if (file === undefined) process.stdout.write(find.spec);
      else process.stdout.write(`  ${calledAs()} run ${file} --trace\n`);
    },
  });
  process.stdout.write(`${boundsText()}\n`);
  const interrupted = (): void => campaign.stop();
  process.once('SIGINT', interrupted);
  try {
    const end = await campaign.run();
    const again = `--policy ${policy} --seed ${seed}`;
    process.stdout.write(
      `${progressText(end)}\n${unknown} found, ${finds.size - unknown} known; ${end.tally.checked} with every check, ${end.tally.refused} not run under this policy (${again})\n`,
    );
    process.exitCode = unknown > 0 ? EXIT.deviation : EXIT.ok;
  } finally {
    process.removeListener('SIGINT', interrupted);
  }
}
