import { compileFile, formatIssue, listing } from '../harness';
import { isProgramType, POLICIES, PROGRAM_TYPES, policyNamed } from '../jit';
import { EXIT, UsageError } from './exit-codes';

export interface JitCommand {
  readonly type: string;
  readonly policy: string;
}

/** `privstack jit`: 0, or 1 when the verifier would refuse the program, 2 when the input is invalid. */
export function jit(file: string, { type, policy: name }: JitCommand): void {
  if (!isProgramType(type))
    throw new UsageError(`unknown program type \`${type}\`, expected ${PROGRAM_TYPES.join(', ')}`);
  const policy = policyNamed(name);
  if (!policy) {
    throw new UsageError(`unknown policy \`${name}\`, expected ${POLICIES.map((each) => each.name).join(', ')}`);
  }
  const compiled = compileFile(file, type, policy);
  if (!compiled.ok) {
    for (const issue of compiled.issues) process.stderr.write(`${formatIssue(issue)}\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  for (const program of compiled.programs) {
    process.stdout.write(`${listing(program).join('\n')}\n`);
    if (program.refusal === null) continue;
    process.stderr.write(`${program.name}: refused: ${program.refusal}\n`);
    process.exitCode = EXIT.deviation;
  }
}
