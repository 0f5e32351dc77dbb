import { emitPops } from '../idioms/frames';
import { rel32 } from '../x86/operands';
import type { EmitContext } from './context';

/** Return to the caller: directly, or by the mitigation's thunk (emit_return()). */
function emitReturn({ out, config }: EmitContext): void {
  if (config.returnThunk) {
    const thunk = { kind: 'kernel', name: 'its_return_thunk', address: config.symbols.returnThunk } as const;
    out.put('jmp rel32', rel32(thunk));
    return;
  }
  out.put('ret');
  if (config.sls) out.put('int3');
}

/** The first exit carries the epilogue, later ones jump to it. */
export function emitExit(context: EmitContext, pc: number): void {
  const { out, facts, policy, view } = context;
  if (context.firstExit >= 0) {
    out.role('jump');
    out.jump('jmp', context.firstExit, false);
    return;
  }
  context.firstExit = pc;
  if (view !== null) {
    out.role('frame-pointer');
    policy.compute.onEpilogue?.(view);
    if (facts.exceptionBoundary) policy.boundary.onEpilogue?.(view);
  }
  out.role('epilogue');
  emitPops(out, context.saved);
  out.role('frame-pointer');
  emitPops(out, context.savedForFrame);
  out.role('epilogue');
  out.put('leave');
  emitReturn(context);
}
