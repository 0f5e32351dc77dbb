import { Part } from './part';
import { ElfProblem } from './problem';

/** A section, as the table of sections has it (System V ABI, chapter 4). */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly link: number;
  readonly info: number;
  /** Of a section without bytes in the file, those that it has in memory. */
  readonly size: number;
  /** Its bytes in the file; none where it has none. */
  readonly part: Part;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  readonly visibility: number;
  /** Index of its section; 0 is another object's. */
  readonly section: number;
}

export interface Relocation {
  /** In the section that is relocated. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Those of a section, in the order of the file. */
  relocations(section: ElfSection): readonly Relocation[];
}

export const SHT_PROGBITS = 1;
export const SHT_NOBITS = 8;
const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const SHT_REL = 9;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;

export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STB_LOCAL = 0;
export const STB_WEAK = 2;
export const STV_DEFAULT = 0;
export const SHN_UNDEF = 0;

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const HEADER_BYTES = 0x40;
const SECTION_BYTES = 0x40;
const SYMBOL_BYTES = 24;
const REL_BYTES = 16;
const ET_REL = 1;
const EM_BPF = 247;

/** Machines that objects are made for by mistake. */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'x86 (32 bits)',
  40: 'Arm (32 bits)',
  62: 'x86-64',
  183: 'Arm64',
  243: 'RISC-V',
  258: 'LoongArch',
};

export const isElf = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/** What the header must say, in this order. */
function checkHeader(file: Part): void {
  const wrong = (message: string, expected: string) => new ElfProblem('the ELF header', message, { expected });
  const compiled = 'an object made by `clang -target bpf -c`';
  if (!isElf(file.bytes)) throw wrong('not an ELF file', compiled);
  if (file.size < HEADER_BYTES) throw wrong(`the file ends after ${file.size} bytes`, `at least ${HEADER_BYTES}`);
  if (file.u8(4) !== 2) throw wrong('the file is not of class 64 bits', compiled);
  if (file.u8(5) !== 1) throw wrong('the file is not little endian', 'an object made by `clang -target bpfel`');
}

/** A header that a BPF object has beyond that. */
function checkMachine(file: Part): void {
  const wrong = (message: string, expected: string) => new ElfProblem('the ELF header', message, { expected });
  const machine = file.u16(0x12);
  if (machine !== EM_BPF) {
    throw wrong(`the file is for ${MACHINES[machine] ?? `machine ${machine}`}`, `BPF (machine ${EM_BPF})`);
  }
  const type = file.u16(0x10);
  if (type !== ET_REL) throw wrong(`the file is of type ${type}`, `${ET_REL}, an object that is not linked yet`);
}

function readSections(file: Part): ElfSection[] {
  const header = file.slice(0, HEADER_BYTES, 'the ELF header', 'the header');
  const start = header.u64(0x28);
  const entry = header.u16(0x3a);
  const count = header.u16(0x3c);
  if (count === 0) throw header.problem(0x3c, 'there are no sections');
  if (entry !== SECTION_BYTES) throw header.problem(0x3a, `entries of ${entry} bytes`, `${SECTION_BYTES}`);
  const table = file.slice(start, count * entry, 'the table of sections', 'the table of sections');
  const offsetOf = (index: number) => table.u64(index * entry + 0x18);
  const sizeOf = (index: number) => table.u64(index * entry + 0x20);
  const namesIndex = header.u16(0x3e);
  if (namesIndex >= count) throw header.problem(0x3e, `names in section ${namesIndex}`, `0 to ${count - 1}`);
  const names = file.slice(offsetOf(namesIndex), sizeOf(namesIndex), 'the names of sections', 'the names of sections');
  return Array.from({ length: count }, (_, index): ElfSection => {
    const at = index * entry;
    const name = names.text(table.u32(at));
    const type = table.u32(at + 4);
    const size = sizeOf(index);
    const shown = `section ${name === '' ? `#${index}` : name}`;
    const inFile = type === SHT_NOBITS || type === 0 ? 0 : size;
    const part = file.slice(inFile === 0 ? 0 : offsetOf(index), inFile, shown, shown);
    return {
      index,
      name,
      type,
      flags: table.u64(at + 8),
      link: table.u32(at + 0x28),
      info: table.u32(at + 0x2c),
      size,
      part,
    };
  });
}

function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  if (!table) return [];
  const names = sections[table.link]?.part;
  if (!names) throw table.part.problem(0, `its names are in section ${table.link}, which there is not`);
  return Array.from({ length: Math.floor(table.part.size / SYMBOL_BYTES) }, (_, index): ElfSymbol => {
    const at = index * SYMBOL_BYTES;
    const info = table.part.u8(at + 4);
    const section = table.part.u16(at + 6);
    const type = info & 0xf;
    const written = names.text(table.part.u32(at));
    const name = written === '' && type === STT_SECTION ? (sections[section]?.name ?? '') : written;
    const visibility = table.part.u8(at + 5) & 3;
    return {
      name,
      type,
      bind: info >> 4,
      visibility,
      section,
      value: table.part.u64(at + 8),
      size: table.part.u64(at + 16),
    };
  });
}

function readRelocations({ part }: ElfSection, symbols: readonly ElfSymbol[]): Relocation[] {
  return Array.from({ length: Math.floor(part.size / REL_BYTES) }, (_, index) => {
    const at = index * REL_BYTES;
    const number = part.u32(at + 12);
    const symbol = symbols[number];
    if (!symbol) throw part.problem(at, `symbol ${number} of ${symbols.length}`);
    return { offset: part.u64(at), type: part.u32(at + 8), symbol };
  });
}

/** A section of any ELF file, a kernel say; undefined where it has none of that name. @throws ElfProblem */
export function sectionOf(bytes: Uint8Array, name: string): Part | undefined {
  const file = new Part('the file', bytes);
  checkHeader(file);
  return readSections(file).find((each) => each.name === name)?.part;
}

/** Sections, symbols and relocations of a BPF object. @throws ElfProblem */
export function readElf(bytes: Uint8Array): ElfFile {
  const file = new Part('the file', bytes);
  checkHeader(file);
  checkMachine(file);
  const sections = readSections(file);
  const symbols = readSymbols(sections);
  return {
    sections,
    symbols,
    relocations({ index, name }) {
      const tables = sections.filter(({ type, info }) => (type === SHT_REL || type === SHT_RELA) && info === index);
      const added = tables.find(({ type }) => type === SHT_RELA);
      if (added) throw added.part.problem(0, `relocations of ${name} with addends`, 'none, as clang makes them');
      return tables.flatMap((table) => readRelocations(table, symbols));
    },
  };
}
