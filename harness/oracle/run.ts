import { MAX_BPF_STACK, MAX_CALL_FRAMES, type Program, pcsOf, printInsn } from '../../jit';
import { type Code, codeOf } from './code';
import { kernelHelper } from './helpers';
import { Junk } from './junk';
import { Memory, type Region, Segment } from './memory';
import {
  type Arena,
  DEFAULT_BUDGET,
  type Helper,
  type HelperState,
  type InterpretOptions,
  MAX_LOOPS,
  MAX_TAIL_CALLS,
} from './options';
import type { FaultKind, LoggedCall, Outcome, Place } from './outcome';
import { resolverOf } from './resolver';
import { ELSEWHERE } from './step';

/** Frames are far from everything, and far from each other, so that a pointer to a dead one points to nothing. */
const FRAME_BASE = 0xffff_f4a3_0000_0000n;
const FRAME_STRIDE = 0x1000n;

/** r0 to r10 and ax. */
const REGISTERS = 12;
const FP = 10;

/** A subprog that has been entered and not left. */
export interface Activation {
  code: Code;
  subprog: number;
  /** Slot to go on at. */
  pc: number;
  /** Rounds that may_goto still grants. */
  rounds: number;
  /** r6 to r10 of the caller. */
  readonly saved: BigUint64Array;
}

/** Ends a run from wherever it is; never leaves {@link interpret}. */
export class Ended extends Error {
  constructor(readonly outcome: Outcome) {
    super(outcome.kind);
  }
}

/** An exception of the program's (bpf_throw), on its way through the activations. */
export class Thrown extends Error {
  constructor(readonly cookie: bigint) {
    super('bpf_throw');
  }
}

/** The state of a run, and all that moves control from one activation to another. */
export class Run {
  readonly regs = new BigUint64Array(REGISTERS);
  /** The same registers as 32-bit halves, the lower one first: every machine that this runs on is little endian. */
  readonly words = new Uint32Array(this.regs.buffer);
  readonly memory: Memory;
  readonly arena: Arena | undefined;
  readonly packet: Uint8Array | undefined;
  readonly percpu: (address: bigint) => bigint;
  readonly log: LoggedCall[] = [];
  executed = 0;

  private readonly activations: Activation[] = [];
  private readonly junk: Junk;
  private readonly helper: Helper;
  private readonly budget: number;
  private readonly calls = new Map<string, number>();
  private readonly codes = new Map<Program, Code>();
  private frames = 0;
  private tailCalls = 0;
  /** Slot of the instruction that executes. */
  private pc = 0;

  constructor(
    private readonly options: InterpretOptions,
    regions: readonly Region[],
  ) {
    this.memory = new Memory(regions);
    this.junk = new Junk(options.seed ?? 0);
    this.helper = options.helper ?? kernelHelper;
    this.budget = options.budget ?? DEFAULT_BUDGET;
    this.arena = options.arena;
    this.packet = options.packet;
    this.percpu = options.percpu ?? ((address) => address);
  }

  get activation(): Activation {
    return this.activations[this.activations.length - 1]!;
  }

  /** Calls a subprog from outside of every program, and returns its r0. */
  enter(program: Program, subprog: number, args: readonly bigint[]): bigint {
    this.activations.length = 0;
    this.memory.frames.length = 0;
    this.forget(0, FP);
    this.setArguments(args);
    this.push(this.codeOf(program), subprog);
    this.execute(0);
    return this.regs[0]!;
  }

  /** Runs until no more activations are live than `floor`. */
  private execute(floor: number): void {
    const { activations, budget } = this;
    while (activations.length > floor) {
      const { code, subprog } = this.activation;
      const steps = code.steps[subprog]!;
      let { pc } = this.activation;
      do {
        if (this.executed >= budget) throw new Ended({ kind: 'budget' });
        this.executed++;
        this.pc = pc;
        const step = steps[pc];
        pc = step ? step(this) : this.fail('instruction', 'control left the instructions of the subprog');
      } while (pc !== ELSEWHERE);
    }
  }

  private codeOf(program: Program): Code {
    const known = this.codes.get(program);
    if (known) return known;
    const code = codeOf(program, resolverOf(program, this.options));
    this.codes.set(program, code);
    return code;
  }

  private push(code: Code, subprog: number): void {
    const { activations, options, regs } = this;
    if (!code.steps[subprog]) this.fail('call', `there is no subprog ${subprog}`);
    const most = options.maxFrames ?? MAX_CALL_FRAMES;
    if (activations.length >= most) this.fail('depth', `more than ${most} activations in one call chain`);
    activations.push({ code, subprog, pc: 0, rounds: options.mayGoto ?? MAX_LOOPS, saved: regs.slice(6, FP + 1) });
    this.forget(6, FP);
    this.forget(0, 1);
    this.pushFrame();
  }

  private pushFrame(): void {
    const bytes = new Uint8Array(this.options.frameBytes ?? MAX_BPF_STACK);
    this.junk.fill(bytes);
    const frame = new Segment(FRAME_BASE + FRAME_STRIDE * BigInt(this.frames++), bytes);
    this.memory.frames.push(frame);
    this.regs[FP] = frame.end;
  }

  /** Gives registers values that mean nothing. */
  private forget(from: number, to: number): void {
    for (let i = 2 * from; i < 2 * to; i++) this.words[i] = this.junk.word();
  }

  private setArguments(args: readonly bigint[]): void {
    args.slice(0, 5).forEach((value, i) => {
      this.regs[1 + i] = value;
    });
  }

  callSubprog(subprog: number, next: number): number {
    this.activation.pc = next;
    this.push(this.activation.code, subprog);
    return ELSEWHERE;
  }

  exit(): number {
    const { saved } = this.activations.pop()!;
    this.memory.frames.pop();
    this.regs.set(saved, 6);
    this.forget(1, 6);
    return ELSEWHERE;
  }

  callHelper(name: string, next: number): number {
    const args = this.logCall(name);
    const { pc } = this;
    const result = this.helper(name, args, this.stateFor(name));
    this.pc = pc;
    if (result === undefined) this.fail('call', `nobody models ${name}`);
    this.regs[0] = result;
    this.forget(1, 6);
    return next;
  }

  private logCall(name: string): bigint[] {
    const args = [...this.regs.subarray(1, 6)];
    this.log.push({ name, args });
    return args;
  }

  private stateFor(name: string): HelperState {
    const nth = (this.calls.get(name) ?? 0) + 1;
    this.calls.set(name, nth);
    const { code } = this.activation;
    return {
      memory: this.memory,
      nth,
      call: (subprog, args) => this.callBack(code, subprog, args),
      subprogAt: (address) => code.resolver.subprogAt(address),
    };
  }

  private callBack(code: Code, subprog: number, args: readonly bigint[]): bigint {
    const floor = this.activations.length;
    this.forget(1, 6);
    this.setArguments(args);
    this.push(code, subprog);
    this.execute(floor);
    return this.regs[0]!;
  }

  /**
   * The other program takes the place of this activation: its exit returns to this one's caller. r1 stays the context.
   * An empty slot, or too many tail calls, and the program goes on.
   */
  tailCall(next: number): number {
    const { activation, regs, options } = this;
    const program = options.tailCall?.(regs[2]!, this.words[2 * 3]!);
    if (!program || this.tailCalls >= MAX_TAIL_CALLS) {
      this.forget(0, 6);
      return next;
    }
    this.tailCalls++;
    activation.code = this.codeOf(program);
    activation.subprog = 0;
    activation.pc = 0;
    activation.rounds = options.mayGoto ?? MAX_LOOPS;
    this.memory.frames.pop();
    this.forget(2, FP);
    this.pushFrame();
    return ELSEWHERE;
  }

  throwException(): never {
    this.logCall('bpf_throw');
    throw new Thrown(this.regs[1]!);
  }

  badAccess(what: 'load' | 'store' | 'atomic', address: bigint, bytes: number): never {
    const where = `0x${address.toString(16).padStart(16, '0')}`;
    return this.fail('memory', `${what} of ${bytes} bytes at ${where}, which is in no region`);
  }

  fail(kind: FaultKind, message: string): never {
    throw new Ended({ kind: 'fault', fault: { kind, message, place: this.place() } });
  }

  private place(): Place | null {
    const { activation, pc } = this;
    if (!activation) return null;
    const { program } = activation.code;
    const { name, insns } = program.subprogs[activation.subprog]!;
    const insn = insns[pcsOf(insns).indexOf(pc)];
    const names = { subprogs: program.subprogs.map((subprog) => subprog.name), kfuncs: program.kfuncs };
    const text = insn ? printInsn(insn, { ...names, maps: program.maps }) : '';
    return { program: program.name, subprog: name, pc, text };
  }
}
