import { expect, test } from '@jest/globals';
import { caseFindingLines, findingLines, PLAIN } from './finding-text';
import { bareFinding, failed, finding } from './testing';

test('everything that is known has a line', () => {
  expect(findingLines(finding(), PLAIN)).toEqual([
    'frame-address: A store through r10 - 120 does not go to the frame of this activation of subtree_root.',
    '  where    prog.subtree_root pc 7: *(u64 *)(r10 - 120) = r1',
    '  machine  prog.subtree_root+0x4c: mov qword ptr [r9-78h], rdi',
    '  spec     specs/private-stack/review-tree.yaml:14:7',
    '  want     0xffffe8ffffc01008',
    '  got      0x5a5a5a5a5a5a5a5a',
    '  culprit  call of bpf_ktime_get_ns in prog.subprog1 pc 3 (prog.subprog1+0x2f) destroyed r9',
    "  replay   ./scripts/privstack run specs/private-stack/review-tree.yaml --policy unsaved --cpu 0 -t 'review tree' --trace",
  ]);
});

test('what is unknown has none', () => {
  expect(
    findingLines(bareFinding({ want: 'an end', got: 'more than 1000000 instructions', replay: 'r' }), PLAIN),
  ).toEqual([
    'termination: The run does not end.',
    '  where    prog',
    '  want     an end',
    '  got      more than 1000000 instructions',
    '  replay   r',
  ]);
});

test.each([
  [{ machineOffset: 0, machine: null }, '  machine  prog.subtree_root+0x0'],
  [{ machineOffset: null, machine: 'ud2' }, '  machine  ud2'],
])('half of a machine instruction', (changes, line) => {
  expect(findingLines(finding(changes), PLAIN)).toContain(line);
});

test('long text is wrapped under itself, a command never', () => {
  const replay = `privstack run ${'very/'.repeat(30)}long.yaml`;
  const lines = findingLines(finding({ want: 'word '.repeat(40), got: 'one\ntwo', replay }), PLAIN);
  expect(lines.filter((line) => line.length > 110)).toEqual([`  replay   ${replay}`]);
  expect(lines.slice(lines.indexOf('  got      one')).slice(0, 2)).toEqual(['  got      one', '           two']);
});

test('consequences are counted, the most frequent first', () => {
  const later = ['guards', 'callee-saved', 'a', 'b', 'callee-saved', 'c', 'd', 'callee-saved', 'guards'];
  const findings = [finding(), ...later.map((check) => finding({ check, consequence: true }))];
  expect(caseFindingLines(failed({ findings }), PLAIN).slice(8)).toEqual([
    'and 9 later findings, consequences: callee-saved 3, guards 2, a 1, b 1, c 1, others 1',
  ]);
  expect(caseFindingLines(failed({ findings }), PLAIN, true)).toHaveLength(80);
});

test('one consequence is no plural', () => {
  const findings = [bareFinding(), finding({ consequence: true })];
  expect(caseFindingLines(failed({ findings }), PLAIN).at(-1)).toBe(
    'and 1 later finding, consequences: frame-address 1',
  );
});

test('of many findings that are no consequences, the first few are in full', () => {
  const findings = Array.from({ length: 10 }, () => bareFinding());
  const lines = caseFindingLines(failed({ findings }), PLAIN);
  expect(lines.filter((line) => line.startsWith('termination:'))).toHaveLength(3);
  expect(lines.at(-1)).toBe('and 7 further findings, termination 7');
});
