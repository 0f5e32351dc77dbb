/** Memory that a program may touch, under a name. */
export interface Region {
  /** `ctx`, the name of a map, or whatever its owner likes. */
  readonly name: string;
  /** Address of the first byte. */
  readonly base: bigint;
  readonly bytes: Uint8Array;
}

/** Bytes at an address: a region of a run, or the frame of an activation. */
export class Segment {
  readonly view: DataView;
  /** Where an access of no bytes would still be inside. */
  readonly end: bigint;

  constructor(
    readonly base: bigint,
    readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = base + BigInt(bytes.length);
  }

  /** Offset of `size` bytes at an address, or -1. */
  offset(address: bigint, size: number): number {
    if (address < this.base || address >= this.end) return -1;
    const offset = Number(address - this.base);
    return offset + size <= this.bytes.length ? offset : -1;
  }
}

/** All that a program can reach. An access lies in one segment as a whole, or nowhere. */
export class Memory {
  /** Frames of the live activations, the innermost last. */
  readonly frames: Segment[] = [];
  private readonly regions: readonly Segment[];
  /** Of the access that {@link find} found last. */
  at = 0;

  constructor(regions: readonly Region[]) {
    this.regions = regions.map(({ base, bytes }) => new Segment(base, bytes));
  }

  /** The segment that holds all of an access, with its place in {@link at}. */
  find(address: bigint, size: number): Segment | undefined {
    const { frames, regions } = this;
    for (let i = frames.length - 1; i >= 0; i--) {
      this.at = frames[i]!.offset(address, size);
      if (this.at >= 0) return frames[i];
    }
    for (let i = 0; i < regions.length; i++) {
      this.at = regions[i]!.offset(address, size);
      if (this.at >= 0) return regions[i];
    }
    return undefined;
  }

  /** A copy of some bytes; undefined where they are not all there. */
  read(address: bigint, size: number): Uint8Array | undefined {
    const segment = this.find(BigInt.asUintN(64, address), size);
    return segment?.bytes.slice(this.at, this.at + size);
  }

  /** @returns whether the bytes are all there; else nothing was written */
  write(address: bigint, bytes: Uint8Array): boolean {
    const segment = this.find(BigInt.asUintN(64, address), bytes.length);
    segment?.bytes.set(bytes, this.at);
    return segment !== undefined;
  }
}
