import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EmuError, type EmuErrorCode } from './errors';

declare const handleBrand: unique symbol;
/** An engine of the addon. */
export type Handle = { readonly [handleBrand]: true };

/** A status: 0, one of {@link STATUS}, or a positive error of Unicorn. */
type Status = number;

/** The functions of src/addon.c. They never throw; what they return on failure stands beside each. */
export interface Addon {
  loadLibrary(name: string): { id: number; path: string; version: number } | string;
  open(
    library: number,
    blockBudget: number,
    capacity: number,
    whenFull: boolean,
  ): [Handle, ArrayBuffer, ArrayBuffer] | Status;
  close(handle: Handle): Status;
  map(handle: Handle, address: bigint, size: number, prot: number): ArrayBuffer | Status;
  protect(handle: Handle, address: bigint, size: number, prot: number): Status;
  read(handle: Handle, address: bigint, bytes: Uint8Array): Status;
  write(handle: Handle, address: bigint, bytes: Uint8Array): Status;
  hookHelpers(handle: Handle, addresses: BigUint64Array, js: Uint8Array): Status;
  exceptionTable(handle: Handle, words: BigUint64Array): Status;
  commonPolicy(handle: Handle, brief: boolean): ArrayBuffer | Status;
  setPolicy(handle: Handle, index: number, words: BigUint64Array): Status;
  models(handle: Handle, words: BigUint64Array): Status;
  throws(handle: Handle, callback: bigint, functions: BigUint64Array): Status;
  addRange(handle: Handle, kind: number, lo: bigint, hi: bigint): Status;
  seal(handle: Handle, stop: bigint): Status;
  invalidate(handle: Handle, address: bigint, size: number): Status;
  run(handle: Handle, entry: bigint, address: bigint, size: number, dispatch: Dispatch): Status;
  series(
    handle: Handle,
    words: BigUint64Array,
    interpreter: BigUint64Array,
    junk: Uint8Array,
    dispatch: Dispatch,
  ): Status;
  strerror(handle: Handle, code: number): string;
  interpret(words: BigUint64Array): Status;
  bpf(cmd: number, attr: Uint8Array): number | undefined;
  addressOf(bytes: Uint8Array): bigint | undefined;
}

/** Called before a helper (kind 0, its index) or a watched instruction (kind 1). Must not throw. */
export type Dispatch = (kind: number, index: number) => number;

export const RANGE = { trace: 0, code: 1, memory: 2 } as const;

/** Status of a closed engine. */
export const CLOSED = -3;

/** Keep in step with `enum status` in src/engine.h. */
const STATUS: Readonly<Record<number, readonly [EmuErrorCode, string]>> = {
  [-1]: ['bad-argument', 'refused'],
  [-2]: ['busy', 'the engine is running'],
  [CLOSED]: ['closed', 'the engine is closed'],
  [-4]: ['overlap', 'some of it is mapped already'],
  [-5]: ['too-big', 'no room for it'],
  [-6]: ['sealed', 'the engine is sealed'],
  [-7]: ['not-sealed', 'seal the engine first'],
  [-8]: ['bad-argument', 'a helper has neither a policy nor a callback'],
};

/** Status that reading or writing unmapped memory gives. */
export const UNMAPPED = { read: 6, write: 7 } as const;

/** Throws what a status means; `what` says what was tried. */
export function check(status: number, what: string): void {
  if (status === 0) return;
  const [code, reason] = STATUS[status] ?? ['unicorn', `Unicorn error ${status}`];
  throw new EmuError(code, `${what}: ${reason}`);
}

function addonPath(): string | undefined {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'build', 'privstack.node');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

let loaded: Addon | undefined;

/** The addon, loaded at its first use. Errors: `addon-missing` when it was not built, or not for this Node. */
export function addon(): Addon {
  if (loaded) return loaded;
  const path = addonPath();
  if (!path) throw new EmuError('addon-missing', 'build/privstack.node is missing. Build it with: npm run setup');
  try {
    return (loaded = require(path) as Addon);
  } catch (error) {
    throw new EmuError('addon-missing', `${path} cannot be loaded (${String(error)}). Build it with: npm run setup`);
  }
}
