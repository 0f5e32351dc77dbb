import { describe, expect, test } from '@jest/globals';
import { type Insn, LINUX_6_18, MAY_GOTO_THUNKS, POLICIES, policyNamed } from '../jit';
import { buildWorld, verifyAll } from './build';
import { asm, lowered } from './check/testing';
import { runPrepared } from './exec-requests';
import { answerJit } from './jit-requests';

/** Three rounds with the clock asked in the first; r5 is 0 all the while, and is saved by the thunk. */
const LOOP = `
main:
  r4 = 0
  r5 = 0
  *(u64 *)(r10 - 64) = 7
round:
  may_goto out
  r4 += 1
  if r4 == 3 goto out
  goto round
out:
  r0 = r4
  r0 += r5
  exit`;

const THUNKS = Object.values(MAY_GOTO_THUNKS);

/** The first count of a loop is 65535: with 1 the clock is asked at once. */
const hurried = (insn: Insn): Insn => (insn.imm === 0xffff ? { ...insn, imm: 1 } : insn);

function outcome(name: string) {
  const policy = policyNamed(name)!;
  const [spec] = lowered(asm(LOOP));
  const programs = verifyAll(spec!.programs, policy, LINUX_6_18).map((verified) => {
    const subprogs = verified.program.subprogs.map((each) => ({ ...each, insns: each.insns.map(hurried) }));
    return { ...verified, program: { ...verified.program, subprogs } };
  });
  const initial = { seed: 1, context: new Uint8Array(8), maps: [] };
  const built = buildWorld(programs, initial, { policy, config: LINUX_6_18, bodies: new Map() });
  const { r0, findings } = runPrepared(built, { policy });
  return {
    thunks: built.world.helpers.map(({ name }) => name).filter((name) => THUNKS.includes(name)),
    r0: BigInt(r0),
    findings,
  };
}

describe('the time of may_goto', () => {
  // A frame of 64 bytes: what is 72 bytes below rbp is where the thunk saved r8, which is BPF r5 (facts of 6.18).
  test('linux-6.18: from a private frame it comes back in r5', () => {
    const { thunks, r0, findings } = outcome('linux-6.18');
    expect(thunks).toEqual([MAY_GOTO_THUNKS.offset]);
    expect(findings).toEqual([]);
    expect(r0).toBe(3n + 1_001_000_000n);
  });

  test.each(['kernel-stack', 'linux-6.18-fixed'])('%s: it is where it belongs', (policy) => {
    const { thunks, r0, findings } = outcome(policy);
    expect(thunks).toEqual([MAY_GOTO_THUNKS[policyNamed(policy)!.mayGoto]]);
    expect(findings).toEqual([]);
    expect(r0).toBe(3n);
  });
});

test.each(POLICIES.map(({ name }) => name))('%s: jit calls the kernel its thunk by address', (name) => {
  const insns = ['e500010000000000', 'b700000000000000', '9500000000000000'];
  const { relocs } = answerJit({ name: 'p', prog_type: 'KPROBE', insns }, policyNamed(name)!);
  const calls = relocs[0]!.filter(({ kind }) => kind === 'call');
  const target = `0x${LINUX_6_18.symbols.timedMayGoto.toString(16)}`;
  expect(calls.map((call) => [call.target, call.sym])).toEqual([[target, MAY_GOTO_THUNKS[policyNamed(name)!.mayGoto]]]);
});
