import { emitPops, emitPushes } from '../idioms/frames';
import { emitMovImm64 } from '../idioms/moves';
import { X86_64 } from '../x86/abi';
import { imm8, imm32, rel8 } from '../x86/operands';
import { Gpr, r64 } from '../x86/registers';
import type { EmitContext } from './context';
import { BOUNDARY_SAVES, saveArea } from './kernel-frame';
import { PROLOGUE_PC } from './site';

const { rax, rbp, rdx, rsi, rsp } = Gpr;

/** The exception callback takes over the boundary's frame and restores what the boundary saved. */
function emitExceptionEntry(context: EmitContext): void {
  const { out, policy, facts, boundary } = context;
  out.role('exception-entry');
  out.put('mov r64, r64', r64(rsp), r64(rsi));
  out.put('mov r64, r64', r64(rbp), r64(rdx));
  if (boundary !== null) {
    out.role('exception-adjust');
    const { register } = policy.preserve;
    const area = saveArea(boundary, policy);
    policy.callback.onExceptionCallback({ out, callback: facts, boundary, register, saveArea: area });
    out.role('exception-entry');
  }
  emitPops(out, BOUNDARY_SAVES);
  out.put('mov r64, r64', r64(rsp), r64(rbp));
}

/**
 * Two words: the tail-call counter, which the outermost program owns, and a pointer to it. The outermost has 0 in rax,
 * a program that was tail-called has the pointer there (emit_prologue_tail_call()).
 */
function emitTailCallCounter({ out, facts, config }: EmitContext): void {
  out.role('tail-call-counter');
  if (facts.isSubprog) {
    emitPushes(out, [rax, rax]);
    return;
  }
  const inherited = out.label();
  const done = out.label();
  out.put('cmp r64, imm8', r64(rax), imm8(config.tailCallLimit));
  out.put('ja rel8', rel8(inherited));
  out.put('push r64', r64(rax));
  out.put('mov r64, r64', r64(rax), r64(rsp));
  out.put('jmp rel8', rel8(done));
  out.bind(inherited);
  out.put('push r64', r64(rax));
  out.bind(done);
  out.put('push r64', r64(rax));
}

/** Everything before the first BPF instruction (emit_prologue() and the start of do_jit()). */
export function emitPrologue(context: EmitContext): void {
  const { out, facts, config, policy, view } = context;
  out.at(PROLOGUE_PC, 'patch-site');
  if (config.ibt) out.put('endbr64');
  out.put('nop5');
  if (facts.tailCallReachable && !facts.isSubprog) out.put('xor r64, r64', r64(rax), r64(rax));
  else out.put('nop3');
  if (facts.exceptionCallback) emitExceptionEntry(context);
  else {
    out.role('frame-setup');
    out.put('push r64', r64(rbp));
    out.put('mov r64, r64', r64(rbp), r64(rsp));
  }
  if (config.ibt) out.put('endbr64');
  if (context.kernelDepth > 0) {
    out.role(view === null ? 'stack-alloc' : 'frame-pointer');
    out.put('sub r64, imm32', r64(rsp), imm32(context.kernelDepth));
  }
  if (facts.tailCallReachable) emitTailCallCounter(context);
  out.role('frame-pointer');
  emitPushes(out, context.savedForFrame);
  out.role('callee-save');
  emitPushes(out, context.saved);
  if (facts.arena) {
    out.role('arena-base');
    const { kernVmStart } = facts.arena;
    emitMovImm64(out, X86_64.arenaBase, kernVmStart, { kind: 'map', name: 'arena', address: kernVmStart });
  }
  if (view === null) return;
  out.role('frame-pointer');
  policy.compute.onPrologue(view);
  policy.preserve.onPrologue?.(view);
  if (facts.exceptionBoundary) policy.boundary.onPrologue?.(view);
}
