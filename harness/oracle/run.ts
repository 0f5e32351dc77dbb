import { MAX_BPF_STACK, MAX_CALL_FRAMES, type Program, pcsOf, printInsn } from '../../jit';
import { type Code, codeOf } from './code';
import { kernelHelper } from './helpers';
import { Junk } from './junk';
import { Memory, type Region, Segment } from './memory';
import {
  ADDRESSES,
  type Addresses,
  type Arena,
  DEFAULT_BUDGET,
  type FunctionRef,
  type Helper,
  type HelperState,
  type InterpretOptions,
  type KernelState,
  MAX_LOOPS,
  MAX_TAIL_CALLS,
} from './options';
import type { FaultKind, LoggedCall, Outcome, Place } from './outcome';
import { Path } from './path';
import { resolverOf } from './resolver';
import { ELSEWHERE } from './step';

/** r0 to r10 and ax. */
const REGISTERS = 12;
const FP = 10;

/** Between the addresses of two programs' functions: more than a program has of them. */
const PROGRAM_STRIDE = 0x10_0000n;

/** How many tail calls the activations since the entry of a program have made. */
interface TailCalls {
  count: number;
}

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
  /** Live frames below its own. */
  readonly below: number;
  readonly tailCalls: TailCalls;
}

/** Ends a run from wherever it is; never leaves an {@link Interpreter}. */
export class Ended extends Error {
  constructor(readonly outcome: Outcome) {
    super(outcome.kind);
  }
}

/** The state of a run, and all that moves control from one activation to another. */
export class Run {
  readonly regs = new BigUint64Array(REGISTERS);
  /** The same registers as 32-bit halves, the lower one first: every machine that this runs on is little endian. */
  readonly words = new Uint32Array(this.regs.buffer);
  readonly memory: Memory;
  readonly path: Path;
  readonly arena: Arena | undefined;
  readonly packet: Uint8Array | undefined;
  readonly percpu: (address: bigint) => bigint;
  log: LoggedCall[] = [];
  executed = 0;
  /** Whether an exception has ended the outermost program. */
  thrown = false;

  private readonly activations: Activation[] = [];
  private readonly junk: Junk;
  private readonly helper: Helper;
  private readonly budget: number;
  private readonly calls = new Map<string, number>();
  private readonly codes = new Map<Program, Code>();
  private readonly addresses: Addresses;
  private frames = 0;
  /** Activations below the innermost entry from C. */
  private floor = 0;
  /** Slot of the instruction that executes. */
  private pc = 0;

  constructor(
    private readonly options: InterpretOptions,
    regions: readonly Region[],
  ) {
    this.memory = new Memory(regions);
    this.path = new Path(this.memory, options);
    this.junk = new Junk(options.seed ?? 0, options.inverted);
    this.addresses = options.addresses ?? ADDRESSES;
    this.helper = options.helper ?? kernelHelper;
    this.budget = options.budget ?? DEFAULT_BUDGET;
    this.arena = options.arena;
    this.packet = options.packet;
    this.percpu = options.percpu ?? ((address) => address);
  }

  get activation(): Activation {
    return this.activations[this.activations.length - 1]!;
  }

  /** Forgets the run before, but for memory. */
  begin(): void {
    this.log = [];
    this.executed = 0;
    this.thrown = false;
    this.calls.clear();
    this.activations.length = 0;
    this.memory.frames.length = 0;
    this.floor = 0;
  }

  /** C calls a subprog, and gets its r0; then all registers are what they were. */
  enter(program: Program, subprog: number, args: readonly bigint[]): bigint {
    const { pc } = this;
    const registers = this.regs.slice();
    this.forget(0, FP);
    this.setArguments(args);
    const code = this.codeOf(program);
    const r0 = this.above(() => this.entrance(code, subprog, { count: 0 }, 0));
    this.regs.set(registers);
    this.pc = pc;
    return r0;
  }

  /** Runs what is entered until it is left, and returns its r0. */
  private above(entered: () => number): bigint {
    const { floor } = this;
    this.floor = this.activations.length;
    entered();
    this.execute(this.floor);
    this.floor = floor;
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
    const functions = this.addresses.functions + PROGRAM_STRIDE * BigInt(this.codes.size);
    const { before = () => undefined, path } = this.options;
    const resolver = resolverOf(program, this.options, functions);
    const code = codeOf(program, { resolver, before, watched: path !== undefined });
    this.codes.set(program, code);
    return code;
  }

  /** The subprog of whatever program that an address stands for. */
  functionAt(address: bigint): FunctionRef | undefined {
    for (const { program, resolver } of this.codes.values()) {
      const subprog = resolver.subprogAt(address);
      if (subprog !== undefined) return { program, subprog };
    }
    return undefined;
  }

  /**
   * Control comes to the entry of a subprog, where something else may stand.
   * @param next slot to go on at when the call is over at once
   */
  private entrance(code: Code, subprog: number, tailCalls: TailCalls, next: number): number {
    const found = this.options.entrance?.(code.program, subprog);
    if (found?.kind === 'replaced') return this.entrance(this.codeOf(found.by), 0, { count: 0 }, next);
    if (found) this.aside(found.before);
    if (!found?.after) {
      this.push(code, subprog, tailCalls);
      return ELSEWHERE;
    }
    const { after } = found;
    const r0 = this.above(() => {
      this.push(code, subprog, tailCalls);
      return ELSEWHERE;
    });
    this.aside(after);
    this.regs[0] = r0;
    this.forget(1, 6);
    return next;
  }

  /** C code that nobody sees: its memory is gone afterwards, and no register is another. */
  aside(work: (state: KernelState) => void): void {
    const below = this.memory.frames.length;
    work(this.kernelState());
    this.memory.frames.length = below;
  }

  private push(code: Code, subprog: number, tailCalls: TailCalls): void {
    const { activations, options, regs, memory } = this;
    if (!code.steps[subprog]) this.fail('call', `there is no subprog ${subprog}`);
    const most = options.maxFrames ?? MAX_CALL_FRAMES;
    if (activations.length >= most) this.fail('depth', `more than ${most} activations in one call chain`);
    const rounds = options.mayGoto ?? MAX_LOOPS;
    const below = memory.frames.length;
    activations.push({ code, subprog, pc: 0, rounds, saved: regs.slice(6, FP + 1), below, tailCalls });
    this.forget(6, FP);
    this.forget(0, 1);
    this.pushFrame();
  }

  private pushFrame(): void {
    this.regs[FP] = this.newFrame(this.options.frameBytes ?? MAX_BPF_STACK).end;
  }

  private newFrame(size: number): Segment {
    const bytes = new Uint8Array(size);
    this.junk.fill(bytes);
    const { frames, stride } = this.addresses;
    const frame = new Segment(frames + stride * BigInt(this.frames++), bytes);
    this.memory.frames.push(frame);
    return frame;
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
    const { activation } = this;
    activation.pc = next;
    return this.entrance(activation.code, subprog, activation.tailCalls, next);
  }

  exit(): number {
    this.leave(this.activations.pop()!);
    this.forget(1, 6);
    return ELSEWHERE;
  }

  /** Its caller's registers and frame are there again. */
  private leave({ saved, below }: Activation): void {
    this.memory.frames.length = below;
    this.regs.set(saved, 6);
  }

  callHelper(name: string, next: number): number {
    const result = this.ask(name);
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

  private ask(name: string): bigint | undefined {
    const args = this.logCall(name);
    const below = this.memory.frames.length;
    const result = this.helper(name, args, this.stateFor(name));
    this.memory.frames.length = below;
    return result;
  }

  private stateFor(name: string): HelperState {
    const nth = (this.calls.get(name) ?? 0) + 1;
    this.calls.set(name, nth);
    const { code, subprog } = this.activation;
    return {
      ...this.kernelState(),
      nth,
      caller: { program: code.program, subprog },
      call: (callee, args) => this.enter(code.program, callee, args),
      subprogAt: (address) => code.resolver.subprogAt(address),
    };
  }

  private kernelState(): KernelState {
    return {
      memory: {
        read: (address, size) => (this.path.touches(address, size) ? this.memory.read(address, size) : undefined),
        write: (address, bytes) => this.path.touches(address, bytes.length) && this.memory.write(address, bytes),
      },
      enter: (program, subprog, args) => this.enter(program, subprog, args),
      functionAt: (address) => this.functionAt(address),
      scratch: (bytes) => this.newFrame(bytes).base,
      junk: () => (BigInt(this.junk.word() >>> 0) << 32n) | BigInt(this.junk.word() >>> 0),
    };
  }

  /**
   * The other program takes the place of this activation: its exit returns to this one's caller. r1 stays the context.
   * An empty slot, or too many tail calls, and the program goes on.
   */
  tailCall(next: number): number {
    const { activation, regs, options } = this;
    const program = options.tailCall?.(regs[2]!, this.words[2 * 3]!);
    if (!program || activation.tailCalls.count >= MAX_TAIL_CALLS) {
      this.forget(0, 6);
      return next;
    }
    activation.tailCalls.count++;
    activation.code = this.codeOf(program);
    activation.subprog = 0;
    activation.pc = 0;
    activation.rounds = options.mayGoto ?? MAX_LOOPS;
    this.memory.frames.pop();
    this.forget(2, FP);
    this.pushFrame();
    return ELSEWHERE;
  }

  /**
   * Unwinds to the innermost main subprog, of whatever program: its exception callback takes its place, and returns to
   * its caller. C code in between ends the search (bpf_stack_walker()).
   */
  throwException(): number {
    const { activations, regs } = this;
    this.ask('bpf_throw');
    const cookie = regs[1]!;
    const at = activations.findLastIndex(({ subprog }, i) => i >= this.floor && subprog === 0);
    const boundary = activations[at] ?? this.fail('throw', 'no main subprog is there to catch the exception');
    activations.length = at;
    this.leave(boundary);
    this.forget(0, 6);
    if (at === 0) this.thrown = true;
    const { code, tailCalls } = boundary;
    const callback = this.options.exceptionCallback?.(code.program);
    regs[callback === undefined ? 0 : 1] = cookie;
    if (callback !== undefined) this.push(code, callback, tailCalls);
    return ELSEWHERE;
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
