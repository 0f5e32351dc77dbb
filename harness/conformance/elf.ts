/** The code of an object file, or why there is none. */
export type ElfResult =
  | { readonly ok: true; readonly code: Uint8Array }
  | { readonly ok: false; readonly error: string };

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
/** Class 64 bits, data little endian. */
const IDENT = [2, 1];
const EM_BPF = 247;
const SHT_PROGBITS = 1;
const SHT_RELA = 4;
const SHT_REL = 9;
const SHF_EXECINSTR = 4n;
const SECTION_BYTES = 0x40;

interface ElfSection {
  readonly type: number;
  readonly flags: bigint;
  readonly offset: number;
  readonly size: number;
  /** Of relocations: the section that they are for. */
  readonly info: number;
}

export const isElf = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

const failure = (error: string): ElfResult => ({ ok: false, error });

/** The section headers (System V ABI, chapter 4); undefined where they are not all inside the file. */
function sectionsOf(view: DataView): ElfSection[] | undefined {
  const start = Number(view.getBigUint64(0x28, true));
  const size = view.getUint16(0x3a, true);
  const count = view.getUint16(0x3c, true);
  if (size < SECTION_BYTES || start + size * count > view.byteLength) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * size;
    return {
      type: view.getUint32(at + 0x04, true),
      flags: view.getBigUint64(at + 0x08, true),
      offset: Number(view.getBigUint64(at + 0x18, true)),
      size: Number(view.getBigUint64(at + 0x20, true)),
      info: view.getUint32(at + 0x2c, true),
    };
  });
}

/** The instructions of the first section with code. References to maps or other sections are beyond us. */
export function codeOfElf(bytes: Uint8Array): ElfResult {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isElf(bytes) || bytes.length < SECTION_BYTES) return failure('this is not an ELF file');
  if (IDENT.some((byte, i) => bytes[4 + i] !== byte)) return failure('the ELF file is not 64-bit little endian');
  const machine = view.getUint16(0x12, true);
  if (machine !== EM_BPF) return failure(`the ELF file is for machine ${machine}, not for BPF (${EM_BPF})`);
  const sections = sectionsOf(view);
  if (!sections) return failure('the section headers of the ELF file are outside of it');
  const index = sections.findIndex(
    ({ type, flags, size }) => type === SHT_PROGBITS && (flags & SHF_EXECINSTR) !== 0n && size > 0,
  );
  const code = sections[index];
  if (!code) return failure('the ELF file has no section with instructions');
  if (code.offset + code.size > bytes.length) return failure('the instructions of the ELF file are outside of it');
  if (sections.some(({ type, info, size }) => (type === SHT_REL || type === SHT_RELA) && info === index && size > 0))
    return failure('the ELF file needs relocation: only instructions that stand for themselves can be run');
  return { ok: true, code: bytes.slice(code.offset, code.offset + code.size) };
}
