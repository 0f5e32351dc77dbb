import { emitPops } from '../idioms/frames';
import { imm8, imm32, mem0, memDisp8, memIndex, rel8, rel32 } from '../x86/operands';
import { Gpr, r32, r64 } from '../x86/registers';
import { emitLoadTailCallPointer } from './call';
import type { EmitContext } from './context';

const { rax, rcx, rdx, rsi, rsp } = Gpr;

/** Bytes from a program's entry to where a tail call lands, past the frame set-up. */
export const tailCallOffset = (ibt: boolean): number => (ibt ? 16 : 12);

/** Gives up the frame, but for rbp's and the return address. */
function emitLeaveFrame({ out, saved, kernelDepth }: EmitContext): void {
  emitPops(out, saved);
  emitPops(out, [rax, rax]);
  if (kernelDepth > 0) out.put('add r64, imm32', r64(rsp), imm32(kernelDepth));
}

/** A tail call to a slot known when the program is loaded: a jump that is patched when the slot is filled. */
function emitDirect(context: EmitContext): void {
  const { out, config } = context;
  const end = out.label();
  emitLoadTailCallPointer(context);
  out.put('cmp m64, imm8', mem0(rax), imm8(config.tailCallLimit));
  out.put('jae rel8', rel8(end));
  out.role('tail-call-bypass');
  out.put('jmp rel32', rel32(end));
  out.role('body');
  out.put('add m64, imm8', mem0(rax), imm8(1));
  emitLeaveFrame(context);
  out.role('tail-call-target');
  out.put('nop5');
  out.bind(end);
}

/** A tail call through the array in r2 at the index in r3. */
function emitIndirect(context: EmitContext): void {
  const { out, config } = context;
  const { offsets } = config;
  const end = out.label();
  out.put('mov r32, r32', r32(rdx), r32(rdx));
  out.put('cmp m32, r32', memDisp8(rsi, offsets.mapMaxEntries), r32(rdx));
  out.put('jbe rel8', rel8(end));
  emitLoadTailCallPointer(context);
  out.put('cmp m64, imm8', mem0(rax), imm8(config.tailCallLimit));
  out.put('jae rel8', rel8(end));
  out.put('mov r64, m64', r64(rcx), memIndex(rsi, rdx, 8, offsets.arrayPtrs, 32));
  out.put('test r64, r64', r64(rcx), r64(rcx));
  out.put('je rel8', rel8(end));
  out.put('add m64, imm8', mem0(rax), imm8(1));
  emitLeaveFrame(context);
  out.put('mov r64, m64', r64(rcx), memDisp8(rcx, offsets.progFunc));
  out.put('add r64, imm8', r64(rcx), imm8(tailCallOffset(config.ibt)));
  if (config.retpoline) {
    const address = config.symbols.indirectThunkRcx;
    out.put('jmp rel32', rel32({ kind: 'kernel', name: '__x86_indirect_thunk_rcx', address }));
  } else {
    out.put('jmp r64', r64(rcx));
    if (config.sls) out.put('int3');
  }
  out.bind(end);
}

/** The next tail call in program order. */
export function emitTailCall(context: EmitContext): void {
  const kind = context.facts.tailCalls[context.tailCalls++] ?? 'indirect';
  if (kind === 'direct') emitDirect(context);
  else emitIndirect(context);
}
