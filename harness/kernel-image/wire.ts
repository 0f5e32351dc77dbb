/** One slot of a program, as in memory: 8 bytes in hex. A call of a function has its target filled in at the end. */
export interface Slot {
  readonly hex: string;
  readonly calls?: number;
}

export interface Fields {
  readonly dst?: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
}

export function slot(code: number, { dst = 0, src = 0, off = 0, imm = 0 }: Fields = {}): Slot {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8((src << 4) | dst, 1);
  bytes.writeInt16LE(off, 2);
  bytes.writeInt32LE(imm, 4);
  return { hex: bytes.toString('hex') };
}

/** Instructions in place: functions behind each other, calls of functions relative. */
export function placed(functions: readonly (readonly Slot[])[]): string[] {
  let next = 0;
  const starts = functions.map(({ length }) => (next += length) - length);
  return functions.flat().map(({ hex, calls }, pc) => {
    if (calls === undefined) return hex;
    return slot(0x85, { src: 1, imm: starts[calls]! - pc - 1 }).hex;
  });
}
