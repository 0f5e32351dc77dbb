import { int32Array, uint8Array } from './arrays';
/**
 * The pass loop of bpf_int_jit_compile(), over sizes alone: everything but jumps has its size already.
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

/**
 * One pass, in place: a backward target is this pass's already, everything else is the last one's.
 * @returns the length of the code
 */
function pass(
  { slots, prologue, fixed, jump, target }: SlotSizes,
  { addrs, jumpSize, padding }: Omit<Settled, 'passes'>,
  pads: boolean,
  shortUpTo: number,
): number {
  addrs[0] = prologue;
  for (let s = 0; s < slots; s++) {
    const kind: JumpKind = jump[s]!;
    let size = fixed[s]!;
    if (kind !== JumpKind.none) {
      const end = addrs[s + 1]!;
      const to = target[s]!;
      const distance = to === s && kind !== JumpKind.conditional ? -2 : addrs[to]! - end;
      const elided = kind === JumpKind.elidable && distance === 0;
      const bytes = elided ? 0 : distance >= -128 && distance <= shortUpTo ? 2 : kind === JumpKind.conditional ? 6 : 5;
      let pad = 0;
      if (pads && bytes <= 2) {
        pad = end - addrs[s]! - size - bytes;
        const allowed = elided ? ELIDED_PADDINGS : PADDINGS[kind];
        if (!allowed.includes(pad)) throw new RangeError(`unexpected jump padding of ${pad} bytes`);
      }
      jumpSize[s] = bytes;
      padding[s] = pad;
      size += bytes + pad;
    }
    addrs[s + 1] = addrs[s]! + size;
  }
  return addrs[slots]!;
}

/** @throws RangeError when the sizes do not settle, or a padded jump shrank by an odd number of bytes */
export function settle(sizes: SlotSizes, options: PassOptions): Settled {
  const { slots } = sizes;
  const addrs = int32Array(slots + 1);
  const jumpSize = uint8Array(slots);
  const padding = uint8Array(slots);
  const settled = { addrs, jumpSize, padding };
  for (let i = 0; i <= slots; i++) addrs[i] = FIRST_GUESS * (i + 1);
  const { maxPasses: max = MAX_PASSES, shortUpTo = SHORT_UP_TO } = options;
  let previous = -1;
  let settledAt = -1;
  let passes = 0;
  for (; passes < max && settledAt < 0; passes++) {
    const length = pass(sizes, settled, passes >= PADDING_PASSES, shortUpTo);
    if (length === previous) settledAt = length;
    previous = length;
  }
  if (settledAt < 0) throw new RangeError(`the sizes of jumps do not settle in ${max} passes`);
  // The pass that writes the image, and the extra one; neither may change a size.
  const finals = options.extraPass ? [passes >= PADDING_PASSES, true] : [passes >= PADDING_PASSES];
  for (const pads of finals) {
    passes++;
    if (pass(sizes, settled, pads, shortUpTo) !== settledAt)
      throw new RangeError('the sizes of jumps changed in the last pass');
  }
  return { addrs, jumpSize, padding, passes };
}
