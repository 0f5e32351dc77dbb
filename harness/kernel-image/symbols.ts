import { loadAndRead } from './load';
import type { KernelImage } from './read-image';
import { slot } from './wire';

/** Addresses of the running kernel that are in the code of every program: they differ from build to build. */
export interface KernelSymbols {
  readonly returnThunk: bigint;
  /** Per-CPU variables: addresses before this CPU's offset is added. */
  readonly thisCpuOff: bigint;
  readonly cpuNumber: bigint;
}

const BPF_CALL = 0x85;
const BPF_EXIT = 0x95;
const GET_SMP_PROCESSOR_ID = 8;
/** `mov rax, imm32; add rax, gs:[disp32]` */
const MOV_RAX = '48c7c0';
const ADD_RAX_GS = '6548030425';

/** Reads them in the code of a helper that the verifier inlines, and of the epilogue; null where code looks otherwise. */
export function symbolsIn({ functions, ksyms }: KernelImage): KernelSymbols | null {
  const bytes = Buffer.from(functions[0] ?? []);
  const mov = bytes.indexOf(MOV_RAX, 'hex');
  const add = bytes.indexOf(ADD_RAX_GS, 'hex');
  const jump = bytes.length - 5;
  if (mov < 0 || add !== mov + 7 || bytes[jump] !== 0xe9) return null;
  const signed = (at: number): bigint => BigInt.asUintN(64, BigInt(bytes.readInt32LE(at)));
  return {
    cpuNumber: signed(mov + 3),
    thisCpuOff: signed(add + 5),
    returnThunk: BigInt.asUintN(64, ksyms[0]! + BigInt(bytes.length) + signed(jump + 1)),
  };
}

/** Loads a program of two instructions to learn them. */
export function kernelSymbols(): KernelSymbols | null {
  const insns = [slot(BPF_CALL, { imm: GET_SMP_PROCESSOR_ID }), slot(BPF_EXIT)].map(({ hex }) => hex);
  const loaded = loadAndRead({ type: 'SOCKET_FILTER', insns });
  return loaded.ok ? symbolsIn(loaded.image) : null;
}
