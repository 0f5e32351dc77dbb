/** Opcodes of the two branches that the kernel patches into code. */
export const JMP = 0xe9;
export const CALL = 0xe8;

/** `nopl 0(%rax,%rax,1)`: what stands where no branch is (x86_nops[5]). */
export const NOP5 = Uint8Array.of(0x0f, 0x1f, 0x44, 0x00, 0x00);

/** `jmp` or `call` of 5 bytes, as text_poke() puts them over a nop, or the nop over them. */
export function branch(opcode: number, from: bigint, to: bigint): Uint8Array {
  const bytes = new Uint8Array(NOP5.length);
  bytes[0] = opcode;
  new DataView(bytes.buffer).setInt32(1, Number(BigInt.asIntN(32, to - (from + BigInt(NOP5.length)))), true);
  return bytes;
}
