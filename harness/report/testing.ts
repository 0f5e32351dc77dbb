import type { CaseReport, FindingReport, FramePointerReport, Report } from './model';

/** Handmade reports for tests: a case that holds and a finding, with what a test changes about them. */
export function reportOf(...results: CaseReport[]): Report {
  return { version: 1, results };
}

export function held(changes: Partial<CaseReport> = {}): CaseReport {
  return {
    spec: 'review tree',
    file: 'specs/private-stack/review-tree.yaml',
    scenario: 'plain',
    point: {},
    policy: 'subtree',
    cpu: 0,
    verdict: 'holds',
    declared: 'holds',
    asDeclared: true,
    reason: null,
    findings: [],
    framePointers: [],
    milliseconds: 2.5,
    ...changes,
  };
}

/** A case that fails although `holds` is declared. */
export function failed(changes: Partial<CaseReport> = {}): CaseReport {
  return held({ policy: 'unsaved', verdict: 'fails', asDeclared: false, findings: [finding()], ...changes });
}

export function finding(changes: Partial<FindingReport> = {}): FindingReport {
  return {
    check: 'frame-address',
    consequence: false,
    program: 'prog',
    subprog: 'subtree_root',
    bpfPc: 7,
    bpf: '*(u64 *)(r10 - 120) = r1',
    machineOffset: 0x4c,
    machine: 'mov qword ptr [r9-78h], rdi',
    yaml: { file: 'specs/private-stack/review-tree.yaml', line: 14, column: 7 },
    message: 'A store through r10 - 120 does not go to the frame of this activation of subtree_root.',
    want: '0xffffe8ffffc01008',
    got: '0x5a5a5a5a5a5a5a5a',
    culprit: 'call of bpf_ktime_get_ns in prog.subprog1 pc 3 (prog.subprog1+0x2f) destroyed r9',
    replay:
      "./scripts/privstack run specs/private-stack/review-tree.yaml --policy unsaved --cpu 0 -t 'review tree' --trace",
    ...changes,
  };
}

/** A finding of which next to nothing is known. */
export function bareFinding(changes: Partial<FindingReport> = {}): FindingReport {
  const unknown = { subprog: null, bpfPc: null, bpf: null, machineOffset: null, machine: null, yaml: null };
  return finding({ ...unknown, culprit: null, check: 'termination', message: 'The run does not end.', ...changes });
}

export function frame(subprog: string, term: string, offset: number): FramePointerReport {
  const address = `0x${(0xffffe8ffffc00f90n + BigInt(offset)).toString(16)}`;
  return { subprog, cpu: 0, expected: address, seen: address, offset, term, declared: true };
}

export const REVIEW_TREE: readonly FramePointerReport[] = [
  frame('subtree_root', 'private_stack_ptr + 120', 120),
  frame('subprog1', 'subtree_root_fp + 80', 200),
  frame('subprog2', 'subprog1_fp + 40', 240),
  frame('subprog3', 'subtree_root_fp + 160', 280),
];

/** A sweep of `depth(main)` from 0; `change` makes points of it different. */
export function sweep(points: number, change: (depth: number) => Partial<CaseReport> = () => ({})): CaseReport[] {
  return Array.from({ length: points }, (_, depth) =>
    held({ spec: 'depth sweep', file: 'specs/depth.yaml', point: { 'depth(main)': depth }, ...change(depth) }),
  );
}
