import { writeFileSync } from 'node:fs';
import {
  type CaptureOutcome,
  captureBpftool,
  captureLines,
  captureProgramById,
  capturePrograms,
  type DumpFiles,
  formatIssue,
} from '../harness';
import { EXIT, UsageError } from './exit-codes';
import { contextOption, typeOption } from './options';

export interface CaptureCommand {
  readonly type: string;
  readonly run?: readonly string[];
  readonly id?: string;
  readonly out?: string;
  readonly section?: string;
  readonly xlated?: string;
  readonly jited?: string;
  readonly kallsyms?: string;
}

/** The three files of bpftool's, if there are any. */
function dumpOf({ xlated, jited, kallsyms, id, run }: CaptureCommand, files: readonly string[]): DumpFiles | null {
  if (xlated === undefined && jited === undefined && kallsyms === undefined) return null;
  if (xlated === undefined || jited === undefined || kallsyms === undefined) {
    throw new UsageError('what bpftool printed needs all of `--xlated`, `--jited` and `--kallsyms`');
  }
  if (files.length > 0 || id !== undefined || run !== undefined) {
    throw new UsageError('what bpftool printed is captured by itself: expected no file, `--id` or `--run` beside it');
  }
  return { xlated, jited, kallsyms };
}

function asked(files: readonly string[], command: CaptureCommand): CaptureOutcome {
  const { type, run = [], id, section } = command;
  const dump = dumpOf(command, files);
  if (dump) return captureBpftool(dump, typeOption(type));
  if (id === undefined) {
    if (files.length === 0) throw new UsageError('which file? `-` is the standard input');
    return capturePrograms(files, {
      type: typeOption(type),
      contexts: run.map((text) => contextOption(text, '--run')),
      section,
    });
  }
  if (files.length > 0)
    throw new UsageError('`--id` captures a program that is loaded already: expected no file beside it');
  if (run.length > 0) throw new UsageError('`--run` is for programs of your own: what others have loaded is not run');
  if (!/^[1-9]\d{0,8}$/.test(id)) throw new UsageError(`--id: \`${id}\` is no id of a program, expected a number`);
  return captureProgramById(Number(id));
}

function write(text: string, file: string | undefined): void {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${(error as Error).message}`);
  }
}

/** `privstack capture`: 0, 1 when the kernel refuses a program, 2 when the input is invalid, 3 when it cannot be asked. */
export async function capture(files: readonly string[], command: CaptureCommand): Promise<void> {
  const outcome = asked(files, command);
  if (outcome.kind === 'impossible') {
    process.stderr.write(`privstack: the running kernel cannot be asked: ${outcome.reason}\n`);
    process.exitCode = EXIT.environment;
    return;
  }
  if (outcome.kind === 'invalid') {
    for (const issue of outcome.issues) process.stderr.write(`${formatIssue(issue)}\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  for (const issue of outcome.refused) process.stderr.write(`${formatIssue(issue)}\n`);
  for (const { capture: each, notRun } of outcome.captures) {
    if (notRun !== null) process.stderr.write(`${each.name}: not run: ${notRun}\n`);
  }
  const complete = outcome.refused.length === 0 && outcome.captures.every(({ notRun }) => notRun === null);
  if (!complete) process.exitCode = EXIT.deviation;
  write(`${captureLines(outcome).join('\n')}\n`, command.out);
}
