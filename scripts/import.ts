import { importCaptures, importFailed, importLines } from '../harness';
import { EXIT, UsageError } from './exit-codes';
import { contextOption } from './options';

export interface ImportCommand {
  readonly machine?: string;
  readonly ctx?: string;
  readonly name?: string;
  readonly seed?: number;
  readonly schedules?: number;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** `privstack import`: 0 when every run is the kernel's and nothing is found, 1 when not, 2 when a capture is invalid. */
export async function importFiles(files: readonly string[], command: ImportCommand): Promise<void> {
  const { machine, ctx, name, seed, schedules } = command;
  const { imported, problems } = importCaptures(files, {
    ...(machine !== undefined && { machine }),
    ...(ctx !== undefined && { context: contextOption(ctx) }),
    ...(name !== undefined && { name }),
    ...(seed !== undefined && { seed }),
    ...(schedules !== undefined && { schedules }),
  });
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) {
    process.exitCode = EXIT.usage;
    return;
  }
  if (imported.length === 0) throw new UsageError(`no capture has a name that contains \`${name}\``);
  if (command.json) process.stdout.write(`${JSON.stringify({ version: 1, captures: imported }, null, 1)}\n`);
  else process.stdout.write(`${importLines(imported, command.verbose ?? false).join('\n')}\n`);
  process.exitCode = imported.some(importFailed) ? EXIT.deviation : EXIT.ok;
}
