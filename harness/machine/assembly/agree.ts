import { type Instruction, MemorySizeExt, Mnemonic, OpKind, Register, RegisterExt } from 'iced-x86';
import { canonicalMnemonic } from './mnemonics';
import type { MemoryOperand, Operand, ValueOperand } from './operands';
import type { InstructionStatement, Prefix } from './parse';

/** What an operand's label and number come to. */
export type Resolve = (operand: MemoryOperand | ValueOperand) => bigint;

/**
 * Whether a decoded instruction is the statement. Decided on iced-x86's own fields, which come from the bytes alone:
 * nothing of the way that Keystone was asked for them.
 */
export function agrees(statement: InstructionStatement, decoded: Instruction, resolve: Resolve): boolean {
  const name = Mnemonic[decoded.mnemonic]!.toLowerCase();
  if (name !== canonicalMnemonic(statement.mnemonic)) return false;
  if (prefixOf(decoded) !== statement.prefix) return false;
  if (decoded.hasXacquirePrefix || decoded.hasXreleasePrefix) {
    if (statement.prefix !== 'lock') return false;
  }
  if (decoded.opMask !== Register.None || MemorySizeExt.isBroadcast(decoded.memorySize)) return false;
  if (name === 'push' && statement.operands[0]?.kind === 'value' && decoded.stackPointerIncrement !== -8) return false;
  return candidates(name, statement.operands).some((operands) => sameOperands(name, operands, decoded, resolve));
}

function prefixOf(decoded: Instruction): Prefix | undefined {
  if (decoded.hasLockPrefix) return 'lock';
  if (decoded.hasRepnePrefix) return 'repne';
  return decoded.hasRepePrefix ? 'repe' : undefined;
}

/** Other ways to write the same operands. */
function candidates(name: string, operands: readonly Operand[]): (readonly Operand[])[] {
  const [first, second] = operands;
  if (operands.length !== 2) return [operands];
  // These two do not care which operand stands first.
  if (name === 'xchg' || name === 'test') return [operands, [second!, first!]];
  // `imul eax, 5` is short for `imul eax, eax, 5`.
  if (name === 'imul' && second!.kind === 'value') return [[first!, first!, second!]];
  return [operands];
}

function sameOperands(name: string, operands: readonly Operand[], decoded: Instruction, resolve: Resolve): boolean {
  if (operands.length === 0) return decoded.opCount === 0 || isImplied(name, decoded);
  if (operands.length !== decoded.opCount) return false;
  return operands.every((operand, at) => {
    const kind = decoded.opKind(at);
    if (operand.kind === 'register') return kind === OpKind.Register && decoded.opRegister(at) === operand.register;
    if (operand.kind === 'memory') {
      return (
        kind === OpKind.Memory && sameSize(name, operand, operands, decoded) && sameAddress(operand, decoded, resolve)
      );
    }
    if (kind === OpKind.NearBranch64) return decoded.nearBranchTarget === resolve(operand);
    return sameImmediate(kind, decoded, at, resolve(operand));
  });
}

/** `movsb`, `monitor`: the operands that such a name stands for, with nothing changed by a prefix. */
function isImplied(name: string, decoded: Instruction): boolean {
  if (decoded.hasSegmentPrefix) return false;
  const kinds = Array.from({ length: decoded.opCount }, (_, at) => decoded.opKind(at));
  if (name === 'xlatb') return decoded.memoryBase === Register.RBX;
  if (name === 'monitor') return decoded.op0Register === Register.RAX;
  if (name === 'mwait' || name === 'fxch') return true;
  const full = [OpKind.MemorySegRSI, OpKind.MemoryESRDI, OpKind.Register];
  return decoded.isStringInstruction && kinds.every((kind) => full.includes(kind));
}

/** Instructions whose memory operand has one size, or none. */
const SIZELESS =
  /^(lea|invlpg|prefetch\w*|clflush\w*|clwb|f?xsave\w*|f?xrstor\w*|[sl][gi]dt|cmpxchg(8|16)b|(ld|st)mxcsr|set\w+|call|jmp|push|pop)$/;

/** Here a register beside the memory operand does not say its size. */
const UNSAID = /^([sr][ah][lr]|ro[lr]|rc[lr]|mov[sz]xd?|cvt\w+|crc32|in|out)$/;

function sameSize(name: string, operand: MemoryOperand, all: readonly Operand[], decoded: Instruction): boolean {
  const size = MemorySizeExt.size(decoded.memorySize);
  if (operand.size !== undefined) return size === 0 || size === operand.size;
  if (SIZELESS.test(name)) return !/^(call|jmp|push|pop)$/.test(name) || size === 8;
  if (UNSAID.test(name)) return false;
  return all.some((each) => {
    if (each.kind !== 'register') return false;
    return RegisterExt.isVectorRegister(each.register) || RegisterExt.size(each.register) === size;
  });
}

function sameAddress(operand: MemoryOperand, decoded: Instruction, resolve: Resolve): boolean {
  const { segment, base, index } = operand;
  if (segment === Register.None ? decoded.hasSegmentPrefix : decoded.memorySegment !== segment) return false;
  if (base === Register.RIP) return decoded.isIpRelMemoryOperand && decoded.ipRelMemoryAddress === resolve(operand);
  if (BigInt.asUintN(64, operand.displacement) !== BigInt.asUintN(64, decoded.memoryDisplacement)) return false;
  const scale = decoded.memoryIndex === Register.None ? 1 : decoded.memoryIndexScale;
  if (scale !== operand.scale) return false;
  if (decoded.memoryBase === base && decoded.memoryIndex === index) return true;
  return scale === 1 && decoded.memoryBase === index && decoded.memoryIndex === base;
}

/** How many bits of an immediate count, by the form that has it. */
const IMMEDIATE_BITS: ReadonlyMap<OpKind, number> = new Map([
  [OpKind.Immediate8, 8],
  [OpKind.Immediate8_2nd, 8],
  [OpKind.Immediate16, 16],
  [OpKind.Immediate32, 32],
  [OpKind.Immediate64, 64],
  [OpKind.Immediate8to16, 16],
  [OpKind.Immediate8to32, 32],
  [OpKind.Immediate8to64, 64],
  [OpKind.Immediate32to64, 64],
]);

/** -1 and 0xff are one byte; 0x1ff is none. */
function sameImmediate(kind: OpKind, decoded: Instruction, at: number, value: bigint): boolean {
  const bits = IMMEDIATE_BITS.get(kind);
  if (bits === undefined) return false;
  if (value < -(1n << BigInt(bits - 1)) || value >= 1n << BigInt(bits)) return false;
  return BigInt.asUintN(bits, decoded.immediate(at)) === BigInt.asUintN(bits, value);
}
