import type { CaseReport, FindingReport, FramePointerReport } from './model';
import type { Reporter } from './reporter';

/**
 * The contract for other programs. Keys are written out, so that their order is fixed and a new field of the model
 * does not get in by itself. Times stay out: one spec gives the same bytes each time.
 */
export const json: Reporter = ({ version, results }) =>
  `${JSON.stringify({ version, results: results.map(jsonCase) }, null, 2)}\n`;

function jsonCase(result: CaseReport) {
  return {
    spec: result.spec,
    file: result.file,
    scenario: result.scenario,
    point: result.point,
    policy: result.policy,
    cpu: result.cpu,
    verdict: result.verdict,
    declared: result.declared,
    asDeclared: result.asDeclared,
    reason: result.reason,
    findings: result.findings.map(jsonFinding),
    framePointers: result.framePointers.map(jsonFramePointer),
    ...(result.trace === undefined ? {} : { trace: result.trace }),
  };
}

export function jsonFinding(finding: FindingReport) {
  const { yaml } = finding;
  return {
    check: finding.check,
    consequence: finding.consequence,
    program: finding.program,
    subprog: finding.subprog,
    bpfPc: finding.bpfPc,
    bpf: finding.bpf,
    machineOffset: finding.machineOffset,
    machine: finding.machine,
    yaml: yaml === null ? null : { file: yaml.file, line: yaml.line, column: yaml.column },
    message: finding.message,
    want: finding.want,
    got: finding.got,
    culprit: finding.culprit,
    replay: finding.replay,
  };
}

function jsonFramePointer({ subprog, cpu, expected, seen, offset }: FramePointerReport) {
  return { subprog, cpu, expected, seen, offset };
}
