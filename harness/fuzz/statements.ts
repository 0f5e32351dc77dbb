import { withOff } from '../../jit';
import { SIZES } from './choices';
import { Writing, wide } from './writing';

/** Statements that do not jump. */
export abstract class Statements extends Writing {
  protected alu(): void {
    const { random } = this;
    const op = random.pick([0x00, 0x10, 0x20, 0x40, 0x50, 0xa0, 0xb0, 0x60, 0x70, 0xc0]);
    const wide = random.once(2);
    const base = op | (wide ? 7 : 4);
    const dst = this.pickTarget();
    if (random.once(2)) this.emit(base | 8, dst, this.pickLive());
    else if (op === 0x60 || op === 0x70 || op === 0xc0) this.emit(base, dst, 0, 0, random.below(wide ? 64 : 32));
    else this.emit(base, dst, 0, 0, this.immediate());
    this.end();
  }

  protected divide(): void {
    const { random } = this;
    const base = random.pick([0x30, 0x90]) | (random.once(2) ? 7 : 4);
    const dst = this.pickTarget();
    const off = random.below(2);
    if (random.once(2)) this.emit(base | 8, dst, this.pickLive(), off);
    else this.emit(base, dst, 0, off, this.immediate() || 3);
    this.end();
  }

  protected unary(): void {
    const { random } = this;
    const dst = this.pickTarget();
    const src = this.pickLive();
    const kind = random.below(4);
    if (kind === 0) this.emit(random.pick([0x84, 0x87]), dst);
    else if (kind === 1) this.emit(random.pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, random.pick([16, 32, 64]));
    else if (kind === 2) this.emit(0xbf, dst, src, random.pick([8, 16, 32]));
    else this.emit(0xbc, dst, src, random.pick([8, 16]));
    this.end();
  }

  protected wide(): void {
    const dst = this.random.pick(this.writable);
    const high = this.random.pick([0, -1, 1, this.random.int32()]);
    const imm64 = BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(this.immediate() >>> 0));
    this.insns.push(wide(dst, 0, imm64));
    this.cost += this.rounds;
    this.live.add(dst);
    this.end();
  }

  /** A part of a word of the frame that was written. */
  protected place(): { off: number; mode: number; size: number } {
    const { size, mode } = this.random.pick(SIZES);
    return { size, mode, off: this.random.pick(this.slots) + size * this.random.below(8 / size) };
  }

  protected load(): void {
    const { off, mode, size } = this.place();
    const dst = this.random.pick(this.writable);
    const code = (size < 8 && this.random.once(3) ? 0x81 : 0x61) | mode;
    if (this.far !== null && this.random.once(4)) this.emit(code, dst, this.far, off & (8 - size));
    else this.emit(code, dst, 10, off);
    this.live.add(dst);
    this.end();
  }

  protected store(): void {
    const { off, mode, size } = this.place();
    const far = this.far !== null && this.random.once(4);
    const [base, at] = far ? [this.far!, off & (8 - size)] : [10, off];
    if (this.random.once(2)) this.emit(0x62 | mode, base, 0, at, this.immediate());
    else this.emit(0x63 | mode, base, this.pickLive(), at);
    this.end();
  }

  protected atomic(): void {
    const { random } = this;
    const wide = random.once(2);
    const off = random.pick(this.slots) + (wide ? 0 : 4 * random.below(2));
    const code = wide ? 0xdb : 0xc3;
    const imm = random.pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110]);
    if (imm === 0x100) {
      const dst = random.pick(this.writable);
      this.emit(code, dst, 10, off, imm);
      this.live.add(dst);
    } else this.emit(code, 10, this.pickTarget(), off, imm);
    this.end();
  }

  /** The frame through another register, which is a number again afterwards. */
  protected pointer(): void {
    const { random } = this;
    const reg = random.pick(this.writable.filter((each) => each !== 0));
    const word = random.pick(this.slots);
    const shift = 8 * random.below(3);
    this.live.delete(reg);
    this.emit(0xbf, reg, 10);
    this.emit(0x07, reg, 0, 0, word - shift);
    this.emit(0x7b, reg, this.pickLive(), shift);
    if (random.once(2)) this.emit(0x7b, 10, reg, word);
    if (random.once(2)) this.emit(0x7b, 10, this.pickLive(), word);
    else this.emit(0x7a, 10, 0, word, this.immediate());
    this.number(reg);
  }

  /**
   * Jumps of which each is short only when the next one is, so that one more becomes short in each pass: in the end what is
   * too long is padded.
   */
  protected ladder(): void {
    const { random } = this;
    const rungs = random.between(13, 17);
    const start = this.insns.length;
    const jumps: number[] = [];
    const tops: number[] = [];
    for (let i = 0; i < rungs; i++) {
      // The jump before it comes down behind this one.
      jumps.push(this.insns.length);
      this.emit(random.pick([0x15, 0x55]), 0, 0, 0, random.between(1, 100));
      tops.push(this.insns.length);
      this.adds(random.between(114, 117));
    }
    jumps.forEach((at, i) => {
      const target = tops[i + 1] ?? this.insns.length;
      this.insns[at] = withOff(this.insns[at]!, target - at - 1);
    });
    this.nodes.push({ kind: 'code', insns: this.insns.splice(start), whole: true });
    this.end();
  }

  /** Additions to r0, of so many bytes exactly. */
  private adds(bytes: number): void {
    for (let left = bytes; left > 0; ) {
      const four = left % 3 !== 0;
      this.emit(four ? 0x07 : 0x04, 0, 0, 0, this.random.between(1, 100));
      left -= four ? 4 : 3;
    }
  }

  /** Machine code of so many bytes or a few more: additions of 3 and 4 bytes. */
  protected filler(bytes: number): void {
    const reg = this.pickTarget();
    for (let left = bytes; left > 0; ) {
      const four = reg > 5 || left % 3 !== 0;
      this.emit(four ? 0x07 : 0x04, reg, 0, 0, this.random.between(1, 100));
      left -= four ? 4 : 3;
    }
    this.end();
  }
}
