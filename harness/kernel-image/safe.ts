import {
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_STX,
  HELPERS,
  type Insn,
  insnClass,
  type Program,
} from '../../jit';
import { argumentsRead } from './reads';

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

/** Whether the main subprog reads its argument, or hands it on in its first call of a subprog. */
function readsContext({ subprogs }: Program): boolean {
  const { insns } = subprogs[0]!;
  const call = insns.findIndex(({ code, src }) => code === (BPF_JMP | BPF_CALL) && src === BPF_PSEUDO_CALL);
  const kept = call >= 0 && insns.slice(0, call).every((insn) => insn.dst !== 1 || insnClass(insn) === BPF_STX);
  return kept || argumentsRead(insns).has(1);
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
