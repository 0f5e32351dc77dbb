import { BPF_CALL, BPF_HELPER_CALL, BPF_JMP, BPF_PSEUDO_CALL, HELPERS, type Insn, type Program } from '../../jit';

/** What is known of a loaded program when somebody wants to run it in the kernel. */
export interface RunCandidate {
  readonly program: Program;
  /** How a test run of its type hands over its input; undefined where there is none. */
  readonly input: 'packet' | 'context' | undefined;
  readonly type: string;
  /** Whether one of its functions has a private frame, by its image. */
  readonly hasPrivateFrame: boolean;
}

/** Helpers that look at things and change nothing but the program's own memory. */
const HARMLESS = [
  /^bpf_(map_lookup|map_update|map_delete|map_push|map_pop|map_peek)_/,
  /^bpf_ktime_get_/,
  /^bpf_get_(prandom_u32|smp_processor_id|numa_node_id|current_\w+|attach_cookie|func_ip)$/,
  /^bpf_(jiffies64|loop|for_each_map_elem|tail_call|strtol|strtoul|strncmp|snprintf|probe_read_kernel|probe_read_kernel_str|csum_diff)$/,
];
const HARMLESS_KFUNCS = new Set(['bpf_throw', 'bpf_rcu_read_lock', 'bpf_rcu_read_unlock']);

const BPF_JCOND = 0xe0;
const isMayGoto = ({ code }: Insn): boolean => code === (BPF_JMP | BPF_JCOND);

function callee({ kfuncs }: Program, { code, src, imm }: Insn): { name: string; harmless: boolean } | null {
  if (code !== (BPF_JMP | BPF_CALL) || src === BPF_PSEUDO_CALL) return null;
  if (src !== BPF_HELPER_CALL) return { name: kfuncs[imm] ?? '?', harmless: HARMLESS_KFUNCS.has(kfuncs[imm] ?? '?') };
  const name = HELPERS.name(imm) ?? `helper ${imm}`;
  return { name, harmless: HARMLESS.some((pattern) => pattern.test(name)) };
}

/** Whether the main subprog reads r1 before it is overwritten, in order of its text. */
function readsContext({ subprogs }: Program): boolean {
  for (const { code, dst, src } of subprogs[0]!.insns) {
    const kind = code & 7;
    const alu = kind === 4 || kind === 7;
    const takes = (alu || kind === 5 || kind === 6) && (code & 8) !== 0;
    const stores = kind === 2 || kind === 3;
    if ((takes || kind === 1 || kind === 3) && src === 1) return true;
    if (stores && dst === 1) return true;
    if ((alu && (code & 0xf0) !== 0xb0 && dst === 1) || ((kind === 5 || kind === 6) && dst === 1 && code !== 0x85))
      return true;
    if ((alu || kind === 0 || kind === 1) && dst === 1) return false;
    if (code === 0x85) return src === BPF_PSEUDO_CALL;
  }
  return false;
}

/**
 * Why a program must not be run in the kernel, or would tell nothing there; null when it may. Exceptions thrown out of a
 * private frame, and may_goto in one, are defects of the kernel that would damage it: those belong in the emulator.
 */
export function whyNotRun({ program, input, type, hasPrivateFrame }: RunCandidate): string | null {
  if (input === undefined) return `the kernel has no test run for programs of type ${type}`;
  const insns = program.subprogs.flatMap((each) => each.insns);
  const callees = insns.flatMap((insn) => callee(program, insn) ?? []);
  if (hasPrivateFrame && callees.some(({ name }) => name === 'bpf_throw')) {
    return 'it can throw, and has a private frame: Linux 6.18 then restores wrong registers, run it in the emulator only';
  }
  if (hasPrivateFrame && insns.some(isMayGoto)) {
    return 'it has may_goto and a private frame: Linux 6.18 then writes to a wrong place, run it in the emulator only';
  }
  const acting = callees.find(({ harmless }) => !harmless);
  if (acting) return `it calls ${acting.name}, which may act on the system`;
  if (input === 'packet' && readsContext(program)) {
    return 'it reads its context, which in the kernel is a structure that the emulator does not have';
  }
  return null;
}
