import {
  Decoder,
  DecoderOptions,
  FlowControl,
  Formatter,
  FormatterSyntax,
  type Instruction,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86';

/** A machine instruction as a decoder sees it. */
export interface Decoded {
  /** From the start of the function. */
  readonly offset: number;
  readonly size: number;
  /** Without prefixes. */
  readonly mnemonic: string;
  /** In Intel's syntax. */
  readonly text: string;
  /** Hardware number of the base of its memory operand. */
  readonly base: number | null;
  /** Register that it pushes, and one that it changes by a constant. */
  readonly pushes: number | null;
  readonly adjusts: number | null;
  /** Whether its memory operand is relative to rip: it means another place when it is moved. */
  readonly ripRelative: boolean;
  /** Of a relative call or jump: where it goes. */
  readonly target: bigint | null;
  readonly flow: 'next' | 'call' | 'jump' | 'condition' | 'return';
  /** Displacement of an operand relative to GS that has no base register. */
  readonly gs: bigint | null;
  /** The constant that it loads into a register, and that register's number. */
  readonly constant: { readonly register: number; readonly value: bigint } | null;
}

const FLOWS: Readonly<Partial<Record<FlowControl, Decoded['flow']>>> = {
  [FlowControl.UnconditionalBranch]: 'jump',
  [FlowControl.IndirectBranch]: 'jump',
  [FlowControl.ConditionalBranch]: 'condition',
  [FlowControl.Return]: 'return',
  [FlowControl.Call]: 'call',
  [FlowControl.IndirectCall]: 'call',
};

const IMMEDIATES = new Set<OpKind>([OpKind.Immediate32, OpKind.Immediate32to64, OpKind.Immediate64]);

/** Hardware number of a general register of 32 or 64 bits. */
function registerNumber(register: Register): number | null {
  if (register >= Register.RAX && register <= Register.R15) return register - Register.RAX;
  return register >= Register.EAX && register <= Register.R15D ? register - Register.EAX : null;
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

function constantOf(insn: Instruction): Decoded['constant'] {
  const register = insn.opCount === 2 && insn.op0Kind === OpKind.Register ? registerNumber(insn.op0Register) : null;
  if (register === null) return null;
  if (insn.mnemonic === Mnemonic.Mov && IMMEDIATES.has(insn.op1Kind))
    return { register, value: u64(insn.immediate(1)) };
  const clears = insn.mnemonic === Mnemonic.Xor && insn.op1Kind === OpKind.Register;
  return clears && insn.op0Register === insn.op1Register ? { register, value: 0n } : null;
}

function rowOf(insn: Instruction, offset: number, text: string): Decoded {
  // Nops name addresses that they never touch.
  const touches = insn.mnemonic !== Mnemonic.Nop && insn.memoryBase !== Register.None;
  const memory = touches ? registerNumber(insn.memoryBase) : null;
  const gs = insn.memorySegment === Register.GS && insn.memoryBase === Register.None;
  const flow = FLOWS[insn.flowControl] ?? 'next';
  const register = insn.op0Kind === OpKind.Register ? registerNumber(insn.op0Register) : null;
  const byConstant = insn.opCount === 2 && insn.op1Kind !== OpKind.Register && insn.op1Kind !== OpKind.Memory;
  const adds = insn.mnemonic === Mnemonic.Add || insn.mnemonic === Mnemonic.Sub;
  const relative = insn.op0Kind === OpKind.NearBranch64;
  const bare = text.replace(/^((lock|rep|repe|repne) )+/, '');
  return {
    offset,
    size: insn.length,
    mnemonic: bare.split(' ')[0]!,
    text,
    base: memory,
    pushes: insn.mnemonic === Mnemonic.Push ? register : null,
    adjusts: adds && byConstant ? register : null,
    target: relative ? insn.nearBranchTarget : null,
    ripRelative: insn.isIpRelMemoryOperand,
    flow,
    gs: gs ? u64(insn.memoryDisplacement) : null,
    constant: constantOf(insn),
  };
}

/** Bytes that are no instruction, in the middle of a function. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Every instruction of a function, in order. @throws DecodeError */
export function decode(bytes: Uint8Array, address: bigint): Decoded[] {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.uppercaseHex = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.spaceAfterOperandSeparator = true;
  decoder.ip = address;
  const rows: Decoded[] = [];
  try {
    while (decoder.canDecode) {
      const offset = Number(decoder.ip - address);
      const insn = decoder.decode();
      try {
        if (insn.isInvalid) throw new DecodeError(`no instruction of x86-64 at +0x${offset.toString(16)}`);
        rows.push(rowOf(insn, offset, formatter.format(insn)));
      } finally {
        insn.free();
      }
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return rows;
}
