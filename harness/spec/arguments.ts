import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_ST,
  BPF_STX,
  BPF_X,
  type Insn,
} from './jit';

/** Registers that an instruction reads, for what an instruction of each class is; those of a call depend on the callee. */
const READS: Readonly<Record<number, (insn: Insn) => readonly number[]>> = {
  [BPF_ALU]: readsOfAlu,
  [BPF_ALU64]: readsOfAlu,
  [BPF_LDX]: ({ src }) => [src],
  [BPF_ST]: ({ dst }) => [dst],
  [BPF_STX]: ({ dst, src }) => [dst, src],
  [BPF_JMP]: readsOfJump,
  [BPF_JMP32]: readsOfJump,
};

/** Classes whose instructions write `dst`. */
const WRITES: ReadonlySet<number> = new Set([BPF_ALU, BPF_ALU64, BPF_LD, BPF_LDX]);

const CLASS = 0x07;
const OP = 0xf0;
const MODE = 0xe0;
/** Operations of jumps that compare nothing: ja, call and exit, and jcond. */
const NOT_COMPARING: ReadonlySet<number> = new Set([0x00, 0x80, 0x90, 0xe0]);
/** Where a straight look at the instructions ends: calls leave no arguments behind, the others lead elsewhere. */
const ENDING: ReadonlySet<number> = new Set([0x00, 0x80, 0x90]);

function readsOfAlu({ code, dst, src }: Insn): readonly number[] {
  const own = (code & OP) === BPF_MOV ? [] : [dst];
  return (code & BPF_X) === 0 ? own : [...own, src];
}

function readsOfJump({ code, dst, src }: Insn): readonly number[] {
  if (NOT_COMPARING.has(code & OP)) return [];
  return (code & BPF_X) === 0 ? [dst] : [dst, src];
}

/**
 * The first argument register after the first `count` ones that a function reads before it has written it, or undefined.
 * Looked at in the order of the text, up to the first call, goto, exit or atomic operation: it need not be found in code
 * that is written to hide it.
 */
export function argumentRead(insns: readonly Insn[], count: number): number | undefined {
  const written = new Set<number>();
  for (const insn of insns) {
    const kind = insn.code & CLASS;
    if (kind === BPF_STX && (insn.code & MODE) === BPF_ATOMIC) return undefined;
    const read = READS[kind]?.(insn).find((register) => register > count && register <= 5 && !written.has(register));
    if (read !== undefined) return read;
    if (WRITES.has(kind)) written.add(insn.dst);
    if ((kind === BPF_JMP || kind === BPF_JMP32) && ENDING.has(insn.code & OP)) return undefined;
  }
  return undefined;
}
