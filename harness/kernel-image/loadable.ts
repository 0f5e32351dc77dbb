import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  BPF_JMP32,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  type Insn,
  insnClass,
  type Program,
} from '../../jit';

const isJump = (insn: Insn): boolean => insnClass(insn) === BPF_JMP || insnClass(insn) === BPF_JMP32;

/** Subprogs that are called before the first branch: no value decides whether they are. */
function calledFirst({ subprogs, kfuncs }: Program, index: number): number[] {
  const called: number[] = [];
  for (const { code, src, imm } of subprogs[index]!.insns.filter(isJump)) {
    if (code !== (BPF_JMP | BPF_CALL) || (src === BPF_PSEUDO_KFUNC_CALL && kfuncs[imm] === 'bpf_throw')) break;
    if (src === BPF_PSEUDO_CALL) called.push(imm);
  }
  return called;
}

/** Whether control gets behind a subprog's straight line, as far as that can be told without looking at values. */
function returnsStraight({ subprogs }: Program, index: number): boolean {
  const { insns } = subprogs[index]!;
  const calls = (insn: Insn, i: number): boolean =>
    insn.code === (BPF_JMP | BPF_CALL) || (insn.code === (BPF_JMP | BPF_EXIT) && i === insns.length - 1);
  return insns.every((insn, i) => !isJump(insn) || calls(insn, i));
}

/** Subprogs that the verifier cannot find dead, whatever it knows of values. */
function surelyLive(program: Program): ReadonlySet<number> {
  const live = new Set([0]);
  for (const index of live) {
    for (const callee of calledFirst(program, index)) {
      live.add(callee);
      if (!returnsStraight(program, callee)) break;
    }
  }
  return live;
}

/**
 * Why a program must not be handed to a running kernel; null when it may. The verifier of Linux 6.18 takes dead subprogs
 * out and does not correct the index of the exception callback (exception_callback_subprog), with which jit_subprogs() then
 * reads past the last one: the load ends in a NULL pointer dereference (docs/findings/f-exception-callback.md).
 */
export function whyNotLoaded(program: Program, exceptionCallback: number | undefined): string | null {
  if (exceptionCallback === undefined) return null;
  const live = surelyLive(program);
  const doubtful = program.subprogs.findIndex((_, index) => index < exceptionCallback && !live.has(index));
  if (doubtful < 0) return null;
  const [callback, subprog] = [exceptionCallback, doubtful].map((index) => program.subprogs[index]!.name);
  return `the exception callback \`${callback}\` stands behind \`${subprog}\`, which may turn out to be dead code: Linux 6.18 then dereferences a NULL pointer while it loads the program; expected the callback right behind the main subprog`;
}
