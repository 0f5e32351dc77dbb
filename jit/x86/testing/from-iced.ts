import {
  Decoder,
  DecoderOptions,
  type Instruction as Iced,
  Mnemonic,
  type OpCodeInfo,
  OpCodeOperandKind,
  OpKind,
  Register,
} from 'iced-x86';
import { FORMS, type FormName } from '../forms';
import { gs, imm64, type Mem, mem0, type Operand } from '../operands';
import { GPR_NAMES, type GprName, r8, r16, r32, r64 } from '../registers';
import { addressed, type Instruction } from './assemble';

const ALL_REGISTERS = new Map(
  [r8, r16, r32, r64].flatMap((bank) => Array.from({ length: 16 }, (_, num) => [bank(num).name, bank(num)] as const)),
);

/** iced's names of the operands that the opcode fixes, in ours. */
const FIXED: Readonly<Record<string, string>> = { eax: 'eax', rax: 'rax', cl: 'cl', imm8_const_1: '1' };

/** Names of enum members cross the border to WebAssembly only once. */
const cached = <T extends number>(name: (value: T) => string): ((value: T) => string) => {
  const known = new Map<T, string>();
  return (value) => {
    let text = known.get(value);
    if (text === undefined) known.set(value, (text = name(value)));
    return text;
  };
};

const mnemonicName = cached<Mnemonic>((value) => Mnemonic[value].toLowerCase());
const registerName = cached<Register>((value) => Register[value].toLowerCase().replace(/^(r\d+)l$/, '$1b'));
const operandKindName = cached<OpCodeOperandKind>((value) => OpCodeOperandKind[value]);

/** The part of a row's name that stands for operand `index`: `r64`, `m8`, `imm32`, `eax`. */
function partOf(iced: Iced, info: OpCodeInfo, index: number): string {
  const kind = operandKindName(info.opKind(index));
  if (kind in FIXED) return FIXED[kind]!;
  if (kind === 'mem') return 'm64';
  const branch = /^br64_([14])$/.exec(kind);
  if (branch) return `rel${Number(branch[1]) * 8}`;
  const immediate = /^imm(8|16|32|64)(sex\d+)?$/.exec(kind);
  if (immediate) return `imm${immediate[1]}`;
  const width = /^r(8|16|32|64)_/.exec(kind)?.[1];
  if (width === undefined) throw new Error(`operand kind ${kind}`);
  if (iced.opKind(index) === OpKind.Register) return `r${width}`;
  return iced.segmentPrefix === Register.GS ? 'gs' : `m${width}`;
}

/** The name of the row; nops are told apart by their length, since their operands are of the opcode. */
function rowName(iced: Iced): string {
  const mnemonic = mnemonicName(iced.mnemonic);
  if (mnemonic === 'nop') return `nop${iced.length}`;
  const info = iced.opCode;
  const parts = Array.from({ length: iced.opCount }, (_, index) => partOf(iced, info, index));
  info.free();
  const name = `${iced.hasLockPrefix ? 'lock ' : ''}${mnemonic} ${parts.join(', ')}`;
  return name.trim();
}

function memoryOf(iced: Iced): Operand {
  const displacement = Number(BigInt.asIntN(32, iced.memoryDisplacement));
  if (iced.segmentPrefix === Register.GS) return gs(displacement);
  const numberOf = (register: Register): number => GPR_NAMES.indexOf(registerName(register) as GprName);
  const index = iced.memoryIndex === Register.None ? null : numberOf(iced.memoryIndex);
  const size = iced.memoryDisplSize;
  const dispWidth: Mem['dispWidth'] = size === 0 ? 0 : size === 1 ? 8 : 32;
  const scale = iced.memoryIndexScale as Mem['scale'];
  return { ...mem0(numberOf(iced.memoryBase)), index, scale, disp: displacement, dispWidth };
}

function operandOf(iced: Iced, index: number): Operand {
  switch (iced.opKind(index)) {
    case OpKind.Register:
      return ALL_REGISTERS.get(registerName(iced.opRegister(index)))!;
    case OpKind.Memory:
      return memoryOf(iced);
    case OpKind.Immediate8:
      return { kind: 'imm', width: 8, value: (iced.immediate8 << 24) >> 24 };
    case OpKind.Immediate8to32:
      return { kind: 'imm', width: 8, value: iced.immediate8to32 };
    case OpKind.Immediate8to64:
      return { kind: 'imm', width: 8, value: Number(iced.immediate8to64) };
    case OpKind.Immediate16:
      return { kind: 'imm', width: 16, value: (iced.immediate16 << 16) >> 16 };
    case OpKind.Immediate32:
      return { kind: 'imm', width: 32, value: iced.immediate32 | 0 };
    case OpKind.Immediate32to64:
      return { kind: 'imm', width: 32, value: Number(iced.immediate32to64) };
    case OpKind.Immediate64:
      return imm64(BigInt.asIntN(64, iced.immediate64));
    case OpKind.NearBranch64:
      return { kind: 'rel', width: iced.length === 2 ? 8 : 32, target: addressed(iced.nearBranchTarget) };
    default:
      throw new Error(`operand ${index} is of kind ${OpKind[iced.opKind(index)]}`);
  }
}

/**
 * The same instruction as one of our rows; immediates come out signed.
 * @throws Error where no row has this shape
 */
export function fromIced(iced: Iced): Instruction {
  const name = rowName(iced);
  if (!(name in FORMS)) throw new Error(`no row '${name}'`);
  const form = FORMS[name as FormName];
  if (form.kinds.length === 0) return { form, operands: [] };
  const operands: Operand[] = [];
  form.parts.forEach((part, index) => {
    if (typeof part === 'string') operands.push(operandOf(iced, index));
  });
  return { form, operands };
}

/** Calls `visit` with each instruction of `bytes`; the object is only good until the next one. */
export function eachInstruction(bytes: Uint8Array, at: bigint, visit: (iced: Iced) => void): void {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = at;
  const iced = decoder.decode();
  try {
    for (;;) {
      visit(iced);
      if (!decoder.canDecode) break;
      decoder.decodeOut(iced);
    }
  } finally {
    iced.free();
    decoder.free();
  }
}
