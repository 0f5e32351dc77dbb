import { answerExec, executeFile, type FindingReport, formatIssue } from '../harness';
import { EXIT, UsageError } from './exit-codes';
import { answerAll } from './ndjson';
import { contextOption, policyOption, typeOption } from './options';

export interface ExecCommand {
  readonly type: string;
  readonly policy: string;
  readonly ctx: string;
  readonly seed?: number;
  readonly ndjson?: boolean;
  readonly section?: string;
  readonly btf?: string;
}

function describe({ check, subprog, bpfPc, message, want, got, culprit, yaml }: FindingReport): string {
  const where = subprog === null ? '' : ` in ${subprog}${bpfPc === null ? '' : ` pc ${bpfPc}`}`;
  const source = yaml?.text === undefined ? '' : `\n    source ${yaml.file}:${yaml.line}: ${yaml.text}`;
  const lost = culprit === null ? '' : `\n    culprit ${culprit}`;
  return `  ${check}${where}: ${message}${source}\n    want ${want}\n    got  ${got}${lost}`;
}

/** `privstack exec`: 0, or 1 when a check finds something, 2 when the input is invalid. */
export async function exec(file: string | undefined, command: ExecCommand): Promise<void> {
  const type = typeOption(command.type);
  const policy = policyOption(command.policy);
  if (command.ndjson) return answerAll((request) => answerExec(request, policy));
  if (file === undefined) throw new UsageError('which file? `-` is the standard input');
  const seed = command.seed === undefined ? {} : { seed: command.seed };
  const executed = executeFile(file, type, contextOption(command.ctx), {
    policy,
    ...seed,
    section: command.section,
    btf: command.btf,
  });
  if (!executed.ok) {
    for (const issue of executed.issues) process.stderr.write(`${formatIssue(issue)}\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  for (const { name, result } of executed.programs) {
    const { r0, retval, ctx, findings } = result;
    process.stdout.write(`program ${name}: r0 ${r0} (0x${BigInt(r0).toString(16)}), retval ${retval}\nctx ${ctx}\n`);
    if (findings.length === 0) continue;
    process.stdout.write(
      `${findings.length} findings, the first ones:\n${findings.slice(0, 3).map(describe).join('\n')}\n`,
    );
    process.exitCode = EXIT.deviation;
  }
}
