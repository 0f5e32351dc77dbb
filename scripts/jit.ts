import { answerJit, compileFile, formatIssue, listing } from '../harness';
import { EXIT, UsageError } from './exit-codes';
import { answerAll } from './ndjson';
import { policyOption, typeOption } from './options';

export interface JitCommand {
  readonly type: string;
  readonly policy: string;
  readonly ndjson?: boolean;
  readonly section?: string;
  readonly btf?: string;
}

/** `privstack jit`: 0, or 1 when the verifier would refuse the program, 2 when the input is invalid. */
export async function jit(file: string | undefined, command: JitCommand): Promise<void> {
  const type = typeOption(command.type);
  const policy = policyOption(command.policy);
  if (command.ndjson) return answerAll((request) => answerJit(request, policy));
  if (file === undefined) throw new UsageError('which file? `-` is the standard input');
  const compiled = compileFile(file, type, policy, command);
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
