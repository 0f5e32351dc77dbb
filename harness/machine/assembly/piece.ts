import { Decoder, DecoderOptions } from 'iced-x86';
import { type BranchForms, branchForms } from './branches';
import { encodeOne } from './engine';
import type { AssemblyError } from './errors';
import { isAbsolute, isPatched, keystoneText } from './keystone-text';
import { fits32, type MemoryOperand, type ValueOperand } from './operands';
import type { DataStatement, InstructionStatement } from './parse';

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

/** What Keystone does not know at all. */
const OWN: ReadonlyMap<string, readonly number[]> = new Map([
  ['endbr64', [0xf3, 0x0f, 0x1e, 0xfa]],
  ['endbr32', [0xf3, 0x0f, 0x1e, 0xfb]],
]);

/** The bytes of a statement as far as they do not depend on addresses; or why there are none. */
export async function pieceOf(
  statement: InstructionStatement,
): Promise<Piece | Pick<AssemblyError, 'message' | 'expected'>> {
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
  if (own !== undefined && operands.length === 0 && prefix === undefined) {
    return { kind: 'fixed', bytes: Uint8Array.from(own) };
  }
  const refused = refuseOperands(statement);
  if (refused !== undefined) return refused;
  const encoding = await encodeOne(keystoneText(statement));
  if (encoding.kind === 'trapped')
    return { message: 'Keystone dies on this statement', expected: 'its bytes as .byte' };
  if (encoding.kind === 'refused') return explain(statement, encoding.code, encoding.reason);
  return place(statement, encoding.bytes);
}

/** What Keystone would take, and get wrong. */
function refuseOperands(statement: InstructionStatement): Pick<AssemblyError, 'message' | 'expected'> | undefined {
  const { mnemonic, operands } = statement;
  for (const operand of operands) {
    if (operand.kind === 'value' && operand.label !== undefined && !operand.offset) {
      const { name } = operand.label;
      return {
        message: `\`${name}\` is no register`,
        expected: 'a register, `offset label` for its address, or `[rip + label]` for what stands there',
      };
    }
    if (operand.kind === 'value' && operand.offset && !/^mov(abs)?$/.test(mnemonic)) {
      return { message: `\`offset\` in \`${mnemonic}\``, expected: '`mov` of a 64-bit register and `offset label`' };
    }
    if (operand.kind === 'memory' && isAbsolute(operand) && !fits32(operand.displacement)) {
      if (!/^mov(abs)?$/.test(mnemonic)) return { message: 'the address does not fit 32 signed bits' };
    }
  }
  return undefined;
}

const INVALID_OPERAND = 512;
const MISSING_FEATURE = 513;
const UNKNOWN_MNEMONIC = 514;

function explain(
  { mnemonic, operands }: InstructionStatement,
  code: number,
  reason: string,
): Pick<AssemblyError, 'message' | 'expected'> {
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
