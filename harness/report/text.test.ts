import { describe, expect, test } from '@jest/globals';
import type { CaseReport } from './model';
import { bareFinding, failed, finding, held, REVIEW_TREE, reportOf, sweep } from './testing';
import { text } from './text';

const print = (...results: CaseReport[]) => text(reportOf(...results), { color: false });

const refused = (changes: Partial<CaseReport> = {}): CaseReport =>
  held({
    verdict: 'refused',
    declared: 'refused',
    reason: 'combined stack size of 3 calls is 544. Too large',
    ...changes,
  });

const inSweep = (point: CaseReport['point']): CaseReport =>
  failed({ spec: 'depth sweep', file: 'specs/depth.yaml', point, policy: 'subtree' });

test('an empty report', () => {
  expect(print()).toBe('no cases\n');
});

test('a case that holds with its table, and one that fails', () => {
  const findings = [finding(), finding({ check: 'guards', consequence: true })];
  expect(print(held({ framePointers: REVIEW_TREE }), failed({ findings, trace: ['main pc 0  r9=0x1'] }))).toBe(
    `✓ review tree  subtree  holds
✗ review tree  unsaved  fails frame-address, declared holds

    policy   subprog       expected                                     seen                into block
    subtree  subtree_root  private_stack_ptr + 120  0xffffe8ffffc01008  0xffffe8ffffc01008  120
             subprog1      subtree_root_fp + 80     0xffffe8ffffc01058  0xffffe8ffffc01058  200
             subprog2      subprog1_fp + 40         0xffffe8ffffc01080  0xffffe8ffffc01080  240
             subprog3      subtree_root_fp + 160    0xffffe8ffffc010a8  0xffffe8ffffc010a8  280

✗ review tree · unsaved  specs/private-stack/review-tree.yaml
  fails frame-address, declared holds
  trace
    main pc 0  r9=0x1
  frame-address: A store through r10 - 120 does not go to the frame of this activation of subtree_root.
    where    prog.subtree_root pc 7: *(u64 *)(r10 - 120) = r1
    machine  prog.subtree_root+0x4c: mov qword ptr [r9-78h], rdi
    spec     specs/private-stack/review-tree.yaml:14:7
    want     0xffffe8ffffc01008
    got      0x5a5a5a5a5a5a5a5a
    culprit  call of bpf_ktime_get_ns in prog.subprog1 pc 3 (prog.subprog1+0x2f) destroyed r9
    replay   ./scripts/privstack run specs/private-stack/review-tree.yaml --policy unsaved --cpu 0 -t 'review tree' --trace
  and 1 later finding, consequences: guards 1

1 case as declared, 1 not; 5 ms
`,
  );
});

test('names are aligned over all specs; scenario and CPU stand where they tell apart', () => {
  const throwing = { spec: 'throw', file: 'specs/throw.yaml' };
  const cases = ['plain', 'deep'].flatMap((scenario) => [0, 1].map((cpu) => held({ ...throwing, scenario, cpu })));
  expect(print(held(), ...cases)).toBe(`✓ review tree    subtree        holds
✓ throw · plain  subtree cpu 0  holds
✓ throw · plain  subtree cpu 1  holds
✓ throw · deep   subtree cpu 0  holds
✓ throw · deep   subtree cpu 1  holds

5 cases as declared, 0 not; 13 ms
`);
});

test('a reason for what was refused or does not apply', () => {
  const inapplicable = { verdict: 'not-applicable', declared: 'not-applicable', reason: 'No tail call.' } as const;
  expect(print(refused({ policy: 'kernel-stack' }), held({ policy: 'linux-6.18', ...inapplicable }))).toBe(
    `✓ review tree  kernel-stack  refused, as declared
    combined stack size of 3 calls is 544. Too large
- review tree  linux-6.18    not applicable, as declared
    No tail call.

2 cases as declared, 0 not; 5 ms
`,
  );
});

describe('sweeps', () => {
  test('500 points are a line', () => {
    const cases = sweep(500);
    expect(print(...cases)).toBe('✓ depth sweep  subtree  holds (500 points)\n\n500 cases as declared, 0 not; 1.3 s\n');
  });

  test('verbose has a line for each', () => {
    const lines = text(reportOf(...sweep(500)), { color: false, verbose: true }).split('\n');
    expect(lines).toHaveLength(503);
    expect(lines[499]).toBe('✓ depth sweep · depth(main)=499  subtree  holds');
  });

  test('a spec of very many points', () => {
    const cases = sweep(150_000, () => ({ framePointers: REVIEW_TREE.slice(0, 1) }));
    const report = { version: 1 as const, results: cases };
    expect(text(report, { color: false, verbose: true })).toContain('150000 cases as declared, 0 not');
  });

  test('different verdicts, all as declared', () => {
    const change = (depth: number) =>
      depth > 2 ? refused({ spec: 'depth sweep', file: 'specs/depth.yaml', point: { depth } }) : {};
    expect(
      print(...sweep(5, change)),
    ).toBe(`✓ depth sweep  subtree  holds (3 of 5 points); refused, as declared (2 of 5 points)
    combined stack size of 3 calls is 544. Too large

5 cases as declared, 0 not; 13 ms
`);
  });

  test('many reasons', () => {
    const change = (depth: number) =>
      refused({ spec: 'depth sweep', file: 'specs/depth.yaml', point: { depth }, reason: `size ${depth}` });
    expect(
      print(...sweep(500, change))
        .split('\n')
        .slice(1, 6),
    ).toEqual(['    size 0', '    size 1', '    size 2', '    and 497 more reasons', '']);
  });

  test('a point that is not as declared has a line of its own', () => {
    const printed = print(...sweep(65, (depth) => (depth === 64 ? inSweep({ 'depth(main)': 64 }) : {})));
    expect(printed).toContain(`✓ depth sweep                   subtree  holds (64 of 65 points)
✗ depth sweep · depth(main)=64  subtree  fails frame-address, declared holds

✗ depth sweep · depth(main)=64 · subtree  specs/depth.yaml
`);
  });

  test('500 points that fail do not fill the screen', () => {
    const cases = sweep(500, (depth) => inSweep({ depth }));
    const lines = print(...cases).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      '✗ depth sweep · depth=0  subtree  fails frame-address, declared holds',
      '✗ depth sweep · depth=1  subtree  fails frame-address, declared holds',
      '✗ depth sweep · depth=2  subtree  fails frame-address, declared holds',
      '✗ depth sweep            subtree  and 497 more points, not as declared',
      '',
    ]);
    expect(lines.slice(-5)).toEqual([
      '',
      '  and 497 more points of this sweep, not as declared',
      '',
      '0 cases as declared, 500 not; 1.3 s',
      '',
    ]);
    expect(lines.length).toBeLessThan(50);
    const all = text(reportOf(...cases), { color: false, verbose: true });
    expect(all.match(/^ {4}replay/gm)).toHaveLength(500);
  });
});

test('holds although a failure is declared: the reason is all there is', () => {
  expect(print(held({ declared: 'fails', asDeclared: false, reason: 'guards was to fail first' }))).toContain(
    '  holds, declared fails: guards was to fail first\n',
  );
});

test('null fields leave nothing behind', () => {
  expect(print(failed({ findings: [bareFinding()] }))).not.toMatch(/null|undefined|NaN/);
});

test('a trace of what is as declared stands below it', () => {
  expect(print(held({ trace: ['main pc 0'] }), held({ policy: 'linux-6.18' }))).toContain(
    '  trace of review tree · subtree\n    main pc 0\n',
  );
});

test('unicode', () => {
  expect(print(held({ spec: 'Stapel für 🙂' }), held({ spec: 'stack for it!' }))).toContain(
    '✓ Stapel für 🙂   subtree  holds\n✓ stack for it!  subtree  holds\n',
  );
});

test('a long name sticks out alone', () => {
  const long = 'x'.repeat(200);
  expect(print(held(), held({ spec: long }))).toContain(`✓ review tree  subtree  holds\n✓ ${long}  subtree  holds\n`);
});

test('a report cannot write control characters into a terminal', () => {
  const evil = '\u001b[2J\u0007\u202e\r\n\u009b';
  const frames = REVIEW_TREE.map((each) => ({ ...each, subprog: evil, term: evil }));
  const bad = finding({ message: evil, want: evil, got: evil, culprit: evil, bpf: evil, machine: evil, replay: evil });
  const names = { spec: evil, file: evil, policy: evil, scenario: evil, point: { [evil]: 1 } };
  const cases = [
    held({ ...names, framePointers: frames, trace: [evil] }),
    failed({ ...names, reason: evil, findings: [bad], trace: [evil] }),
    refused({ ...names, reason: evil }),
  ];
  expect(print(...cases)).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
});

describe('colours', () => {
  const results = [held({ framePointers: REVIEW_TREE }), refused(), failed({ trace: ['pc 0'] }), ...sweep(3)];

  test('only where they are wanted', () => {
    const coloured = text(reportOf(...results), { color: true });
    expect(coloured).toContain('\u001b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(print(...results));
  });
});
