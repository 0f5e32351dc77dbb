import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_K,
  BPF_PSEUDO_CALL,
  BPF_X,
  type Insn,
} from '../../jit';
import { type Condition32, type Condition64, JMP32, JMP64 } from './conditions';
import { extended, type Step, type StepMaker } from './step';

/** Nothing is at a negative slot, nor at this one; negative numbers have another meaning. */
const OUTSIDE = 0x7fff_ffff;
const slot = (target: number): number => (target < 0 ? OUTSIDE : target);

function jump64Register(condition: Condition64, { dst, src, off }: Insn, next: number): Step {
  const target = slot(next + off);
  return ({ regs }) => (condition(regs[dst]!, regs[src]!) ? target : next);
}

function jump64Immediate(condition: Condition64, { dst, imm, off }: Insn, next: number): Step {
  const target = slot(next + off);
  const operand = extended(imm);
  return ({ regs }) => (condition(regs[dst]!, operand) ? target : next);
}

function jump32Register(condition: Condition32, { dst, src, off }: Insn, next: number): Step {
  const target = slot(next + off);
  return ({ words }) => (condition(words[2 * dst]!, words[2 * src]!) ? target : next);
}

function jump32Immediate(condition: Condition32, { dst, imm, off }: Insn, next: number): Step {
  const target = slot(next + off);
  const operand = imm >>> 0;
  return ({ words }) => (condition(words[2 * dst]!, operand) ? target : next);
}

const always =
  (distance: (insn: Insn) => number): StepMaker =>
  (insn, next) => {
    const target = slot(next + distance(insn));
    return () => target;
  };

/** Stays in the loop for so many rounds of its activation. */
const mayGoto: StepMaker = ({ src, off }, next) => {
  if (src !== 0) return undefined;
  const target = slot(next + off);
  return ({ activation }) => {
    if (activation.rounds === 0) return target;
    activation.rounds--;
    return next;
  };
};

/** Calls that move control, by name; any other function is a helper. */
const CONTROL: ReadonlyMap<string, (next: number) => Step> = new Map([
  [
    'bpf_tail_call',
    (next: number): Step =>
      (run) =>
        run.tailCall(next),
  ],
  ['bpf_throw', (): Step => (run) => run.throwException()],
]);

/** Calls of subprogs, helpers and kfuncs (RFC 9669 section 4.3.1). */
const call: StepMaker = (insn, next, resolver) => {
  const { src, imm } = insn;
  if (src === BPF_PSEUDO_CALL) return (run) => run.callSubprog(imm, next);
  const name = resolver.callee(insn);
  if (name === undefined) return (run) => run.fail('call', 'nobody knows whom this calls');
  return CONTROL.get(name)?.(next) ?? ((run) => run.callHelper(name, next));
};

const exit: StepMaker = () => (run) => run.exit();

const conditional = <T>(
  kind: number,
  table: Readonly<Record<number, T>>,
  make: (condition: T, insn: Insn, next: number) => Step,
): [number, StepMaker][] =>
  Object.entries(table).map(([op, condition]) => [kind | Number(op), (insn, next) => make(condition, insn, next)]);

/** Jumps, calls and returns, by opcode. */
export const JUMP_STEPS: Readonly<Record<number, StepMaker>> = {
  ...Object.fromEntries([
    ...conditional(BPF_JMP | BPF_X, JMP64, jump64Register),
    ...conditional(BPF_JMP | BPF_K, JMP64, jump64Immediate),
    ...conditional(BPF_JMP32 | BPF_X, JMP32, jump32Register),
    ...conditional(BPF_JMP32 | BPF_K, JMP32, jump32Immediate),
  ]),
  [BPF_JMP | BPF_JA]: always(({ off }) => off),
  [BPF_JMP32 | BPF_JA]: always(({ imm }) => imm),
  [BPF_JMP | BPF_JCOND]: mayGoto,
  [BPF_JMP | BPF_CALL]: call,
  [BPF_JMP | BPF_EXIT]: exit,
};
