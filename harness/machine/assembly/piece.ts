import { Decoder, DecoderOptions } from 'iced-x86';
import { type BranchForms, branchForms } from './branches';
import { encodeOne } from './engine';
import type { AssemblyError } from './errors';
import { isAbsolute, isPatched, keystoneText } from './keystone-text';
import { fits32, type MemoryOperand, type Operand, type ValueOperand } from './operands';
import type { DataStatement, InstructionStatement, Prefix } from './parse';
import { registerSize } from './registers';

/** Bytes in which some places are written once addresses are known. */
export interface FixedPiece {
  readonly kind: 'fixed';
  readonly bytes: Uint8Array;
  /** Where a 32-bit displacement from the end of the instruction, or an address itself, is written. */
  readonly fixup?: Fixup;
}

export type Fixup =
  | { readonly kind: 'relative'; readonly at: number; readonly operand: MemoryOperand }
  | { readonly kind: 'address'; readonly at: number; readonly operand: ValueOperand };

/** A direct branch: its size depends on the distance. */
export interface BranchPiece {
  readonly kind: 'branch';
  readonly forms: BranchForms;
  readonly target: ValueOperand;
  /** `jmp short`. */
  readonly short: boolean;
}

export interface DataPiece {
  readonly kind: 'data';
  readonly data: DataStatement;
}

export type Piece = FixedPiece | BranchPiece | DataPiece;

type Reason = Pick<AssemblyError, 'message' | 'expected'> & { readonly column?: number };

/** What Keystone does not know at all (of `movsd` and `cmpsd` it knows only the vector forms). */
const OWN: ReadonlyMap<string, readonly number[]> = new Map([
  ['endbr64', [0xf3, 0x0f, 0x1e, 0xfa]],
  ['endbr32', [0xf3, 0x0f, 0x1e, 0xfb]],
  ['movsd', [0xa5]],
  ['cmpsd', [0xa7]],
]);

/** The bytes of a statement as far as they do not depend on addresses; or why there are none. */
export async function pieceOf(statement: InstructionStatement): Promise<Piece | Reason> {
  const { mnemonic, operands, prefix } = statement;
  const [first] = operands;
  const forms = branchForms(mnemonic);
  if (forms !== undefined && operands.length === 1 && first!.kind === 'value' && !first!.offset) {
    if (prefix !== undefined) return { message: `\`${prefix}\` before a branch`, expected: 'its bytes as .byte' };
    if (statement.short && forms.short === undefined) return { message: `\`${mnemonic}\` has no short form` };
    return { kind: 'branch', forms, target: first!, short: statement.short };
  }
  if (statement.short) return { message: '`short` without a branch to a label or an address' };
  const own = OWN.get(mnemonic);
  if (own !== undefined && operands.length === 0) {
    return { kind: 'fixed', bytes: Uint8Array.from(prefix === undefined ? own : [PREFIX_BYTES[prefix], ...own]) };
  }
  const refused = refuseOperands(statement);
  if (refused !== undefined) return refused;
  const encoding = await encodeOne(keystoneText(statement));
  if (encoding.kind === 'trapped') {
    return { message: 'Keystone dies on this statement', expected: 'its bytes as .byte' };
  }
  if (encoding.kind === 'refused') return explain(statement, encoding.code, encoding.reason);
  return place(statement, encoding.bytes);
}

const PREFIX_BYTES: Readonly<Record<Prefix, number>> = { lock: 0xf0, repne: 0xf2, repe: 0xf3 };

/** What Keystone would take, and get wrong. */
function refuseOperands({ mnemonic, operands }: InstructionStatement): Reason | undefined {
  const [first] = operands;
  const size = first === undefined ? undefined : sizeOf(first);
  for (const operand of operands) {
    const reason = operand.kind === 'value' ? refuseValue(mnemonic, operand, size) : refuseMemory(mnemonic, operand);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function sizeOf(operand: Operand): number | undefined {
  if (operand.kind === 'register') return registerSize(operand.register);
  return operand.kind === 'memory' ? operand.size : undefined;
}

function refuseValue(mnemonic: string, operand: ValueOperand, size: number | undefined): Reason | undefined {
  const { column, label, offset, value } = operand;
  if (size !== undefined && !fitsBytes(value, size)) {
    return { column, message: `${value} does not fit ${size * 8} bits` };
  }
  if (label !== undefined && !offset) {
    const expected = 'a register, `offset label` for its address, or `[rip + label]` for what stands there';
    return { column: label.column, message: `\`${label.name}\` is no register`, expected };
  }
  if (offset && !isMov(mnemonic)) {
    return { message: `\`offset\` in \`${mnemonic}\``, expected: '`mov` of a 64-bit register and `offset label`' };
  }
  return undefined;
}

function refuseMemory(mnemonic: string, operand: Operand): Reason | undefined {
  if (operand.kind !== 'memory' || !isAbsolute(operand)) return undefined;
  if (fits32(operand.displacement) || isMov(mnemonic)) return undefined;
  return { column: operand.column, message: 'the address does not fit 32 signed bits' };
}

/** The one instruction with 64-bit immediates and addresses. */
function isMov(mnemonic: string): boolean {
  return mnemonic === 'mov' || mnemonic === 'movabs';
}

function fitsBytes(value: bigint, size: number): boolean {
  const bits = BigInt(size * 8);
  return value >= -(1n << (bits - 1n)) && value < 1n << bits;
}

const INVALID_OPERAND = 512;
const MISSING_FEATURE = 513;
const UNKNOWN_MNEMONIC = 514;

function explain({ mnemonic, operands }: InstructionStatement, code: number, reason: string): Reason {
  if (code === UNKNOWN_MNEMONIC) return { message: `unknown mnemonic \`${mnemonic}\`` };
  if (code === MISSING_FEATURE) return { message: 'there is no such form in 64-bit code' };
  if (code !== INVALID_OPERAND) return { message: `Keystone refuses the statement: ${reason}` };
  const message =
    operands.length === 0 ? `\`${mnemonic}\` needs operands` : `\`${mnemonic}\` has no form for these operands`;
  const sizeless = operands.some((each) => each.kind === 'memory' && each.size === undefined);
  return sizeless ? { message, expected: 'the size of the memory operand, as `qword ptr [rax]`' } : { message };
}

/** Finds the place of what is written later, and gives absolute addresses their SIB form. */
function place(statement: InstructionStatement, bytes: Uint8Array): FixedPiece {
  const memory = statement.operands.find((each) => each.kind === 'memory');
  const address = statement.operands.find((each) => each.kind === 'value' && each.offset);
  const offsets = constants(bytes);
  if (address?.kind === 'value' && offsets.immediateSize === 8) {
    return { kind: 'fixed', bytes, fixup: { kind: 'address', at: offsets.immediate, operand: address } };
  }
  const relative = offsets.ipRelative && offsets.displacementSize === 4;
  if (memory === undefined || !isPatched(memory) || !relative) return { kind: 'fixed', bytes };
  const at = offsets.displacement;
  if (!isAbsolute(memory)) return { kind: 'fixed', bytes, fixup: { kind: 'relative', at, operand: memory } };
  return { kind: 'fixed', bytes: absoluteForm(bytes, at, memory.displacement) };
}

/** ModRM `rm` = 101 means rip; = 100 with SIB 0x25 (no base, no index) means the 32-bit displacement itself. */
function absoluteForm(bytes: Uint8Array, at: number, displacement: bigint): Uint8Array {
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes.subarray(0, at));
  out[at - 1] = (bytes[at - 1]! & ~7) | 4;
  out[at] = 0x25;
  out.set(bytes.subarray(at), at + 1);
  new DataView(out.buffer).setInt32(at + 1, Number(displacement), true);
  return out;
}

function constants(bytes: Uint8Array) {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const instruction = decoder.decode();
  const offsets = decoder.getConstantOffsets(instruction);
  try {
    return {
      ipRelative: instruction.isIpRelMemoryOperand,
      displacement: offsets.displacementOffset,
      displacementSize: offsets.displacementSize,
      immediate: offsets.immediateOffset,
      immediateSize: offsets.immediateSize,
    };
  } finally {
    offsets.free();
    instruction.free();
    decoder.free();
  }
}
