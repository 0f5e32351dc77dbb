import { Gpr } from './registers';

/** How a target maps BPF's registers and what its calls may destroy. The JIT and the machine read the same table. */
export interface Target {
  readonly name: string;
  /** Machine register of BPF r0..r10 and of the verifier's scratch register ax. */
  readonly bpf: readonly number[];
  /** Machine register of r10 in a subprog with a private frame. */
  readonly privateFramePointer: number;
  /** The emitter's second scratch register (ax is the first). */
  readonly scratch: number;
  readonly arenaBase: number;
  /** Registers that a call may destroy, besides the return value's. */
  readonly callerSaved: readonly number[];
  /** Registers that a call must preserve, rsp aside. */
  readonly calleeSaved: readonly number[];
  readonly returnValue: number;
  readonly arguments: readonly number[];
}

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = Gpr;

/** x86-64: `reg2hex` of arch/x86/net/bpf_jit_comp.c, and the System V AMD64 ABI, section 3.2.1. */
export const X86_64: Target = {
  name: 'x86-64',
  bpf: [rax, rdi, rsi, rdx, rcx, r8, rbx, r13, r14, r15, rbp, r10],
  privateFramePointer: r9,
  scratch: r11,
  arenaBase: r12,
  callerSaved: [rcx, rdx, rsi, rdi, r8, r9, r10, r11],
  calleeSaved: [rbx, rbp, r12, r13, r14, r15],
  returnValue: rax,
  arguments: [rdi, rsi, rdx, rcx, r8, r9],
};
