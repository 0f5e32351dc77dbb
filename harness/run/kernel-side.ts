import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { CALLBACK_MODELS } from '../kernel/callbacks';
import { callArguments, callerState, destroyCallerSaved } from '../kernel/clobber';
import type { CallMap, HelperCall, PendingCallback } from '../kernel/helper-call';
import { helperResult } from '../kernel/helpers';
import { THUNKS } from '../kernel/may-goto';
import { type KernelModel, LINUX_KERNEL } from '../kernel/model';
import { RecursionGuard } from '../kernel/recursion';
import { findBoundary, walkFrames } from '../kernel/unwind';
import { entryRsp, percpuOffset, u64 } from '../machine/layout';
import { Action, type HelperAction, REG } from '../machine/machine';
import { type ClobberRule, evaluate } from '../spec';
import { termEnvironment } from './environment';
import type { Arrangements, EntryRequest, KernelMachine, Moment, Waiting, Work } from './kernel-work';
import type { Entry, Mark, PlacedTrampoline, Stub, Throw, World } from './run';
import { leaveBehind, type Schedule } from './schedule';

/** What the kernel side has to know of a scenario. */
export interface KernelSetup {
  readonly world: World;
  readonly clobbers: readonly ClobberRule[];
  /** Results that the spec declares for helpers. */
  readonly returns: ReadonlyMap<string, bigint>;
  /** Default: Linux 6.18. */
  readonly kernel?: KernelModel;
  /** What helpers leave behind; by default junk. What a spec plans comes before it. */
  readonly schedule?: Schedule;
}

/** Bytes of kernel stack between what C was called from, and the return address of what it calls. */
const C_FRAME = 256n;
/** Bytes of a helper's frame that its model may use. */
const LOCALS = 64n;

/** Everything that is not a program: helpers, callbacks, exceptions, trampolines, and what interrupts. */
export class KernelSide {
  cpu = 0;
  /** Index of the program that was entered from outside. */
  program = 0;
  entries: Entry[] = [];
  marks: Mark[] = [];
  readonly guard: RecursionGuard;
  private readonly kernel: KernelModel;
  readonly pending = new Map<bigint, PendingCallback>();
  private waiting: Waiting[] = [];
  private readonly calls = new Map<string, number>();
  private readonly maps: readonly CallMap[];
  /** Entries of the whole scenario. */
  private entered = 0;
  /** Where the stub of that name goes on. */
  private again = 0n;

  constructor(
    private readonly setup: KernelSetup,
    private readonly machine: () => KernelMachine,
    private readonly arranged: Arrangements,
  ) {
    this.kernel = setup.kernel ?? LINUX_KERNEL;
    this.guard = new RecursionGuard(this.kernel.guardScope);
    this.maps = setup.world.data.flatMap(({ address, size, pointer, elements }) =>
      pointer === undefined ? [] : [{ pointer, value: address, size, ...(elements && { elements }) }],
    );
  }

  private get regs(): BigUint64Array {
    return this.machine().regs;
  }

  private now(): number {
    return this.machine().emu.events.count;
  }

  /** The outermost entry of a run. The registers are those of the caller. */
  begin(program: number, subprog: number, cpu: number, by: string): Entry {
    this.cpu = cpu;
    this.program = program;
    this.calls.clear();
    this.waiting = [];
    this.entries = [];
    this.marks = [];
    const before = [...this.regs.subarray(0, GPR_NAMES.length)];
    before[Gpr.rsp] = entryRsp(cpu) + 8n;
    return this.enter({ kind: 'run', program, subprog, cpu, by, before }, 0);
  }

  private enter(what: Omit<Entry, 'index' | 'after'>, event = this.now()): Entry {
    const entry = { ...what, index: this.entries.length, after: null };
    this.entries.push(entry);
    this.marks.push({ kind: 'enter', entry, event });
    return entry;
  }

  /** The registers in which C enters BPF code; junk all, the callee-saved ones sentinels. */
  private callerState(cpu: number): void {
    callerState(this.regs, this.setup.world.seed, `${cpu} entry ${++this.entered}`);
  }

  /** The model of whatever is called at a helper's address. */
  call(index: number): HelperAction {
    const placed = this.setup.world.helpers[index]!;
    if (placed.stub) return this.stubs[placed.stub](index);
    const { name } = placed;
    const nth = (this.calls.get(name) ?? 0) + 1;
    this.calls.set(name, nth);
    const { regs } = this;
    const call: HelperCall = {
      name,
      nth,
      cpu: this.cpu,
      seed: this.setup.world.seed,
      arguments: callArguments(regs),
      memory: this.machine(),
      frame: regs[Gpr.rsp]! - LOCALS,
      maps: this.maps,
      pending: this.pending,
    };
    const work = this.work(call);
    if (!work) return this.finish(call, this.planned(call).result ?? this.modelled(call));
    const moment = this.moment();
    return this.drive(work, moment, (result) => {
      this.regs.set(moment.regs);
      return name === 'bpf_throw' ? this.throw(call) : this.finish(call, this.planned(call).result ?? result);
    });
  }

  private readonly stubs: Readonly<Record<Stub, (index: number) => HelperAction>> = {
    return: () => this.returned(),
    again: () => {
      this.regs[REG.rip] = this.again;
      return Action.RESUME;
    },
    'behind-throw': () => Action.STOP,
    trampoline: (index) => this.trampoline(index),
  };

  private modelled(call: HelperCall): bigint {
    return this.setup.returns.get(call.name) ?? helperResult(call);
  }

  /** What a helper does besides computing its result; null when that is nothing. */
  private work(call: HelperCall): Work | null {
    const first = this.arranged.inCall(call, this.returnAddress());
    const model = Object.hasOwn(CALLBACK_MODELS, call.name) ? CALLBACK_MODELS[call.name]! : null;
    if (!first && !model && call.name !== 'bpf_throw') return null;
    return this.both(call, first, model);
  }

  private *both(call: HelperCall, first: Work | null, model: (typeof CALLBACK_MODELS)[string] | null): Work {
    if (first) yield* first;
    if (!model) return call.name === 'bpf_throw' ? 0n : this.modelled(call);
    const code = model(call);
    for (let step = code.next(); ; ) {
      if (step.done) return step.value;
      const r0 = yield { ...step.value, kind: 'callback', by: call.name, cpu: call.cpu };
      step = code.next(r0);
    }
  }

  private returnAddress(): bigint {
    const bytes = this.machine().read(this.regs[Gpr.rsp]!, 8);
    return bytes ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true) : 0n;
  }

  /** Destroys what a call may destroy, and returns. */
  private finish(call: HelperCall, result: bigint): HelperAction {
    const { regs } = this;
    const { schedule } = this.setup;
    const left = schedule?.leftBy(call);
    const thunk = Object.hasOwn(THUNKS, call.name) ? THUNKS[call.name] : undefined;
    if (thunk) thunk(regs, call);
    else destroyCallerSaved(regs, call, result, new Map([...(left?.registers ?? []), ...this.planned(call).registers]));
    const action = this.machine().returnFromHelper(`${call.name} ${call.nth} below rsp${schedule?.label ?? ''}`);
    if (left) leaveBehind(left, this.machine());
    return action;
  }

  /** What the spec's rules say about one call; the last rule that says something about a register wins. */
  private planned({ name, nth }: { readonly name: string; readonly nth: number }) {
    const registers = new Map<string, bigint>();
    let result: bigint | undefined;
    for (const rule of this.setup.clobbers) {
      const applies = rule.name === name && nth >= rule.calls.from && nth <= rule.calls.to;
      if (!applies || (rule.cpu !== undefined && rule.cpu !== this.cpu)) continue;
      result = rule.returns ?? result;
      for (const [register, term] of rule.registers) {
        const value = evaluate(term.value, this.environment());
        if (value !== undefined) registers.set(register, value);
      }
    }
    return { registers, result };
  }

  private environment() {
    const { cpu, program } = this;
    const { before } = this.entries[0]!;
    const caller = (register: string) => before[Gpr[register as keyof typeof Gpr]];
    return termEnvironment(this.setup.world, { cpu, program, activations: [], caller });
  }

  private moment(): Moment {
    return { regs: this.regs.slice(), cpu: this.cpu };
  }

  /**
   * C code that interrupts a program before an instruction, which is executed afterwards as if nothing had happened.
   * `again` is told that it comes back.
   */
  interrupt(work: Work, again: () => void): HelperAction {
    const moment = this.moment();
    const first = work.next();
    if (first.done) return Action.CONTINUE;
    this.machine().emu.events.retract();
    const done = () => {
      this.regs.set(moment.regs);
      this.machine().destroyBelow(moment.regs[Gpr.rsp]!, `interrupt ${this.entered}`);
      again();
      return Action.RESUME;
    };
    return this.enterBpf(first.value, moment, (r0) => this.drive(work, moment, done, r0));
  }

  private drive(work: Work, moment: Moment, done: (result: bigint) => HelperAction, r0?: bigint): HelperAction {
    const step = r0 === undefined ? work.next() : work.next(r0);
    if (step.done) return done(step.value);
    return this.enterBpf(step.value, moment, (value) => this.drive(work, moment, done, value));
  }

  /** rsp of what runs on a CPU, if something does. */
  private stackOf(cpu: number, moment: Moment): bigint | undefined {
    const all = [...this.waiting.map((each) => each.moment), moment];
    return all.findLast((each) => each.cpu === cpu)?.regs[Gpr.rsp];
  }

  private enterBpf(request: EntryRequest, moment: Moment, resume: Waiting['resume']): HelperAction {
    const { regs } = this;
    const { cpu, kind, by, runs } = request;
    const machine = this.machine();
    const above = this.stackOf(cpu, moment);
    const rsp = above === undefined ? entryRsp(cpu) : ((above - C_FRAME) & ~15n) - 8n;
    this.callerState(cpu);
    this.setArguments(request.arguments);
    if (!machine.write64IfMapped(rsp, this.stubAddress('return'))) return Action.STOP;
    regs[Gpr.rsp] = rsp;
    regs[REG.gsBase] = u64(percpuOffset(cpu));
    // The engine cannot jump to where it is.
    const again = request.address === moment.regs[REG.rip];
    if (again) this.again = request.address;
    regs[REG.rip] = again ? this.stubAddress('again') : request.address;
    const before = [...regs.subarray(0, GPR_NAMES.length)];
    before[Gpr.rsp] = rsp + 8n;
    const place = this.setup.world.code.functionAt(request.address);
    this.cpu = cpu;
    const entry = this.enter({
      kind,
      program: place?.program ?? null,
      subprog: place?.subprog ?? null,
      cpu,
      by,
      before,
    });
    if (runs !== undefined) this.count(runs, 'enter', cpu);
    this.waiting.push({ entry, moment, runs, resume });
    return Action.RESUME;
  }

  /** Counts a program as active, or no more. */
  count(program: number, how: 'enter' | 'leave', cpu: number): void {
    const { name, type } = this.setup.world.programs[program]!;
    this.guard[how](name, type, cpu);
  }

  private setArguments(values: readonly bigint[]): void {
    values.forEach((value, i) => {
      this.regs[X86_64.arguments[i]!] = value;
    });
  }

  private stubAddress(stub: Stub): bigint {
    return this.setup.world.helpers.find((each) => each.stub === stub)!.address;
  }

  /** BPF code has returned to C. */
  private returned(): HelperAction {
    const waiting = this.waiting.pop();
    if (!waiting) return Action.STOP;
    const { entry, moment, runs } = waiting;
    entry.after = [...this.regs.subarray(0, GPR_NAMES.length)];
    this.marks.push({ kind: 'leave', entry, event: this.now() });
    if (runs !== undefined) this.count(runs, 'leave', entry.cpu);
    this.cpu = moment.cpu;
    return waiting.resume(this.regs[X86_64.returnValue]!);
  }

  /** bpf_throw(): looks for the boundary, and hands its frame to the exception callback. It does not return. */
  private throw(call: HelperCall): HelperAction {
    const { regs, setup } = this;
    const { world } = setup;
    const cookie = call.arguments[0]!;
    const frames = walkFrames(this.machine(), regs[Gpr.rsp]!, regs[Gpr.rbp]!);
    const found = findBoundary(
      frames,
      (ip) => world.code.functionAt(ip),
      ({ program, subprog }) => this.kernel.isBoundary({ subprog, type: world.programs[program]!.type }),
    );
    const callback = found
      ? world.programs[found.of.program]!.analysis.subprogs.findIndex((each) => each.exceptionCallback)
      : -1;
    const [sp, bp] = found ? [found.frame.sp, found.frame.bp] : [0n, 0n];
    const boundary = found && callback >= 0 ? found.of.program : null;
    const thrown: Throw = { cookie, boundary, callback: boundary === null ? null : callback, sp, bp };
    this.marks.push({ kind: 'throw', thrown, event: this.now() });
    if (boundary === null) return Action.STOP;
    const rsp = ((regs[Gpr.rsp]! - C_FRAME) & ~15n) - 8n;
    this.callerState(this.cpu);
    this.setArguments([cookie, sp, bp, 0n, 0n]);
    if (!this.machine().write64IfMapped(rsp, this.stubAddress('behind-throw'))) return Action.STOP;
    regs[Gpr.rsp] = rsp;
    regs[REG.rip] = world.programs[boundary]!.addresses[callback]!;
    return Action.RESUME;
  }

  /** A trampoline, called from the first instruction of a subprog: programs before it, programs after it. */
  private trampoline(helper: number): HelperAction {
    const trampoline = this.setup.world.trampolines.find((each) => each.helper === helper)!;
    const { fentry, fexit, calls } = this.arranged.tracers(trampoline);
    const moment = this.moment();
    const name = this.setup.world.helpers[helper]!.name;
    return this.drive(this.runAll(fentry, name, moment), moment, () => {
      this.regs.set(moment.regs);
      this.destroyByTrampoline(trampoline, name, 'before');
      const original = this.returnAddress();
      if (!calls) {
        this.regs[REG.rip] = original;
        this.regs[Gpr.rsp]! += 8n;
        return Action.RESUME;
      }
      return this.callOriginal(trampoline, original, moment, this.runAll(fexit, name, moment));
    });
  }

  private *runAll(programs: readonly number[], by: string, { regs }: Moment): Work {
    const { world } = this.setup;
    for (const runs of programs) {
      const { name, type, addresses } = world.programs[runs]!;
      if (this.guard.blocks(name, type, this.cpu)) continue;
      // Its context is the arguments of what is traced, in the trampoline's frame.
      const context = regs[Gpr.rsp]! - LOCALS;
      yield { kind: 'tracer', by, cpu: this.cpu, address: addresses[0]!, arguments: [context], runs };
    }
    return 0n;
  }

  /**
   * What C code of a trampoline destroys before the traced subprog goes on: all that the ABI allows, but for what it
   * saves itself, r1 to r5, and rax where that is the pointer to the tail-call counter (BPF_TRAMP_F_TAIL_CALL_CTX).
   */
  private destroyByTrampoline({ program, subprog }: PlacedTrampoline, name: string, when: string): void {
    const { regs } = this;
    const kept = new Map([1, 2, 3, 4, 5].map((bpf) => [X86_64.bpf[bpf]!, regs[X86_64.bpf[bpf]!]!] as const));
    const { tailCallReachable } = this.setup.world.programs[program]!.analysis.subprogs[subprog]!;
    if (this.kernel.keepsTailCallPointer(tailCallReachable)) kept.set(Gpr.rax, regs[Gpr.rax]!);
    const planned = new Map([...kept].map(([register, value]) => [GPR_NAMES[register]!, value] as const));
    const call = { name, nth: this.entered, seed: this.setup.world.seed };
    destroyCallerSaved(regs, call, regs[Gpr.r11]!, planned);
    this.machine().destroyBelow(regs[Gpr.rsp]!, `${name} ${when} ${this.entered}`);
  }

  /** fexit: the trampoline calls what it was called from, and returns to that one's caller. */
  private callOriginal(trampoline: PlacedTrampoline, original: bigint, moment: Moment, exits: Work): HelperAction {
    const { regs } = this;
    const machine = this.machine();
    const name = this.setup.world.helpers[trampoline.helper]!.name;
    const rbpSlot = regs[Gpr.rsp]! - 8n;
    const rsp = rbpSlot - C_FRAME - 8n;
    if (!machine.write64IfMapped(rbpSlot, regs[Gpr.rbp]!)) return Action.STOP;
    if (!machine.write64IfMapped(rsp, this.stubAddress('return'))) return Action.STOP;
    regs[Gpr.rbp] = rbpSlot;
    regs[Gpr.rsp] = rsp;
    regs[REG.rip] = original;
    const before = [...regs.subarray(0, GPR_NAMES.length)];
    before[Gpr.rsp] = rsp + 8n;
    const { program, subprog } = trampoline;
    const entry = this.enter({ kind: 'traced', program, subprog, cpu: this.cpu, by: name, before });
    const resume = (r0: bigint) =>
      this.drive(exits, moment, () => {
        regs.set(moment.regs);
        regs[Gpr.rsp]! += 8n;
        destroyCallerSaved(
          regs,
          { name: `${name} exit`, nth: this.entered, seed: this.setup.world.seed },
          r0,
          new Map(),
        );
        return machine.returnFromHelper(`${name} after ${this.entered}`);
      });
    this.waiting.push({ entry, moment, runs: undefined, resume });
    return Action.RESUME;
  }
}
