import { accessBytes, type Insn, insnClass, insnMode } from '../bpf/insn';
import {
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEM32SX,
  BPF_PROBE_MEMSX,
  BPF_ST,
} from '../bpf/opcodes';
import { type AccessBytes, emitLdsx, emitLdx, emitLdxIndex, emitSt, emitStx, memOperand } from '../idioms/memory';
import { emitMovImm32, emitMovImm64, emitMovReg } from '../idioms/moves';
import { X86_64 } from '../x86/abi';
import { imm32, type Mem, rel8 } from '../x86/operands';
import { r64 } from '../x86/registers';
import { type EmitContext, type Emitter, machineRegister } from './context';
import type { Stream } from './stream';

/**
 * A load that checks for a kernel address first: what lies below the end of user space, or in the vsyscall page and
 * above, reads as 0 without being touched; other addresses may fault.
 */
function emitProbe({ out, config }: EmitContext, insn: Insn, dst: number, base: number, load: () => void): void {
  const [limit, sum] = [X86_64.bpf[11]!, X86_64.scratch];
  const start = out.label();
  const end = out.label();
  emitMovImm64(out, limit, config.vsyscall);
  emitMovReg(out, true, sum, base);
  if (insn.off !== 0) out.put('add r64, imm32', r64(sum), imm32(insn.off));
  out.put('sub r64, r64', r64(sum), r64(limit));
  emitMovImm64(out, limit, config.userLimit - config.vsyscall);
  out.put('cmp r64, r64', r64(sum), r64(limit));
  out.put('ja rel8', rel8(start));
  emitMovImm32(out, dst, false, 0);
  out.put('jmp rel8', rel8(end));
  out.bind(start);
  out.mayFault(dst, load);
  out.bind(end);
}

type Load = (out: Stream, bytes: AccessBytes, dst: number, mem: Mem) => void;

const signedLoad: Load = (out, bytes, dst, mem) => emitLdsx(out, bytes as 1 | 2 | 4, dst, mem);

/** How each mode loads, and what it does besides. */
const LOADS: Readonly<Record<number, { readonly load: Load; readonly how: 'plain' | 'probe' | 'arena' }>> = {
  [BPF_MEM]: { load: emitLdx, how: 'plain' },
  [BPF_MEMSX]: { load: signedLoad, how: 'plain' },
  [BPF_PROBE_MEM]: { load: emitLdx, how: 'probe' },
  [BPF_PROBE_MEMSX]: { load: signedLoad, how: 'probe' },
  [BPF_PROBE_MEM32]: { load: emitLdxIndex, how: 'arena' },
  [BPF_PROBE_MEM32SX]: { load: signedLoad, how: 'arena' },
};

function loadEmitter(opcode: Insn): Emitter {
  const row = LOADS[insnMode(opcode)];
  if (!row) return () => undefined;
  const { load, how } = row;
  const bytes = accessBytes(opcode);
  if (how === 'plain') {
    return (context, insn) => {
      const mem = memOperand(machineRegister(context, insn.src), insn.off);
      load(context.out, bytes, machineRegister(context, insn.dst), mem);
    };
  }
  return (context, insn) => {
    const { out } = context;
    const dst = machineRegister(context, insn.dst);
    const base = machineRegister(context, insn.src);
    if (how === 'probe') {
      emitProbe(context, insn, dst, base, () => load(out, bytes, dst, memOperand(base, insn.off)));
    } else out.mayFault(dst, () => load(out, bytes, dst, memOperand(base, insn.off, X86_64.arenaBase)));
  };
}

/** The emitter of an opcode of class LDX, ST or STX that is neither atomic nor a barrier. */
export function memoryEmitter(opcode: Insn): Emitter {
  if (insnClass(opcode) === BPF_LDX) return loadEmitter(opcode);
  const bytes = accessBytes(opcode);
  const store: (context: EmitContext, insn: Insn, mem: Mem) => void =
    insnClass(opcode) === BPF_ST
      ? ({ out }, insn, mem) => emitSt(out, bytes, mem, insn.imm)
      : (context, insn, mem) => emitStx(context.out, bytes, mem, machineRegister(context, insn.src));
  if (insnMode(opcode) !== BPF_PROBE_MEM32) {
    return (context, insn) => store(context, insn, memOperand(machineRegister(context, insn.dst), insn.off));
  }
  return (context, insn) => {
    const mem = memOperand(machineRegister(context, insn.dst), insn.off, X86_64.arenaBase);
    context.out.mayFault(null, () => store(context, insn, mem));
  };
}
