import { describe, expect, it } from '@jest/globals';
import { policyNamed } from '../../jit';
import { COMPANIONS } from './companions';
import { Examiner } from './examine';
import { judgeText } from './full';
import { randomOf } from './generate';
import type { FuzzProgram } from './program';

const code = (...insns: readonly [code: number, dst: number, src: number, imm: number][]) => [
  { kind: 'code' as const, insns: insns.map(([code, dst, src, imm]) => ({ code, dst, src, off: 0, imm })) },
];
/** What is there always: something to attach to, and to replace. */
const PROGRAM: FuzzProgram = {
  type: 'kprobe',
  kfuncs: [],
  exceptionCallback: undefined,
  subprogs: [
    { name: 'main', nodes: code([0x85, 0, 1, 1], [0x95, 0, 0, 0]) },
    { name: 'sub1', nodes: code([0xb7, 0, 0, 5], [0x95, 0, 0, 0]) },
  ],
};
const INPUT = { cpu: 0, seed: 1, context: new Uint8Array(256), returns: [], r9: 'junk' } as const;

/** What every check says, or what is wrong with the spec. */
function outcome(text: string): string {
  try {
    const [finding] = judgeText(text, 'case.yaml').findings;
    return finding ? `${finding.check}: ${finding.message}\n${text}` : 'holds';
  } catch (error) {
    // A tail call may leave before what is traced.
    return /never happens/.test(String(error)) ? 'never happens' : `${error}\n${text}`;
  }
}

describe.each(['kernel-stack', 'linux-6.18'])('what runs beside a generated program, under %s', (policy) => {
  const examiner = new Examiner(policyNamed(policy)!);
  const prepared = examiner.prepare({ program: PROGRAM })!;

  it.each(COMPANIONS.map((make, i) => [`${make(randomOf(1), 'sub1').events.at(-1)} (${i})`, make] as const))(
    '%s: it is a spec, and it holds',
    (_, make) => {
      const outcomes = Array.from({ length: 12 }, (_, seed) => {
        const around = make(randomOf(seed), 'sub1');
        const text = examiner.text(prepared, { input: { ...INPUT, around } }, { name: 'case', description: '' });
        return outcome(text);
      });
      expect(outcomes.filter((each) => each !== 'holds' && each !== 'never happens')).toEqual([]);
      expect(outcomes.filter((each) => each === 'holds').length).toBeGreaterThan(6);
    },
  );
});
