import { int32Array, uint8Array } from './arrays';
/**
 * The pass loop of bpf_int_jit_compile(), over sizes alone: everything but jumps has its size already, so only they are gone
 * through, pass by pass.
 *
 * Addresses are those of the kernel's `addrs`: `addrs[s]` is where slot s starts, `addrs[s + 1]` where it ends.
 */

/** Passes before the kernel gives up, and before it pads jumps that would still shrink. */
export const MAX_PASSES = 20;
export const PADDING_PASSES = MAX_PASSES - 5;

/** Bytes that the first pass assumes for a slot. */
const FIRST_GUESS = 64;

/** A short jump is taken up to here, not up to 127: the jump that it hops over may itself still grow (c8831bdbfbab). */
const SHORT_UP_TO = 123;

export enum JumpKind {
  none = 0,
  /** `jcc`: 2 or 6 bytes. */
  conditional = 1,
  /** `jmp`: 2 or 5 bytes. */
  always = 2,
  /** `jmp` that disappears when it goes to the next instruction. */
  elidable = 3,
}

/** The sizes of a subprog. A slot holds at most one jump, its last instruction. */
export interface SlotSizes {
  /** How many; arrays may be longer. */
  readonly slots: number;
  /** Bytes of each slot without its jump; the prologue's stand in front. */
  readonly prologue: number;
  readonly fixed: Int32Array;
  readonly jump: Uint8Array;
  /** Slot that the jump goes to. */
  readonly target: Int32Array;
}

export interface Settled {
  readonly addrs: Int32Array;
  /** Bytes of each slot's jump instruction, 0 where there is none. */
  readonly jumpSize: Uint8Array;
  /** Bytes of nops before each slot's jump. */
  readonly padding: Uint8Array;
  readonly passes: number;
}

/** What may be left over when a padded jump has shrunk, by kind. */
const PADDINGS: Readonly<Record<JumpKind, readonly number[]>> = {
  [JumpKind.none]: [],
  [JumpKind.conditional]: [0, 4],
  [JumpKind.always]: [0, 3],
  [JumpKind.elidable]: [0, 3],
};
const ELIDED_PADDINGS = [0, 2, 5];

export interface PassOptions {
  /** Programs of several subprogs are emitted once more, with padding, after all addresses are known. */
  readonly extraPass: boolean;
  readonly maxPasses?: number | undefined;
  /** The longest distance of a short jump forward. Default: 123. */
  readonly shortUpTo?: number | undefined;
}

/** Jumps of a subprog, and where everything would be without them. Nothing of it outlives a call of {@link settle}. */
class Jumps {
  count = 0;
  /** Slot of each. */
  slot = new Int32Array(0);
  /** Start of each slot without any jump in front of it, and the end. */
  bare = new Int32Array(0);
  /** Jumps in front of each slot. */
  before = new Int32Array(0);
  /** Bytes of the first jumps together, by how many: those of this pass up to where it is, behind them those of the last one. */
  bytes = new Int32Array(0);

  take({ slots, prologue, fixed, jump }: SlotSizes): void {
    if (slots >= this.bare.length) {
      const room = Math.max(2 * slots, 256);
      this.slot = new Int32Array(room);
      this.bare = new Int32Array(room);
      this.before = new Int32Array(room);
      this.bytes = new Int32Array(room);
    }
    const { slot, bare, before } = this;
    let at = prologue;
    let count = 0;
    for (let s = 0; s < slots; s++) {
      bare[s] = at;
      before[s] = count;
      at += fixed[s]!;
      if (jump[s] !== JumpKind.none) slot[count++] = s;
    }
    bare[slots] = at;
    before[slots] = count;
    this.count = count;
  }

  /** Where a slot starts. */
  start(s: number): number {
    return this.bare[s]! + this.bytes[this.before[s]!]!;
  }
}

const JUMPS = new Jumps();

/** A `jmp` to the slot that it ends is one to itself. */
const toItself = (kind: JumpKind, to: number, s: number): boolean => to === s && kind !== JumpKind.conditional;

/** Bytes of a jump over a distance. */
const sizeOf = (kind: JumpKind, distance: number, shortUpTo: number): number => {
  if (kind === JumpKind.elidable && distance === 0) return 0;
  if (distance >= -128 && distance <= shortUpTo) return 2;
  return kind === JumpKind.conditional ? 6 : 5;
};

/** The first pass knows where what is in front of a jump starts, and guesses the rest. */
function firstPass(jumps: Jumps, { jump, target }: SlotSizes, shortUpTo: number): void {
  const { slot, bytes, count } = jumps;
  bytes[0] = 0;
  for (let k = 0; k < count; k++) {
    const s = slot[k]!;
    const kind: JumpKind = jump[s]!;
    const to = target[s]!;
    const from = FIRST_GUESS * (s + 2);
    const start = to <= s ? jumps.start(to) : FIRST_GUESS * (to + 1);
    bytes[k + 1] = bytes[k]! + sizeOf(kind, toItself(kind, to, s) ? -2 : start - from, shortUpTo);
  }
}

/** One pass, in place: a backward target is this pass's already, everything else is the last one's. */
function pass(
  jumps: Jumps,
  { jump, target }: SlotSizes,
  { jumpSize, padding }: Pick<Settled, 'jumpSize' | 'padding'>,
  pads: boolean,
  shortUpTo: number,
): void {
  const { slot, bare, bytes, count } = jumps;
  for (let k = 0; k < count; k++) {
    const s = slot[k]!;
    const kind: JumpKind = jump[s]!;
    const to = target[s]!;
    const end = bytes[k + 1]!;
    const distance = toItself(kind, to, s) ? -2 : jumps.start(to) - (bare[s + 1]! + end);
    const size = sizeOf(kind, distance, shortUpTo);
    let pad = 0;
    if (pads && size <= 2) {
      pad = end - bytes[k]! - size;
      const allowed = size === 0 ? ELIDED_PADDINGS : PADDINGS[kind];
      if (!allowed.includes(pad)) throw new RangeError(`unexpected jump padding of ${pad} bytes`);
    }
    jumpSize[s] = size;
    padding[s] = pad;
    bytes[k + 1] = bytes[k]! + size + pad;
  }
}

/** @throws RangeError when the sizes do not settle, or a padded jump shrank by an odd number of bytes */
export function settle(sizes: SlotSizes, options: PassOptions): Settled {
  const { slots } = sizes;
  const jumps = JUMPS;
  jumps.take(sizes);
  const jumpSize = uint8Array(slots);
  const padding = uint8Array(slots);
  const settled = { jumpSize, padding };
  const { maxPasses: max = MAX_PASSES, shortUpTo = SHORT_UP_TO } = options;
  let previous = -1;
  let settledAt = -1;
  let passes = 0;
  for (; passes < max && settledAt < 0; passes++) {
    if (passes === 0) firstPass(jumps, sizes, shortUpTo);
    else pass(jumps, sizes, settled, passes >= PADDING_PASSES, shortUpTo);
    const length = jumps.start(slots);
    if (length === previous) settledAt = length;
    previous = length;
  }
  if (settledAt < 0) throw new RangeError(`the sizes of jumps do not settle in ${max} passes`);
  // The pass that writes the image, and the extra one; neither may change a size.
  const finals = options.extraPass ? [passes >= PADDING_PASSES, true] : [passes >= PADDING_PASSES];
  for (const pads of finals) {
    passes++;
    pass(jumps, sizes, settled, pads, shortUpTo);
    if (jumps.start(slots) !== settledAt) throw new RangeError('the sizes of jumps changed in the last pass');
  }
  const addrs = int32Array(slots + 1);
  for (let s = 0; s <= slots; s++) addrs[s] = jumps.start(s);
  return { addrs, jumpSize, padding, passes };
}
