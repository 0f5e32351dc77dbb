import type { Memory } from './memory';
import { ADDRESSES, type InterpretOptions } from './options';

/** Frames and functions are no further than this from the first one. */
const PLACES = 1n << 36n;
/** For any of them: an address where nothing is. */
const SOMEWHERE = 1n << 47n;

/** Tells on which values it depends where a run goes, and where it reads and writes. */
export class Path {
  constructor(
    private readonly memory: Memory,
    private readonly options: InterpretOptions,
  ) {}

  /** A value decides where the run goes. */
  decides(value: bigint): void {
    this.options.path?.(value);
  }

  /** A value is held against null: a pointer to a frame or a function stands for all of them. */
  decidesByNull(value: bigint): void {
    const { frames, functions } = this.options.addresses ?? ADDRESSES;
    const near = (base: bigint) => value > base - PLACES && value < base + PLACES;
    this.decides(near(frames) || near(functions) ? SOMEWHERE : value);
  }

  /** An access by whatever means. @returns whether there is something */
  touches(address: bigint, size: number): boolean {
    const { memory, options } = this;
    const at = BigInt.asUintN(64, address);
    const segment = memory.find(at, size);
    const frame = segment ? memory.frames.indexOf(segment) : -1;
    // The frame that it is in, counted as activations are, and where in it; anything else has its own address.
    options.path?.(frame < 0 ? at : (BigInt(frame) << 16n) | BigInt(memory.at));
    if (!segment) options.outside?.(at);
    return segment !== undefined;
  }
}
