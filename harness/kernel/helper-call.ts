/** A callback that C code will call later: with the map whose value holds the timer, and that value. */
export interface PendingCallback {
  readonly map: bigint;
  readonly value: bigint;
}

/** Guest memory, whatever its protection. */
export interface GuestMemory {
  /** Null where some of it is not mapped. */
  read(address: bigint, bytes: number): Uint8Array | null;
  /** False, and nothing written, where some of it is not mapped. */
  write(address: bigint, bytes: Uint8Array): boolean;
}

/** A call of a helper or kfunc, as a model sees it. */
export interface HelperCall {
  readonly name: string;
  /** Which call of this function in the run, counted from 1. */
  readonly nth: number;
  readonly cpu: number;
  readonly seed: number;
  /** BPF r1..r5. */
  readonly arguments: readonly bigint[];
  readonly memory: GuestMemory;
  /** Memory of its own frame on the kernel stack, 64 bytes. */
  readonly frame: bigint;
  readonly maps: readonly CallMap[];
  /** Callbacks that C code will call later, by address. */
  readonly pending: Map<bigint, PendingCallback>;
}

/** Where the values of a map are in its bytes. */
export interface CallElements {
  /** Of one value. */
  readonly bytes: number;
  /** From one to the next. */
  readonly stride: number;
  readonly count: number;
}

/** A map as a helper sees it: an array, unless told otherwise of one value. */
export interface CallMap {
  /** What programs hand over as the map. */
  readonly pointer: bigint;
  /** Address of the value, and its bytes. */
  readonly value: bigint;
  readonly size: number;
  /** Of a map that is looked up. */
  readonly elements?: CallElements;
}

/** A 64-bit word as it is in memory. */
export function le64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
