import type { Random } from './random';
import { type Slot, slot } from './wire';

/** What a function may do, decided before its code is written. */
export interface Shape {
  readonly index: number;
  /** Bytes of frame: its deepest access. */
  readonly depth: number;
  /** Functions that it calls, once each at least. */
  readonly callees: readonly number[];
  /** No calls at all, so that arguments may stay where they are. */
  readonly leaf: boolean;
  /** Where u64 can be read from the context; none when this type's context is rewritten. */
  readonly ctxOffsets: readonly number[];
  readonly statements: number;
  /** Helpers that it may call, by id. */
  readonly helpers: readonly number[];
  /** Memory that it may write besides its frame: more than a verifier would allow, for runs that no kernel is asked for. */
  readonly memory?: ReachableMemory | undefined;
}

export interface ReachableMemory {
  readonly contextBytes: number;
  /** An area that constants point into. */
  readonly address: bigint;
  readonly bytes: number;
}

const CALLER_SAVED = [1, 2, 3, 4, 5];
const CALLEE_SAVED = [6, 7, 8, 9];
const PRANDOM = 7;
const IMMEDIATES = [0, 1, 2, -1, -2, 7, 127, 128, -128, -129, 255, 256, 0x7fff, 0x7fffffff, -0x80000000, 0x12345678];
const SIZES = [
  { size: 8, mode: 0x18 },
  { size: 4, mode: 0x00 },
  { size: 2, mode: 0x08 },
  { size: 1, mode: 0x10 },
];

/** Writes the code of one function that the verifier accepts and of which it drops nothing. */
export class Body {
  readonly code: Slot[] = [];
  /** Registers that hold a number. */
  private live = new Set<number>();
  private readonly writable: number[];
  private readonly saved: readonly number[];
  private readonly ctx: number | null;
  private readonly slots: number[] = [];
  private looping = false;

  constructor(
    private readonly random: Random,
    private readonly shape: Shape,
  ) {
    const saved = CALLEE_SAVED.filter(() => random.once(2));
    const hasCtx = shape.ctxOffsets.length > 0;
    if (hasCtx && !shape.leaf && saved.length === 0) saved.push(random.pick(CALLEE_SAVED));
    this.saved = saved;
    this.ctx = !hasCtx ? null : shape.leaf && random.once(2) ? 1 : (saved[0] ?? 1);
    this.writable = [0, ...CALLER_SAVED, ...saved].filter((reg) => reg !== this.ctx);
  }

  write(): Slot[] {
    this.enter();
    const pending = [...this.shape.callees];
    for (let i = 0; i < this.shape.statements; i++) {
      if (pending.length > 0 && this.random.once(3)) this.call(pending.pop()!);
      this.statement(0);
    }
    for (const callee of pending) this.call(callee);
    this.exit();
    return this.code;
  }

  private emit(code: number, fields: Parameters<typeof slot>[1] = {}): void {
    this.code.push(slot(code, fields));
  }

  private enter(): void {
    const { random, shape } = this;
    if (this.ctx !== null && this.ctx !== 1) this.emit(0xbf, { dst: this.ctx, src: 1 });
    if (shape.index > 0) this.live.add(2);
    this.number(0);
    for (const reg of this.saved) if (reg !== this.ctx) this.fresh(reg);
    if (shape.depth === 0) return;
    const { size, mode } = random.pick(SIZES.filter((each) => shape.depth % each.size === 0));
    if (random.once(2)) this.emit(0x63 | mode, { dst: 10, src: this.pickLive(), off: -shape.depth });
    else this.emit(0x62 | mode, { dst: 10, off: -shape.depth, imm: this.immediate() });
    if (size === 8) this.slots.push(-shape.depth);
    const words = Math.floor(shape.depth / 8);
    for (let i = Math.min(words, random.between(1, 4)); i > 0; i--) {
      const off = -8 * random.between(1, words);
      this.emit(0x7b, { dst: 10, src: this.pickLive(), off });
      this.slots.push(off);
    }
  }

  private exit(): void {
    if (this.random.once(3)) this.emit(0xbf, { dst: 0, src: this.pickLive() });
    this.emit(0x95);
  }

  private immediate(): number {
    return this.random.once(3) ? this.random.int32() : this.random.pick(IMMEDIATES);
  }

  private pickLive(except: readonly number[] = []): number {
    const rest = [...this.live].filter((reg) => !except.includes(reg));
    return rest.length > 0 ? this.random.pick(rest) : 0;
  }

  /** A register that holds a number and may be written. */
  private pickTarget(): number {
    return this.random.pick(this.writable.filter((reg) => this.live.has(reg)));
  }

  private number(reg: number): void {
    this.emit(this.random.once(2) ? 0xb7 : 0xb4, { dst: reg, imm: this.immediate() });
    this.live.add(reg);
  }

  private called(): void {
    for (const reg of CALLER_SAVED) this.live.delete(reg);
    this.live.add(0);
  }

  /** Puts a number of 64 bits into a register of which the verifier knows nothing. */
  private fresh(reg: number): void {
    if (this.ctx !== null) {
      this.emit(0x79, { dst: reg, src: this.ctx, off: this.random.pick(this.shape.ctxOffsets) });
    } else {
      this.emit(0x85, { imm: PRANDOM });
      this.called();
      if (reg !== 0) this.emit(0xbf, { dst: reg, src: 0 });
    }
    this.live.add(reg);
  }

  private helper(): void {
    this.emit(0x85, { imm: this.random.pick(this.shape.helpers) });
    this.called();
  }

  private call(callee: number): void {
    const value = this.pickLive();
    if (value !== 2) this.emit(0xbf, { dst: 2, src: value });
    if (this.ctx === null) this.emit(0xb7, { dst: 1, imm: 0 });
    else if (this.ctx !== 1) this.emit(0xbf, { dst: 1, src: this.ctx });
    this.code.push({ hex: '', calls: callee });
    this.called();
  }

  private statement(nesting: number): void {
    const { random } = this;
    const kinds: (() => void)[] = [
      () => this.alu(),
      () => this.alu(),
      () => this.alu(),
      () => this.divide(),
      () => this.unary(),
      () => this.number(random.pick(this.writable)),
      () => this.wide(),
      () => this.fresh(random.pick(this.writable)),
    ];
    if (this.slots.length > 0) {
      const frame = [() => this.load(), () => this.store(), () => this.atomic(), () => this.pointer()];
      kinds.push(...frame, ...frame);
    }
    const { memory } = this.shape;
    if (memory)
      kinds.push(
        () => this.reach(memory),
        () => this.reach(memory),
      );
    if (!this.shape.leaf) {
      if (this.shape.helpers.length > 0) kinds.push(() => this.helper());
      const { callees } = this.shape;
      if (callees.length > 0 && nesting > 0 && random.once(6)) kinds.push(() => this.call(random.pick(callees)));
    }
    if (nesting < 3)
      kinds.push(
        () => this.branch(nesting),
        () => this.branch(nesting),
        () => this.loop(nesting),
      );
    random.pick(kinds)();
  }

  private alu(): void {
    const { random } = this;
    const op = random.pick([0x00, 0x10, 0x20, 0x40, 0x50, 0xa0, 0xb0, 0x60, 0x70, 0xc0]);
    const wide = random.once(2);
    const base = op | (wide ? 7 : 4);
    const dst = this.pickTarget();
    if (random.once(2)) this.emit(base | 8, { dst, src: this.pickLive() });
    else if ([0x60, 0x70, 0xc0].includes(op)) this.emit(base, { dst, imm: random.below(wide ? 64 : 32) });
    else this.emit(base, { dst, imm: this.immediate() });
  }

  private divide(): void {
    const { random } = this;
    const base = random.pick([0x30, 0x90]) | (random.once(2) ? 7 : 4);
    const fields = { dst: this.pickTarget(), off: random.below(2) };
    if (random.once(2)) this.emit(base | 8, { ...fields, src: this.pickLive() });
    else this.emit(base, { ...fields, imm: this.immediate() || 3 });
  }

  private unary(): void {
    const { random } = this;
    const dst = this.pickTarget();
    const src = this.pickLive();
    const imm = random.pick([16, 32, 64]);
    random.pick([
      () => this.emit(random.pick([0x84, 0x87]), { dst }),
      () => this.emit(random.pick([0xd4, 0xdc, 0xd7]), { dst, imm }),
      () => this.emit(0xbf, { dst, src, off: random.pick([8, 16, 32]) }),
      () => this.emit(0xbc, { dst, src, off: random.pick([8, 16]) }),
    ])();
  }

  private wide(): void {
    const dst = this.random.pick(this.writable);
    const low = this.immediate();
    const high = this.random.pick([0, -1, 1, this.random.int32()]);
    this.emit(0x18, { dst, imm: low });
    this.emit(0, { imm: high });
    this.live.add(dst);
  }

  /** A part of a word of the frame that was written. */
  private place(): { off: number; mode: number; size: number } {
    const { size, mode } = this.random.pick(SIZES);
    const word = this.random.pick(this.slots);
    return { size, mode, off: word + size * this.random.below(8 / size) };
  }

  private load(): void {
    const { off, mode, size } = this.place();
    this.loadFrom(10, off, size, mode);
  }

  private loadFrom(base: number, off: number, size: number, mode: number): void {
    const dst = this.random.pick(this.writable);
    this.emit((size < 8 && this.random.once(3) ? 0x81 : 0x61) | mode, { dst, src: base, off });
    this.live.add(dst);
  }

  private store(): void {
    const { off, mode } = this.place();
    if (this.random.once(2)) this.emit(0x62 | mode, { dst: 10, off, imm: this.immediate() });
    else this.emit(0x63 | mode, { dst: 10, off, src: this.pickLive() });
  }

  private atomic(): void {
    const { random } = this;
    const wide = random.once(2);
    this.atomicAt(10, random.pick(this.slots) + (wide ? 0 : 4 * random.below(2)), wide);
  }

  private atomicAt(base: number, off: number, wide: boolean): void {
    const { random } = this;
    const code = wide ? 0xdb : 0xc3;
    const imm = random.pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110]);
    if (imm === 0x100) {
      const dst = random.pick(this.writable);
      this.emit(code, { dst, src: base, off, imm });
      this.live.add(dst);
    } else this.emit(code, { dst: base, src: this.pickTarget(), off, imm });
  }

  /** The frame through another register, which is a number again afterwards. */
  private pointer(): void {
    const { random } = this;
    const reg = random.pick(this.writable.filter((each) => each !== 0));
    const word = random.pick(this.slots);
    const shift = 8 * random.below(3);
    this.live.delete(reg);
    this.emit(0xbf, { dst: reg, src: 10 });
    this.emit(0x07, { dst: reg, imm: word - shift });
    this.emit(0x7b, { dst: reg, src: this.pickLive(), off: shift });
    if (random.once(2)) this.emit(0x7b, { dst: 10, src: reg, off: word });
    if (random.once(2)) this.emit(0x7b, { dst: 10, src: this.pickLive(), off: word });
    else this.emit(0x7a, { dst: 10, off: word, imm: this.immediate() });
    this.number(reg);
  }

  /** The context or the area, anywhere, through a register with and without a displacement. */
  private reach({ contextBytes, address, bytes }: ReachableMemory): void {
    const { random } = this;
    const atomic = random.once(3);
    const within = (size: number) => (atomic ? 8 * random.below(size >> 3) : random.below(size - 7));
    if (this.ctx !== null && random.once(2)) return this.accessAt(this.ctx, within(contextBytes), atomic);
    const reg = random.pick(this.writable.filter((each) => each !== 0));
    const off = random.pick([0, 1, 8, 127, 128, -128, -129, 0x1000, -0x7ff8]);
    const pointer = BigInt.asUintN(64, address + BigInt(within(bytes)) - BigInt(off));
    this.live.delete(reg);
    this.emit(0x18, { dst: reg, imm: Number(BigInt.asIntN(32, pointer)) });
    this.emit(0, { imm: Number(BigInt.asIntN(32, pointer >> 32n)) });
    this.accessAt(reg, off, atomic);
    this.number(reg);
  }

  private accessAt(base: number, off: number, atomic: boolean): void {
    const { random } = this;
    const { size, mode } = random.pick(SIZES);
    if (atomic) {
      // What a compare and exchange finds there, now and then; signed, so that the upper half is not 0.
      if (random.once(2)) this.emit(random.pick([0x79, 0x81]), { dst: 0, src: base, off });
      return this.atomicAt(base, off, random.once(2));
    }
    random.pick([
      () => this.loadFrom(base, off, size, mode),
      () => this.emit(0x62 | mode, { dst: base, off, imm: this.immediate() }),
      () => this.emit(0x63 | mode, { dst: base, off, src: this.pickLive() }),
    ])();
  }

  /** Machine code of `bytes` bytes or a few more: additions of 3 and 4 bytes. */
  private filler(bytes: number): void {
    const reg = this.pickTarget();
    for (let left = bytes; left > 0; ) {
      const four = reg > 5 || left % 3 !== 0;
      this.emit(four ? 0x07 : 0x04, { dst: reg, imm: this.random.between(1, 100) });
      left -= four ? 4 : 3;
    }
  }

  /** Statements to be jumped over; true when the function ends in them. */
  private inner(nesting: number, mayEnd: boolean): boolean {
    if (this.random.once(3)) this.filler(this.random.between(100, 140));
    else for (let i = this.random.between(0, 6); i > 0; i--) this.statement(nesting + 1);
    if (!mayEnd || !this.random.once(8)) return false;
    this.exit();
    return true;
  }

  /** Runs `write` and takes what it wrote out of the code again. */
  private apart(write: () => boolean): { slots: Slot[]; ended: boolean } {
    const start = this.code.length;
    const ended = write();
    return { slots: this.code.splice(start), ended };
  }

  private condition(): (off: number) => Slot {
    const { random } = this;
    const dst = this.pickTarget();
    this.fresh(dst);
    const narrow = random.once(2);
    const op = random.pick([0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);
    const code = op | (narrow ? 6 : 5);
    const others = this.writable.filter((reg) => reg !== dst);
    if (this.ctx !== null && random.once(2) && others.length > 0) {
      const src = random.pick(others);
      this.fresh(src);
      return (off) => slot(code | 8, { dst, src, off });
    }
    // Neither always true nor always false, whatever is compared.
    const safe = [1, 2, 127, 128, 0x1000, 0x7ffffffe, -2, -128, -129, -0x7fffffff];
    const equal = op === 0x10 || op === 0x50 ? [0, -1] : [];
    const imm = random.pick([...safe, ...equal]);
    return (off) => slot(code, { dst, imm, off });
  }

  private branch(nesting: number): void {
    const jump = this.condition();
    const before = new Set(this.live);
    const first = this.apart(() => this.inner(nesting, true));
    const afterFirst = this.live;
    this.live = new Set(before);
    const second = this.random.once(2) ? [] : this.apart(() => this.inner(nesting, false)).slots;
    const over = second.length === 0 || first.ended ? [] : [this.goto(second.length)];
    this.code.push(jump(first.slots.length + over.length), ...first.slots, ...over, ...second);
    this.live = new Set([...this.live].filter((reg) => first.ended || afterFirst.has(reg)));
  }

  private goto(distance: number): Slot {
    return this.random.once(2) ? slot(0x05, { off: distance }) : slot(0x06, { imm: distance });
  }

  /** Two or three rounds that end by a jump backwards. */
  private loop(nesting: number): void {
    const counter = this.saved.find((reg) => reg !== this.ctx);
    if (counter === undefined || this.looping) return this.alu();
    this.looping = true;
    // What holds at the start of every round.
    if (!this.shape.leaf) for (const reg of CALLER_SAVED) this.live.delete(reg);
    this.live.delete(counter);
    this.writable.splice(this.writable.indexOf(counter), 1);
    const step = this.random.pick([0x07, 0x17]);
    this.emit(0xb7, { dst: counter, imm: this.random.between(2, 3) });
    const { slots } = this.apart(() => this.inner(nesting, false));
    this.code.push(...slots, slot(step, { dst: counter, imm: step === 0x17 ? 1 : -1 }));
    this.code.push(slot(this.random.pick([0x55, 0x56]), { dst: counter, off: -(slots.length + 2) }));
    this.writable.push(counter);
    this.live.add(counter);
    this.looping = false;
  }
}
