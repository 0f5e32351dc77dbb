import { type Program, pcsOf } from '../../jit';
import { argumentsRead } from './reads';

/** Type information that names a program's functions and lines, as the kernel wants it at loading. */
export interface ProgramBtf {
  readonly btf: Uint8Array;
  /** Where each function begins, and its type (struct bpf_func_info). */
  readonly funcInfo: Uint8Array;
  /** Every instruction is a line of its own (struct bpf_line_info): the kernel then says where each one's code is. */
  readonly lineInfo: Uint8Array;
}

/** Kinds of types (Documentation/bpf/btf.rst). */
const Kind = { INT: 1, PTR: 2, FUNC: 12, FUNC_PROTO: 13, DECL_TAG: 17 } as const;
const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;

/** Ids of the types that all functions share. */
const INT = 1;
const U64 = 2;
const POINTER = 3;

class Strings {
  private text = '\0';

  offset(name: string): number {
    const at = this.text.length;
    this.text += `${name}\0`;
    return at;
  }

  get bytes(): Buffer {
    return Buffer.from(this.text, 'latin1');
  }
}

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeInt32LE(value | 0, 4 * i);
  });
  return bytes;
};

const info = (kind: number, count = 0): number => (kind << 24) | count;

/** How many arguments a function is passed. */
const argumentCount = ({ subprogs }: Program, index: number): number =>
  Math.max(0, ...argumentsRead(subprogs[index]!.insns));

/** Names that BTF allows. */
const identifier = (name: string): string => name.replace(/\W/g, '_');

/**
 * Writes the type information of a program.
 * @param exceptionCallback index of the subprog that catches exceptions
 */
export function programBtf(program: Program, exceptionCallback?: number): ProgramBtf {
  const strings = new Strings();
  const types: Buffer[] = [
    words(strings.offset('int'), info(Kind.INT), 4, (1 << 24) | 32),
    words(strings.offset('u64'), info(Kind.INT), 8, 64),
    words(0, info(Kind.PTR), 0),
  ];
  const add = (type: Buffer): number => types.push(type);
  const functions = program.subprogs.map(({ name, isGlobal }, i) => {
    const global = i === 0 || (isGlobal ?? false) || i === exceptionCallback;
    const passed = i === 0 ? [POINTER] : Array.from({ length: global ? argumentCount(program, i) : 0 }, () => U64);
    const args = passed.map((type, at) => words(strings.offset(`a${at}`), type));
    const proto = add(Buffer.concat([words(0, info(Kind.FUNC_PROTO, args.length), global ? INT : U64), ...args]));
    return add(words(strings.offset(identifier(name)), info(Kind.FUNC, global ? 1 : 0), proto));
  });
  if (exceptionCallback !== undefined) {
    const tag = `exception_callback:${identifier(program.subprogs[exceptionCallback]!.name)}`;
    add(words(strings.offset(tag), info(Kind.DECL_TAG), functions[0]!, -1));
  }
  const [file, line] = [strings.offset('program'), strings.offset('an instruction')];
  const typeBytes = Buffer.concat(types);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(MAGIC, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(HEADER_BYTES, 4);
  header.writeUInt32LE(typeBytes.length, 12);
  header.writeUInt32LE(typeBytes.length, 16);
  header.writeUInt32LE(strings.bytes.length, 20);
  let start = 0;
  const funcInfo: Buffer[] = [];
  const lineInfo: Buffer[] = [];
  program.subprogs.forEach(({ insns }, i) => {
    funcInfo.push(words(start, functions[i]!));
    const pcs = pcsOf(insns);
    for (const pc of pcs.slice(0, -1)) lineInfo.push(words(start + pc, file, line, (start + pc + 1) << 10));
    start += pcs[insns.length]!;
  });
  const bytes = (...parts: Buffer[]) => Uint8Array.from(Buffer.concat(parts));
  return { btf: bytes(header, typeBytes, strings.bytes), funcInfo: bytes(...funcInfo), lineInfo: bytes(...lineInfo) };
}
