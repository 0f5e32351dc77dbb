import { compareCaptures, comparisonLines, sameEverywhere } from '../harness';
import { EXIT } from './exit-codes';
import { contextOption } from './options';

export interface CompareCommand {
  readonly ctx?: string;
  readonly json?: boolean;
}

/** `privstack compare`: 0 when two kernels do the same, 1 when not, 2 when a capture is invalid. */
export async function compare(before: string, after: string, { ctx, json }: CompareCommand): Promise<void> {
  const options = ctx === undefined ? {} : { context: contextOption(ctx) };
  const { comparison, problems } = compareCaptures([before, after], options);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (!comparison) {
    process.exitCode = EXIT.usage;
    return;
  }
  const lines = json ? [JSON.stringify({ version: 1, ...comparison }, null, 1)] : comparisonLines(comparison);
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = sameEverywhere(comparison) ? EXIT.ok : EXIT.deviation;
}
