import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX,
  BPF_NOSPEC,
  BPF_ST,
  BPF_STX,
  BPF_X,
  type Insn,
} from '../../jit';
import { accessOf } from './access';
import type { Run } from './run';
import { extended, type Step } from './step';

const CLASS = 0x07;
const OPERATION = 0xf0;
const UNCONDITIONAL = new Set([BPF_JA, BPF_CALL, BPF_EXIT, BPF_JCOND].map((op) => op & OPERATION));

const low = (value: bigint): bigint => BigInt.asUintN(32, value);

const operands =
  ({ code, src, dst, imm }: Insn, cut: (value: bigint) => bigint) =>
  (run: Run): void => {
    const [left, right] = [run.regs[dst]!, (code & BPF_X) === 0 ? extended(imm) : run.regs[src]!].map(cut);
    if (right === 0n) run.path.decidesByNull(left!);
    else run.path.decides(left!);
    run.path.decides(right!);
  };

const conditional =
  (cut: (value: bigint) => bigint) =>
  (insn: Insn): ((run: Run) => void) | undefined =>
    UNCONDITIONAL.has(insn.code & OPERATION) ? undefined : operands(insn, cut);

const MODE = 0xe0;

const access =
  (base: 'dst' | 'src') =>
  (insn: Insn): ((run: Run) => void) | undefined => {
    if ((insn.code & MODE) === BPF_NOSPEC) return undefined;
    const { bytes } = accessOf(insn);
    const offset = BigInt(insn.off);
    return (run) => run.path.touches(BigInt.asUintN(64, run.regs[insn[base]]! + offset), bytes);
  };

/** By class, what is told before an instruction is executed. */
const WATCHES: Readonly<Record<number, (insn: Insn) => ((run: Run) => void) | undefined>> = {
  [BPF_JMP]: conditional((value) => value),
  [BPF_JMP32]: conditional(low),
  [BPF_LDX]: access('src'),
  [BPF_ST]: access('dst'),
  [BPF_STX]: access('dst'),
};

/** A step that first tells on what it depends where the run goes, and where it reads and writes. */
export function watchedStep(insn: Insn, step: Step): Step {
  const tell = WATCHES[insn.code & CLASS]?.(insn);
  if (!tell) return step;
  return (run) => {
    tell(run);
    return step(run);
  };
}
