import { gs as gsMem, type SymbolRef } from '../x86/operands';
import { Gpr, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';
import { emitMovImm64 } from './moves';

/** Callee-saved registers of BPF r6..r9 in the order in which prologues push them (push_callee_regs()). */
export const BPF_CALLEE_SAVED = [Gpr.rbx, Gpr.r13, Gpr.r14, Gpr.r15] as const;

export function emitPushes(out: Sink, registers: readonly number[]): void {
  for (const register of registers) out.put('push r64', r64(register));
}

/** Pops what {@link emitPushes} pushed, the other way round. */
export function emitPops(out: Sink, registers: readonly number[]): void {
  for (let i = registers.length - 1; i >= 0; i--) out.put('pop r64', r64(registers[i]!));
}

/** Loads a per-CPU address: `pointer` plus, on SMP, this CPU's offset (emit_priv_frame_ptr()). */
export function emitPercpuAddress(
  out: Sink,
  dst: number,
  pointer: { value: bigint; symbol: SymbolRef },
  thisCpuOff: { smp: boolean; disp: number; symbol: SymbolRef },
): void {
  emitMovImm64(out, dst, pointer.value, pointer.symbol);
  if (thisCpuOff.smp) out.put('add r64, gs', r64(dst), gsMem(thisCpuOff.disp, thisCpuOff.symbol));
}
