import type { Insn } from './insn';
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32 } from './opcodes';

/** Distance in slots from the next instruction to the target of a jump; undefined for all but jumps. */
export function jumpDistance(insn: Insn): number | undefined {
  const kind = insn.code & 0x07;
  const op = insn.code & 0xf0;
  if ((kind !== BPF_JMP && kind !== BPF_JMP32) || op === BPF_CALL || op === BPF_EXIT) return undefined;
  return insn.code === (BPF_JMP32 | BPF_JA) ? insn.imm : insn.off;
}
