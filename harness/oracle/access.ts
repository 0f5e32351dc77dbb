import { BPF_B, BPF_DW, BPF_H, BPF_W, type Insn } from '../../jit';
import type { Run } from './run';

/** How a size is read and written; memory is little endian. */
export interface Access {
  readonly bytes: number;
  readonly load: (view: DataView, at: number) => bigint;
  readonly loadSigned: (view: DataView, at: number) => bigint;
  readonly store: (view: DataView, at: number, value: bigint) => void;
}

const narrow = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** By the size bits of the opcode (RFC 9669 section 5). */
const ACCESSES: Readonly<Record<number, Access>> = {
  [BPF_B]: {
    bytes: 1,
    load: (view, at) => BigInt(view.getUint8(at)),
    loadSigned: (view, at) => BigInt(view.getInt8(at)),
    store: (view, at, value) => view.setUint8(at, narrow(value)),
  },
  [BPF_H]: {
    bytes: 2,
    load: (view, at) => BigInt(view.getUint16(at, true)),
    loadSigned: (view, at) => BigInt(view.getInt16(at, true)),
    store: (view, at, value) => view.setUint16(at, narrow(value), true),
  },
  [BPF_W]: {
    bytes: 4,
    load: (view, at) => BigInt(view.getUint32(at, true)),
    loadSigned: (view, at) => BigInt(view.getInt32(at, true)),
    store: (view, at, value) => view.setUint32(at, narrow(value), true),
  },
  [BPF_DW]: {
    bytes: 8,
    load: (view, at) => view.getBigUint64(at, true),
    loadSigned: (view, at) => view.getBigInt64(at, true),
    store: (view, at, value) => view.setBigUint64(at, value, true),
  },
};

export const accessOf = ({ code }: Insn): Access => ACCESSES[code & 0x18]!;

/** A mode of accesses: where one goes, and whether a bad address is skipped (the kernel's extable) or is a fault. */
export interface Mode {
  readonly address: (run: Run, base: bigint, offset: bigint) => bigint;
  readonly forgiving: boolean;
  /** What is not even touched; null: nothing is refused. */
  readonly refuses: ((address: bigint) => boolean) | null;
}

const plain: Mode['address'] = (_, base, offset) => BigInt.asUintN(64, base + offset);

/** An arena's pointers are 32 bits; the offset is added behind the cut, so that it may reach the guards around. */
const inArena: Mode['address'] = ({ arena }, base, offset) =>
  BigInt.asUintN(64, (arena?.base ?? 0n) + BigInt.asUintN(32, base) + offset);

/** TASK_SIZE_MAX and a page, and where the vsyscall page begins. */
const USER_LIMIT = 0x800000000000n;
const VSYSCALL = 0xffffffffff600000n;

/** A pointer that nobody vouches for may be a user's, which the kernel must not follow: it reads as 0 at once. */
const outsideKernel = (address: bigint): boolean => address <= USER_LIMIT || address >= VSYSCALL;

export const MEM: Mode = { address: plain, forgiving: false, refuses: null };
export const PROBE_MEM: Mode = { address: plain, forgiving: true, refuses: outsideKernel };
export const ARENA: Mode = { address: inArena, forgiving: true, refuses: null };
