import {
  accessBytes,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEM32SX,
  BPF_PROBE_MEMSX,
  BPF_ST,
  type Insn,
  insnClass,
  insnMode,
} from '../bpf';
import {
  emitLdsx,
  emitLdx,
  emitLdxIndex,
  emitMovImm32,
  emitMovImm64,
  emitMovReg,
  emitSt,
  emitStx,
  memOperand,
} from '../idioms';
import { imm32, type Mem, r64, rel8, X86_64 } from '../x86';
import { type EmitContext, machineRegister } from './context';

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

function emitLoad(context: EmitContext, insn: Insn): void {
  const { out } = context;
  const bytes = accessBytes(insn);
  const dst = machineRegister(context, insn.dst);
  const base = machineRegister(context, insn.src);
  const plain = (mem: Mem) => emitLdx(out, bytes, dst, mem);
  const signed = (mem: Mem) => emitLdsx(out, bytes as 1 | 2 | 4, dst, mem);
  const mem = memOperand(base, insn.off);
  const arena = memOperand(base, insn.off, X86_64.arenaBase);
  const mode = insnMode(insn);
  if (mode === BPF_MEM) plain(mem);
  else if (mode === BPF_MEMSX) signed(mem);
  else if (mode === BPF_PROBE_MEM) emitProbe(context, insn, dst, base, () => plain(mem));
  else if (mode === BPF_PROBE_MEMSX) emitProbe(context, insn, dst, base, () => signed(mem));
  else if (mode === BPF_PROBE_MEM32) out.mayFault(dst, () => emitLdxIndex(out, bytes, dst, arena));
  else if (mode === BPF_PROBE_MEM32SX) out.mayFault(dst, () => signed(arena));
}

/** One instruction of class LDX, ST or STX that is neither atomic nor a barrier. */
export function emitMemory(context: EmitContext, insn: Insn): void {
  if (insnClass(insn) === BPF_LDX) return emitLoad(context, insn);
  const { out } = context;
  const arena = insnMode(insn) === BPF_PROBE_MEM32;
  const mem = memOperand(machineRegister(context, insn.dst), insn.off, arena ? X86_64.arenaBase : null);
  const store = () => {
    if (insnClass(insn) === BPF_ST) emitSt(out, accessBytes(insn), mem, insn.imm);
    else emitStx(out, accessBytes(insn), mem, machineRegister(context, insn.src));
  };
  if (arena) out.mayFault(null, store);
  else store();
}
