import { BPF_JA, BPF_JMP, type Insn, isLdImm64 } from '../../jit';
import type { CoreRecord } from './btf-ext';
import type { CoreRelocator } from './core';
import type { ElfFunction } from './functions';
import { ElfProblem, type SourceLine } from './problem';
import { reachable } from './reachable';

/** What stands where an instruction without meaning was that nothing leads to. */
const skipped = (insn: Insn): Insn =>
  isLdImm64(insn) ? { ...insn, src: 0, imm64: 0n } : { code: BPF_JMP | BPF_JA, dst: 0, src: 0, off: 0, imm: 0 };

/**
 * A function adapted to the kernel's types. What asks for a type that the kernel does not have is an error only where the
 * program may come to it: it may have asked before whether the type is there.
 * @throws ElfProblem
 */
export function adapt(
  fn: ElfFunction,
  records: readonly CoreRecord[],
  relocator: () => CoreRelocator,
  sourceAt: (offset: number) => SourceLine | undefined,
): ElfFunction {
  const own = records.filter(({ offset }) => offset >= fn.start && offset < fn.start + fn.size);
  if (own.length === 0) return fn;
  const indexOf = new Map(fn.offsets.map((offset, i) => [offset, i]));
  const insns = [...fn.insns];
  const unresolved = new Map<number, string>();
  for (const record of own) {
    const place = fn.section.part.place(record.offset);
    const index = indexOf.get(record.offset);
    if (index === undefined) throw new ElfProblem(place, 'a CO-RE relocation where no instruction begins');
    const result = relocator().apply(record, insns[index]!, place);
    if (result.ok) insns[index] = result.insn;
    else unresolved.set(index, result.unresolved);
  }
  if (unresolved.size > 0) {
    const live = reachable(insns);
    for (const [index, message] of unresolved) {
      const offset = fn.offsets[index]!;
      const source = sourceAt(offset);
      const hints = { expected: 'a kernel that has it, or `bpf_core_..._exists()` before', ...(source && { source }) };
      if (live.has(index)) throw new ElfProblem(fn.section.part.place(offset), `CO-RE: ${message}`, hints);
      insns[index] = skipped(insns[index]!);
    }
  }
  return { ...fn, insns };
}
