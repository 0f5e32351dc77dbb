import type { Insn } from '../bpf/insn';
import { BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL } from '../bpf/opcodes';
import type { CallKind, FrameView } from '../policy';
import { X86_64 } from '../x86/abi';
import { memDisp32, rel32, type SymbolRef } from '../x86/operands';
import { Gpr, r64 } from '../x86/registers';
import type { EmitContext } from './context';

/** `mov rax, [rbp - depth - 16]`: the pointer to the tail-call counter, always with a 32-bit displacement. */
export function emitLoadTailCallPointer({ out, kernelDepth }: EmitContext): void {
  out.put('mov r64, m64', r64(Gpr.rax), memDisp32(Gpr.rbp, -kernelDepth - 16));
}

function kindOf(insn: Insn, target: SymbolRef): CallKind {
  if (insn.src === BPF_PSEUDO_CALL) return 'subprog';
  if (target.name === 'bpf_throw') return 'throw';
  return insn.src === BPF_PSEUDO_KFUNC_CALL ? 'kfunc' : 'helper';
}

/**
 * A call by a program without a frame pointer of its own, which keeps that of its caller. Its subprogs do so themselves,
 * and what throws does not come back.
 */
function keepingFrame({ out, policy }: EmitContext, kind: CallKind, call: () => void): void {
  const { register } = policy.preserve;
  const kept = X86_64.callerSaved.includes(register) && (kind === 'helper' || kind === 'kfunc');
  if (!kept) return call();
  out.role('preserve');
  out.put('push r64', r64(register));
  call();
  out.put('pop r64', r64(register));
}

/** The call itself, and what the policy does for the callee's frame before it. */
function emitTransfer({ out, policy, view }: EmitContext, target: SymbolRef, callee: FrameView | null): void {
  if (view !== null && callee !== null) {
    out.role('frame-pointer');
    policy.compute.beforeCall?.(view, callee);
  }
  out.role('call');
  out.put('call rel32', rel32(target));
  out.role('restore');
}

/** A call of a helper, kfunc or subprog, inside whatever the policy puts around it. */
export function emitCall(context: EmitContext, insn: Insn): void {
  const { out, facts, frames, policy, view, resolver } = context;
  const target = resolver.call(insn);
  const kind = kindOf(insn, target);
  if (kind === 'subprog' && facts.tailCallReachable) emitLoadTailCallPointer(context);
  const callee = kind === 'subprog' ? frames[target.index!]! : null;
  if (view !== null) {
    out.role('preserve');
    policy.preserve.aroundCall(kind, view, () => emitTransfer(context, target, callee));
  } else if (context.amongFrames) keepingFrame(context, kind, () => emitTransfer(context, target, callee));
  else emitTransfer(context, target, callee);
}
