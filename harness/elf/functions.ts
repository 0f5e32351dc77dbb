import { decodeInsns, type Insn, slots } from '../../jit';
import {
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  type Relocation,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  STB_LOCAL,
  STT_FUNC,
  STV_DEFAULT,
} from './file';
import { ElfProblem, placeIn } from './problem';

export const INSN_BYTES = 8;
/** A section of subprogs; what is in any other is a program. */
export const TEXT = '.text';
/** Visibility of a global function that other objects may not see: libbpf makes it a static one. */
const STV_PROTECTED = 3;

/** A function as the object has it: instructions without their relocations. */
export interface ElfFunction {
  readonly name: string;
  readonly section: ElfSection;
  /** In its section, bytes. */
  readonly start: number;
  readonly size: number;
  readonly isGlobal: boolean;
  readonly insns: readonly Insn[];
  /** Of each instruction, in the section. */
  readonly offsets: readonly number[];
  /** By offset in the section. */
  readonly relocations: ReadonlyMap<number, Relocation>;
}

export const isCode = ({ type, flags, size }: ElfSection): boolean =>
  type === SHT_PROGBITS && (flags & SHF_EXECINSTR) !== 0 && size > 0;

function readFunction(section: ElfSection, symbol: ElfSymbol, relocations: readonly Relocation[]): ElfFunction {
  const { name, value: start, size, bind, visibility } = symbol;
  const { part } = section;
  const wrong = (message: string) => new ElfProblem(part.place(start), `function ${name} ${message}`);
  if (start % INSN_BYTES !== 0 || size % INSN_BYTES !== 0) throw wrong('does not begin and end between instructions');
  if (size === 0) throw wrong('is empty');
  if (start + size > part.size) throw wrong(`has ${size} bytes, which end behind the section's ${part.size}`);
  const decoded = decodeInsns(part.bytes.subarray(start, start + size));
  if (!decoded.ok) {
    const { index, message } = decoded.errors[0]!;
    throw part.problem(start + index * INSN_BYTES, message);
  }
  let next = start;
  const offsets = decoded.insns.map((insn) => {
    const offset = next;
    next += slots(insn) * INSN_BYTES;
    return offset;
  });
  const own = new Map<number, Relocation>();
  const begins = new Set(offsets);
  for (const each of relocations) {
    if (each.offset < start || each.offset >= start + size) continue;
    if (!begins.has(each.offset)) throw part.problem(each.offset, 'a relocation where no instruction begins');
    if (own.has(each.offset)) throw part.problem(each.offset, 'a second relocation of one instruction');
    own.set(each.offset, each);
  }
  const isGlobal = bind !== STB_LOCAL && (visibility === STV_DEFAULT || visibility === STV_PROTECTED);
  return { name, section, start, size, isGlobal, insns: decoded.insns, offsets, relocations: own };
}

/** The functions of a section, in order. @throws ElfProblem */
export function readFunctions(file: ElfFile, section: ElfSection): ElfFunction[] {
  const relocations = file.relocations(section);
  const symbols = file.symbols
    .filter(({ type, section: index }) => type === STT_FUNC && index === section.index)
    .sort((a, b) => a.value - b.value);
  let end = 0;
  for (const { name, value, size } of symbols) {
    if (value < end) {
      throw new ElfProblem(placeIn(section.name, value), `function ${name} begins inside of the one before`);
    }
    end = value + size;
  }
  const sorted = [...relocations].sort((a, b) => a.offset - b.offset);
  let from = 0;
  return symbols.map((symbol) => {
    while (from < sorted.length && sorted[from]!.offset < symbol.value) from++;
    let to = from;
    while (to < sorted.length && sorted[to]!.offset < symbol.value + symbol.size) to++;
    return readFunction(section, symbol, sorted.slice(from, to));
  });
}
