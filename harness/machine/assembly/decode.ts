import { Decoder, DecoderOptions, Formatter, FormatterSyntax, type Instruction } from 'iced-x86';

/** Shows bytes as the one instruction that they are; undefined when they are none, or more than one. */
export function withDecoded<T>(
  bytes: Uint8Array,
  address: bigint,
  use: (instruction: Instruction) => T,
): T | undefined {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = address;
  const instruction = decoder.decode();
  try {
    return instruction.isInvalid || instruction.length !== bytes.length ? undefined : use(instruction);
  } finally {
    instruction.free();
    decoder.free();
  }
}

/** What bytes are, for a message: the instruction, if they are one, and the bytes. */
export function describeBytes(bytes: Uint8Array, address: bigint): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = withDecoded(bytes, address, instructionText);
  return text === undefined ? `\`${hex}\`` : `\`${text}\` (${hex})`;
}

function instructionText(instruction: Instruction): string {
  const formatter = new Formatter(FormatterSyntax.Intel);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  try {
    return formatter.format(instruction);
  } finally {
    formatter.free();
  }
}
