import type { Btf } from './btf';
import type { Part } from './part';
import type { SourceLine } from './problem';

/** A line of source that instructions from an offset on are made of. */
export interface LineRecord extends SourceLine {
  readonly offset: number;
}

/** What has to be adapted to the kernel's types (Documentation/bpf/llvm_reloc.rst). */
export interface CoreRecord {
  /** Of the instruction, in its section. */
  readonly offset: number;
  /** Of the program's own type. */
  readonly type: number;
  /** Which member, as `0:1:2`. */
  readonly access: string;
  readonly kind: number;
}

export interface BtfExt {
  /** By name of the section, in order of the offsets. */
  readonly lines: ReadonlyMap<string, readonly LineRecord[]>;
  readonly core: ReadonlyMap<string, readonly CoreRecord[]>;
}

const MAGIC = 0xeb9f;
const NO_CORE_BYTES = 24;
const FULL_BYTES = 32;

/** The parts of the section: where in its header they are told, and how long their records are at least. */
const LINES = { field: 16, bytes: 16, what: 'the line info' };
const CORE = { field: 24, bytes: 16, what: 'the CO-RE relocations' };

/** Records by section: each list begins with the size of a record, each section with its name and their number. */
function readRecords<T>(
  part: Part,
  btf: Btf,
  { field, bytes, what }: typeof LINES,
  read: (at: number) => T,
): Map<string, T[]> {
  const found = new Map<string, T[]>();
  const length = part.u32(field + 4);
  if (length === 0) return found;
  const start = part.u32(4) + part.u32(field);
  part.need(start, length, what);
  const size = part.u32(start);
  if (size < bytes || size % 4 !== 0) throw part.problem(start, `${what} has records of ${size} bytes`, `${bytes}`);
  const end = start + length;
  for (let at = start + 4; at < end; ) {
    const section = btf.string(part.u32(at));
    const count = part.u32(at + 4);
    if (at + 8 + count * size > end) throw part.problem(at, `${what} of section ${section} does not fit`);
    const records = found.get(section) ?? [];
    found.set(section, records);
    for (let i = 0; i < count; i++) records.push(read(at + 8 + i * size));
    at += 8 + count * size;
  }
  return found;
}

/** Reads `.BTF.ext`. @throws ElfProblem */
export function readBtfExt(part: Part, btf: Btf): BtfExt {
  part.need(0, NO_CORE_BYTES, 'the header');
  if (part.u16(0) !== MAGIC) throw part.problem(0, 'not BTF in little endian', `0x${MAGIC.toString(16)}`);
  if (part.u8(2) !== 1) throw part.problem(2, `version ${part.u8(2)}`, '1');
  const lines = readRecords(part, btf, LINES, (at): LineRecord => {
    const position = part.u32(at + 12);
    return {
      offset: part.u32(at),
      file: btf.string(part.u32(at + 4)),
      text: btf.line(part.u32(at + 8)).trim(),
      line: position >>> 10,
      column: Math.max(1, position & 0x3ff),
    };
  });
  const hasCore = part.u32(4) >= FULL_BYTES;
  const core = hasCore
    ? readRecords(part, btf, CORE, (at): CoreRecord => {
        const access = btf.string(part.u32(at + 8));
        return { offset: part.u32(at), type: part.u32(at + 4), access, kind: part.u32(at + 12) };
      })
    : new Map<string, CoreRecord[]>();
  // The compiler has no line for some of its own instructions: they keep the one before.
  const known = [...lines].map(([name, list]) => {
    return [name, list.filter(({ line }) => line > 0).sort((a, b) => a.offset - b.offset)] as const;
  });
  return { lines: new Map(known), core };
}
