import { type KernelConfig, LINUX_6_18 } from '../../jit';
import { PAGE, PERCPU_POINTER_BASE, pageDown, u64 } from '../machine/layout';

/**
 * One address space for the emulator and for a process of this computer, so that what they leave compares bit by bit.
 * A process has the lower half only, and its kernel puts its own things near 0x55... and 0x7f...: nothing here is there.
 */

export const CODE = 0x200000000000n;
export const CODE_BYTES = 0x10000;
/** The return thunk: a `ret` in front of the functions. */
const THUNK = CODE;
export const FUNCTIONS = CODE + 16n;
/** Where the outermost function returns to. */
export const STOP = 0x210000000000n;

export type AreaName = 'stack' | 'data' | 'per-CPU memory';

/** Memory that a run begins with, and whose contents afterwards are compared. */
export interface Area {
  readonly name: AreaName;
  readonly address: bigint;
  readonly bytes: number;
}

const STACK: Area = { name: 'stack', address: 0x300000000000n, bytes: 2 * PAGE };
const DATA: Area = { name: 'data', address: 0x400000000000n, bytes: PAGE };

/** What GS holds and `this_cpu_off` says: a per-CPU pointer plus it is the address on this CPU. */
export const PERCPU_OFFSET = 0x100080000000n;
const PERCPU: Area = { name: 'per-CPU memory', address: u64(PERCPU_POINTER_BASE + PERCPU_OFFSET), bytes: PAGE };

export const AREAS = [STACK, DATA, PERCPU] as const;
/** Places in {@link AREAS}. */
export const AT = { stack: 0, data: 1, percpu: 2 } as const;

/** As on a kernel, the stack pointer is 8 off a multiple of 16 when a function is entered. */
export const ENTRY_RSP = STACK.address + BigInt(STACK.bytes - 0x108);
export const CONTEXT = { address: DATA.address, bytes: 512 } as const;
/** What constants in programs point into: a map's values, say. */
export const MAP_VALUES = { address: DATA.address + 0x800n, bytes: 0x400 } as const;

const { thisCpuOff, cpuNumber } = LINUX_6_18.symbols;
const CPU_NUMBER = 5;

/** Per-CPU variables of the kernel, which programs only read. GS-relative, they keep the kernel's displacements. */
export const VARIABLES: Area & { readonly contents: Uint8Array } = (() => {
  const address = pageDown(u64(thisCpuOff + PERCPU_OFFSET));
  const contents = new Uint8Array(PAGE);
  const view = new DataView(contents.buffer);
  const at = (variable: bigint) => Number(u64(variable + PERCPU_OFFSET) - address);
  view.setBigUint64(at(thisCpuOff), PERCPU_OFFSET, true);
  view.setUint32(at(cpuNumber), CPU_NUMBER, true);
  return { name: 'per-CPU memory', address, bytes: PAGE, contents };
})();

/** A kernel at these addresses. */
export const placedKernel = (changes: Partial<KernelConfig>): KernelConfig => ({
  ...LINUX_6_18,
  ...changes,
  symbols: { ...LINUX_6_18.symbols, returnThunk: THUNK },
});
