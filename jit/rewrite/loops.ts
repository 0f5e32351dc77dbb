import {
  aluOp,
  BPF_CALL,
  BPF_JCOND,
  BPF_JMP,
  BPF_LDX,
  BPF_MOV,
  BPF_PSEUDO_FUNC,
  BPF_X,
  bpf,
  type Insn,
  insnClass,
  isAlu,
  isJmp,
  isLdImm64,
} from '../bpf';
import type { Patch } from './patch';

/** Bytes of frame for the count and the time of may_goto (6.15: timed). */
export const MAY_GOTO_BYTES = 16;
/** Bytes of frame for the three registers that an inlined loop uses. */
export const LOOP_BYTES = 24;

/** Rounds until the clock is asked. */
const MAY_GOTO_ROUNDS = 0xffff;
/** Rounds of bpf_loop at most (BPF_MAX_LOOPS), and what it returns beyond (-E2BIG). */
const MAX_LOOPS = 1 << 23;
const E2BIG = 7;

export const isMayGoto = (insn: Insn): boolean => insn.code === (BPF_JMP | BPF_JCOND);

/** Sets count and time, at the start of a subprog with may_goto. `depth` includes them. */
export const mayGotoStart = (depth: number): Insn[] => [
  bpf.st64('r10', -depth, MAY_GOTO_ROUNDS),
  bpf.st64('r10', -depth + 8, 0),
];

/** How the thunk that looks at the clock is told where count and time are: as an offset from rbp, or by a pointer. */
export type MayGotoArgument = 'offset' | 'pointer';

const ARGUMENTS: Readonly<Record<MayGotoArgument, (depth: number) => readonly Insn[]>> = {
  offset: (depth) => [bpf.mov64('ax', -depth)],
  pointer: (depth) => [bpf.mov64('ax', 'r10'), bpf.add64('ax', -depth)],
};

/**
 * Counts down, and asks the clock when the count runs out; at 0 the jump is taken.
 * @param target slot that may_goto jumps to
 * @param thunk index of the kfunc that looks at the clock: its argument and result are in the scratch register
 */
export function mayGotoPatch(depth: number, target: number, thunk: number, convention: MayGotoArgument): Patch {
  const argument = ARGUMENTS[convention](depth);
  return [
    bpf.ldx64('ax', 'r10', -depth),
    { insn: bpf.jeq64('ax', 0, 0), target },
    bpf.sub64('ax', 1),
    bpf.jne64('ax', 0, argument.length + 1),
    ...argument,
    bpf.callKfunc(thunk),
    bpf.stx64('r10', -depth, 'ax'),
  ];
}

const writes = (insn: Insn, register: number): boolean =>
  (isAlu(insn) || isLdImm64(insn) || insnClass(insn) === BPF_LDX) && insn.dst === register;

/** The instruction that sets a register for the one at `at`, if nothing but straight code lies in between. */
function setter(insns: readonly Insn[], at: number, register: number): Insn | null {
  for (let i = at - 1; i >= 0; i--) {
    const insn = insns[i]!;
    if (isJmp(insn)) return null;
    if (writes(insn, register)) return insn;
  }
  return null;
}

const isZero = (insn: Insn): boolean =>
  isAlu(insn) && aluOp(insn) === BPF_MOV && (insn.code & BPF_X) === 0 && insn.imm === 0;

/** The callback of a bpf_loop() whose callback and flags (0) are evident; null for any other. */
export function loopCallback(insns: readonly Insn[], at: number): number | null {
  const callback = setter(insns, at, 2);
  const flags = setter(insns, at, 4);
  if (!callback || !flags || !isLdImm64(callback) || callback.src !== BPF_PSEUDO_FUNC || !isZero(flags)) return null;
  return Number(callback.imm64! & 0xffffffffn);
}

/** bpf_loop() as an ordinary loop (inline_bpf_loop()). `depth` includes the three saved registers. */
export function loopPatch(depth: number, callback: number): Patch {
  return [
    bpf.jle64('r1', MAX_LOOPS, +2),
    bpf.mov32('r0', -E2BIG),
    bpf.goto(+16),
    bpf.stx64('r10', -depth, 'r6'),
    bpf.stx64('r10', -depth + 8, 'r7'),
    bpf.stx64('r10', -depth + 16, 'r8'),
    bpf.mov64('r6', 'r1'),
    bpf.mov32('r7', 0),
    bpf.mov64('r8', 'r3'),
    bpf.jge64('r7', 'r6', +5),
    bpf.mov64('r1', 'r7'),
    bpf.mov64('r2', 'r8'),
    bpf.callSubprog(callback),
    bpf.add64('r7', 1),
    bpf.jeq64('r0', 0, -6),
    bpf.mov64('r0', 'r7'),
    bpf.ldx64('r6', 'r10', -depth),
    bpf.ldx64('r7', 'r10', -depth + 8),
    bpf.ldx64('r8', 'r10', -depth + 16),
  ];
}

export const isCall = (insn: Insn): boolean => insn.code === (BPF_JMP | BPF_CALL);
