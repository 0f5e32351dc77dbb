import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';

/** The instruction that covers `offset`, and the one behind it, when the bytes are read from their start. */
export function around(bytes: Uint8Array, address: bigint, offset: number): string {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = address;
  const shown: string[] = [];
  try {
    for (let at = 0; decoder.canDecode && shown.length < 2; ) {
      const insn = decoder.decode();
      const end = at + insn.length;
      if (offset < end) {
        const hex = Buffer.from(bytes.subarray(at, end)).toString('hex');
        shown.push(`+0x${at.toString(16)} ${formatter.format(insn)} (${hex})`);
      }
      at = end;
      insn.free();
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return shown.length > 0 ? shown.join('; ') : 'nothing';
}

/** An instruction as it reads. */
export interface Disassembled {
  readonly offset: number;
  readonly hex: string;
  readonly text: string;
}

/** Every instruction of a function, read from its start. */
export function disassemble(bytes: Uint8Array, address: bigint): Disassembled[] {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = address;
  const all: Disassembled[] = [];
  try {
    for (let offset = 0; decoder.canDecode; ) {
      const insn = decoder.decode();
      const hex = Buffer.from(bytes.subarray(offset, offset + insn.length)).toString('hex');
      all.push({ offset, hex, text: formatter.format(insn) });
      offset += insn.length;
      insn.free();
    }
  } finally {
    formatter.free();
    decoder.free();
  }
  return all;
}
