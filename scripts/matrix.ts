import {
  claimMatrix,
  designsJson,
  designsText,
  formatIssue,
  type Issue,
  judgeDesigns,
  matrixJson,
  matrixText,
  type Unknown,
} from '../harness';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';

export interface MatrixCommand {
  readonly policy?: readonly string[];
  readonly claim?: readonly string[];
  readonly designs?: boolean;
  readonly json?: boolean;
  readonly long?: boolean;
}

/** Nothing was judged. */
function refused(issues: readonly Issue[], unknown: readonly Unknown[]): void {
  for (const issue of issues) process.stderr.write(`${formatIssue(issue)}\n`);
  process.exitCode = EXIT.usage;
  const [first] = unknown;
  if (first) throw new UsageError(`unknown ${first.what} \`${first.name}\`, expected ${first.expected.join(', ')}`);
}

/** `privstack matrix`: 0 when every verdict is as declared, 1 when some are not, 2 when a spec is invalid. */
export async function matrix(paths: readonly string[], command: MatrixCommand): Promise<void> {
  if (command.designs && command.policy)
    throw new UsageError('--designs tries all combinations: there is no --policy for it');
  const from = paths.length > 0 ? paths : ['specs/claims'];
  const options = {
    ...(command.policy && { policies: command.policy }),
    ...(command.claim && { claims: command.claim }),
    command: calledAs(),
  };
  const { long = false, json = false } = command;
  if (command.designs) {
    const result = await judgeDesigns(from, options);
    if (!result.ok) return refused(result.issues, result.unknown);
    process.stdout.write(json ? designsJson(result.designs) : designsText(result.designs, { long }));
    return;
  }
  const result = await claimMatrix(from, options);
  if (!result.ok) return refused(result.issues, result.unknown);
  const color = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  process.stdout.write(json ? matrixJson(result.matrix) : matrixText(result.matrix, { color, long }));
  process.exitCode = result.matrix.deviating.length === 0 ? EXIT.ok : EXIT.deviation;
}
