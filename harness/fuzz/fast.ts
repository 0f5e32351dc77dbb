import { Gpr, type KernelConfig, LINUX_6_18, X86_64 } from '../../jit';
import { GUARD } from '../kernel/percpu';
import { CONTEXT_BASE, CPUS, percpuOffset, u64 } from '../machine/layout';
import { Action } from '../machine/machine';
import { PLAIN_HELPERS, ReusedMachine, type ReusedSetup } from '../machine/reused-machine';
import type { InterpreterResult } from '../oracle';
import { KernelSide } from '../run/kernel-side';
import type { Arrangements } from '../run/kernel-work';
import { BOUNDS } from './bounds';
import { expected } from './expected';
import type { FuzzInput } from './input';
import type { Models } from './models';
import { Packed, STRAY, wrongR9 } from './packed';
import type { Prepared } from './prepare';
import { type Wanted, wantedOf } from './wanted';

/** Something that the cheap look at a run has seen. It says that something is wrong, the checks say what. */
export interface Anomaly {
  /** How the run ended, or what differs: `fault read`, `r0`, `rbx`, `guard`. */
  readonly what: string;
}

const PRESERVED = ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15', 'rsp'] as const;
/** Those that are where they were; rsp is past the return address. */
const SAME = PRESERVED.filter((name) => name !== 'rsp');
/** rcx rdx rsi rdi r8 r9 r10 r11, as a helper's policy has them. */
const POISONED = 8;
const R9 = 5;
const BELOW = 64;
const GPRS = 16;

const le = (value: bigint, bytes: number): Uint8Array =>
  new Uint8Array(new BigUint64Array([value]).buffer).subarray(0, bytes);

const NOTHING: Arrangements = {
  inCall: () => null,
  tracers: () => ({ fentry: [], fexit: [], calls: false }),
};

const halvesOf = (words: BigUint64Array): Uint32Array =>
  new Uint32Array(words.buffer, words.byteOffset, 2 * words.length);

/** Runs that nobody watches: what comes out is compared with what an interpreter says. */
export class FastRunner {
  private readonly machine: ReusedMachine;
  /** What {@link load} was given. */
  private prepared: Prepared | undefined;
  private readonly own: Packed;
  /** Registers at the entry. */
  private readonly before = new BigUint64Array(GPRS);
  private readonly beforeHalves = halvesOf(this.before);
  private readonly poisonHalves: Uint32Array;
  private readonly regsHalves: Uint32Array;
  private readonly areas: readonly BigUint64Array[];
  private readonly areaHalves: readonly Uint32Array[];
  private kernel: KernelSide | null = null;
  /** What the addon models right now: nothing where a run is looked at again. */
  private modelling: Models['rows'] = [];
  /** BPF instructions of the last run. */
  executed = 0;

  /** @param make the machine, for those who want to see what it is told */
  constructor(
    config: KernelConfig = LINUX_6_18,
    make: (setup: ReusedSetup) => ReusedMachine = (setup) => new ReusedMachine(setup),
  ) {
    const { returnThunk, indirectThunkRcx, thisCpuOff, cpuNumber, jiffies } = config.symbols;
    this.machine = make({
      seed: 1,
      contextBytes: BOUNDS.context,
      code: [
        { address: returnThunk, bytes: Uint8Array.of(0xc3) },
        { address: indirectThunkRcx, bytes: Uint8Array.of(0xff, 0xe1) },
      ],
      data: [{ address: jiffies, bytes: le(1n, 8) }],
      percpuVariables: (cpu) => [
        { address: thisCpuOff, bytes: le(u64(percpuOffset(cpu)), 8) },
        { address: cpuNumber, bytes: le(BigInt(cpu), 4) },
      ],
    });
    const { policy, regs, percpu } = this.machine;
    policy.belowRsp = BELOW;
    this.poisonHalves = halvesOf(policy.poison);
    this.regsHalves = halvesOf(regs);
    this.areas = percpu.map(({ buffer, byteOffset, length }) => new BigUint64Array(buffer, byteOffset, length / 8));
    this.areaHalves = this.areas.map(halvesOf);
    this.own = this.pack();
  }

  /** Room for a program, here and in all other runners. */
  pack(): Packed {
    return new Packed(this.machine.series);
  }

  /** The program that the next runs are of. */
  load(prepared: Prepared): void {
    this.prepared = prepared;
    this.own.take(prepared);
    this.place(this.own);
  }

  private place({ code, addresses, models }: Packed): void {
    this.machine.load(code, addresses);
    this.model(models.rows);
    if (models.throws) this.machine.emu.nativeThrow(models.throws);
  }

  /** Runs what was packed with its inputs, one after the other. @returns how many, from the first on, are known to be right */
  runPacked(packed: Packed): number {
    this.prepared = undefined;
    this.place(packed);
    return this.inSeries(packed);
  }

  /** Runs with one input after the other, until something is wrong. @returns the number of that one, and what it is */
  runAll(inputs: readonly FuzzInput[]): { readonly nth: number; readonly anomaly: Anomaly } | null {
    const fits = this.own.fill(inputs, this.prepared!);
    for (let nth = fits ? this.inSeries(this.own) : 0; nth < inputs.length; nth++) {
      const anomaly = this.run(inputs[nth]!);
      if (anomaly) return { nth, anomaly };
    }
    return null;
  }

  private inSeries({ series }: Packed): number {
    const { machine } = this;
    machine.onCall = () => Action.STOP;
    machine.emu.runSeries(series);
    this.executed = series.executed;
    return series.done;
  }

  private model(rows: Models['rows']): void {
    if (rows === this.modelling || rows.length + this.modelling.length === 0) return;
    this.machine.emu.nativeModels(rows);
    this.modelling = rows;
  }

  /** Whom the last run called. */
  get called(): ReadonlySet<string> {
    const { events } = this.machine.emu;
    const { helpers } = this.prepared!.built.world;
    return new Set(Array.from({ length: events.count }, (_, i) => helpers[events.index(i) % PLAIN_HELPERS]!.name));
  }

  /**
   * One run, judged by the interpreter in C; what that one finds wrong, and what it does not know, by the one that is the reference.
   * @param want what that one says, where it was asked already
   */
  run(input: FuzzInput, want?: InterpreterResult): Anomaly | null {
    const quick = want === undefined ? this.own.wanted(input) : null;
    if (quick !== null && this.judge(input, quick) === null && !this.machine.emu.loopsLost) return null;
    this.model([]);
    const result = want ?? expected(this.prepared!, input);
    const wanted = wantedOf(result, this.prepared!.callees);
    const seen = this.judge(input, wanted);
    this.model(this.own.models.rows);
    this.executed = result.executed;
    return wanted === null ? { what: `the interpreter: ${result.kind}` } : seen;
  }

  /** @param want null to run only */
  private judge(input: FuzzInput, want: Wanted | null): Anomaly | null {
    const { machine, before } = this;
    const { cpu } = input;
    machine.reset(cpu, this.own.percpuBytes + STRAY, input.seed);
    for (const area of this.areas) for (const at of this.own.guards) area[at / 8] = GUARD;
    machine.context.set(input.context);
    machine.regs[X86_64.bpf[1]!] = CONTEXT_BASE;
    before.set(machine.registers);
    this.arrange(input);
    const status = machine.run(this.prepared!.built.world.programs[0]!.addresses[0]!, cpu);
    if (status.kind !== 'ok') return { what: status.kind === 'fault' ? `fault ${status.access}` : status.kind };
    if (want === null) return null;
    this.executed = want.executed;
    return this.compare(input, want) ?? compareEntries(this.kernel);
  }

  private arrange(input: FuzzInput): void {
    const { machine, poisonHalves, beforeHalves, own } = this;
    const { policy } = machine;
    for (let i = 0; i < 2 * POISONED; i++) poisonHalves[i] = beforeHalves[i]! ^ 0x0101_0101;
    const { returns } = input;
    const wrong = wrongR9(input, this.prepared!.built.world);
    if (wrong !== undefined) policy.poison[R9] = wrong;
    policy.junk = BigInt(input.seed);
    for (const index of own.plain) policy.returns[index] = returns[own.calleeOf[index]!] ?? 0n;
    this.kernel = null;
    if (own.modelled) machine.onCall = (index) => (this.kernel ??= this.newKernel(input.cpu)).call(index);
  }

  /** The kernel side of a run that has called it for the first time: it begins where the run did. */
  private newKernel(cpu: number): KernelSide {
    const { machine } = this;
    const { built, kernel: model } = this.prepared!;
    const setup = { world: built.world, clobbers: [], returns: new Map(), kernel: model };
    const kernel = new KernelSide(setup, () => machine, NOTHING);
    const now = machine.regs.slice();
    machine.regs.set(this.before);
    kernel.begin(0, 0, cpu, 'the caller');
    machine.regs.set(now);
    return kernel;
  }

  private compare(input: FuzzInput, want: Wanted): Anomaly | null {
    const { machine, regsHalves, beforeHalves } = this;
    // In front of what it returns: it is the worse thing to happen.
    for (const name of SAME) {
      const at = 2 * Gpr[name];
      if (regsHalves[at] !== beforeHalves[at] || regsHalves[at + 1] !== beforeHalves[at + 1]) return { what: name };
    }
    if (machine.regs[0] !== want.r0) return { what: 'r0' };
    if (Buffer.compare(machine.context, want.context) !== 0) return { what: 'context' };
    for (let cpu = 0; cpu < CPUS; cpu++) {
      const halves = this.areaHalves[cpu]!;
      for (const at of this.own.guards) {
        if (halves[at / 4] !== GUARD_LOW || halves[at / 4 + 1] !== GUARD_HIGH) return { what: 'guard' };
      }
    }
    return this.compareLog(want) ?? this.compareOther(input);
  }

  private compareLog({ log, calls }: Wanted): Anomaly | null {
    const { events } = this.machine.emu;
    const { calleeOf } = this.own;
    const count = events.count;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const callee = calleeOf[events.index(i) % PLAIN_HELPERS]!;
      if (callee < 0) continue;
      if (at === calls || log[at++] !== callee) return { what: 'calls' };
    }
    return at === calls ? null : { what: 'calls' };
  }

  /** What the other CPU has must be as it was. */
  private compareOther({ cpu, seed }: FuzzInput): Anomaly | null {
    const other = 1 - cpu;
    // The guards are not junk, and were looked at already.
    for (const at of this.own.guards) this.machine.restore(other, at, 8, seed);
    return this.machine.isUntouched(other, this.own.percpuBytes, seed) ? null : { what: 'another CPU' };
  }

  close(): void {
    this.machine.close();
  }
}

const GUARD_LOW = Number(GUARD & 0xffff_ffffn);
const GUARD_HIGH = Number(GUARD >> 32n);

/** Callbacks must give C code its registers back. */
function compareEntries(kernel: KernelSide | null): Anomaly | null {
  for (const { before, after, kind } of kernel?.entries ?? []) {
    if (kind !== 'callback' || after === null) continue;
    for (const name of PRESERVED) if (before[Gpr[name]] !== after[Gpr[name]]) return { what: `${name} of a callback` };
  }
  return null;
}
