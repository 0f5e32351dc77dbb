import { Emu, type EmuOptions, Prot, REG, type RunStatus } from './index';

/** Guest addresses of the tests: where Linux has a JIT image, a kernel stack and its text. */
export const CODE = 0xffffffffc0022000n;
export const STACK = 0xffffc90000010000n;
export const STACK_SIZE = 0x4000;
export const HELPERS = 0xffffffff81400000n;
export const STOP = 0xffffffffdead0000n;
/** rsp of every start; the return address to {@link STOP} lies there. */
export const TOP = STACK + 0x3000n;
export const EVERYWHERE: readonly [bigint, bigint] = [0n, (1n << 64n) - 1n];

export const RET = 0xc3;

/** Little-endian bytes of an integer. */
export function le(value: bigint | number, size: number): number[] {
  const all = BigInt.asUintN(8 * size, BigInt(value));
  return Array.from({ length: size }, (_, i) => Number((all >> BigInt(8 * i)) & 0xffn));
}

/** `call rel32` as it stands at `from`. */
export const call = (from: bigint, to: bigint): number[] => [0xe8, ...le(to - (from + 5n), 4)];

/** An engine with code, stack and a page of `ret` for helpers; `hook` adds hooks before it is sealed. */
export class Guest {
  readonly emu: Emu;
  readonly code: Uint8Array;
  readonly stack: Uint8Array;

  constructor(hook: (emu: Emu) => void = () => {}, options: EmuOptions = {}) {
    this.emu = Emu.open(options);
    this.code = this.emu.map(CODE, 0x2000, Prot.RX);
    this.stack = this.emu.map(STACK, STACK_SIZE, Prot.RW);
    this.emu.map(HELPERS, 0x1000, Prot.RX).fill(RET);
    hook(this.emu);
    this.emu.seal({ stop: STOP });
  }

  /** Runs the bytes as a function: rsp is at {@link TOP}, which holds the stop address. */
  run(bytes: readonly number[], regs: Partial<Record<keyof typeof REG, bigint>> = {}): RunStatus {
    this.code.fill(0xcc);
    this.code.set(bytes);
    this.emu.regs.fill(0n);
    for (const [name, value] of Object.entries(regs)) this.emu.regs[REG[name as keyof typeof REG]] = value;
    this.emu.regs[REG.rsp] = TOP;
    this.emu.writeBytes(TOP, Uint8Array.from(le(STOP, 8)));
    return this.emu.run(CODE, { invalidate: { addr: CODE, size: this.code.length } });
  }

  reg(name: keyof typeof REG): bigint {
    return this.emu.regs[REG[name]]!;
  }
}
