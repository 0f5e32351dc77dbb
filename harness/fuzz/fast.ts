import { type Analysis, Gpr, type KernelConfig, LINUX_6_18, X86_64 } from '../../jit';
import { GUARD, guardOffsets } from '../kernel/percpu';
import { CONTEXT_BASE, CPUS, PERCPU_POINTER_BASE, percpuOffset, u64 } from '../machine/layout';
import { Action } from '../machine/machine';
import {
  calledHelperAddress,
  HELPER_PLACES,
  PLAIN_HELPERS,
  ReusedMachine,
  type ReusedSetup,
} from '../machine/reused-machine';
import type { Series } from '../machine/series';

import type { InterpreterResult } from '../oracle';
import { privateFramePointer } from '../run/frames';
import { KernelSide } from '../run/kernel-side';
import type { Arrangements } from '../run/kernel-work';
import { BOUNDS } from './bounds';
import { expected } from './expected';
import { isCalled } from './helpers';
import type { FuzzInput } from './input';
import { type Models, modelsOf } from './models';
import type { Prepared } from './prepare';
import { QuickInterpreter } from './quick';
import { times } from './times';
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
  private readonly quick = new QuickInterpreter();
  private prepared: Prepared | undefined;
  /** Where in a dynamic area guards are, in bytes. */
  private guards: readonly number[] = [];
  /** Of each helper of the world its number among the program's callees; -1 for what no interpreter knows. */
  private calleeOf: number[] = [];
  /** Helpers with a native policy. */
  private plain: number[] = [];
  /** Whether a helper is called that has to be modelled. */
  private modelled = false;
  private bytes = 0;
  /** Registers at the entry. */
  private readonly before = new BigUint64Array(GPRS);
  private readonly beforeHalves = halvesOf(this.before);
  private readonly poisonHalves: Uint32Array;
  private readonly regsHalves: Uint32Array;
  private readonly areas: readonly BigUint64Array[];
  private readonly areaHalves: readonly Uint32Array[];
  private kernel: KernelSide | null = null;
  /** What the addon models, until a run is looked at again; and what it does so right now. */
  private models: Models | null = null;
  private modelling: Models['rows'] = [];
  /** Runs of one program in one go, where everything that they call is native. */
  private readonly series: Series;
  private isSeries = false;
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
    this.series = this.quick.series({ ...this.machine.series, guard: GUARD, contextBytes: BOUNDS.context });
  }

  /** The program that the next runs are of. */
  load(prepared: Prepared): void {
    const { built, callees } = prepared;
    const { world, percpuBytes } = built;
    const { code, addresses, analysis, blocks } = world.programs[0]!;
    this.prepared = prepared;
    this.bytes = percpuBytes;
    this.machine.load(code, addresses);
    this.guards = guardsOf(analysis.blocks, blocks);
    this.learnHelpers(world.helpers, callees);
    this.models = modelsOf(world, prepared.kernel);
    this.model(this.models.rows);
    if (this.models.throws) this.machine.emu.nativeThrow(this.models.throws);
    this.quick.load(prepared);
    const fits = this.quick.isLoaded && world.helpers.length < HELPER_PLACES - PLAIN_HELPERS;
    this.isSeries = fits && this.models.complete && this.loadSeries(addresses[0]!);
  }

  private learnHelpers(helpers: Prepared['built']['world']['helpers'], callees: readonly string[]): void {
    this.calleeOf = [];
    this.plain = [];
    this.modelled = false;
    for (let i = 0; i < helpers.length; i++) {
      const { name, stub, address } = helpers[i]!;
      this.calleeOf.push(stub === undefined ? callees.indexOf(name) : -1);
      if (address < FIRST_CALLED) this.plain.push(i);
      else if (stub === undefined && isCalled(name)) this.modelled = true;
    }
  }

  private loadSeries(entry: bigint): boolean {
    const { calleeOf } = this;
    return this.series.load({
      entry,
      areaBytes: this.bytes + STRAY,
      ownBytes: this.bytes,
      guards: this.guards,
      calleeOf: times(HELPER_PLACES, (place) => {
        const helper = place % PLAIN_HELPERS;
        return helper < calleeOf.length ? calleeOf[helper]! : -1;
      }),
    });
  }

  /** Runs with one input after the other, until something is wrong. @returns the number of that one, and what it is */
  runAll(inputs: readonly FuzzInput[]): { readonly nth: number; readonly anomaly: Anomaly } | null {
    for (let nth = this.inSeries(inputs); nth < inputs.length; nth++) {
      const anomaly = this.run(inputs[nth]!);
      if (anomaly) return { nth, anomaly };
    }
    return null;
  }

  /** @returns how many inputs, from the first on, are known to be right */
  private inSeries(inputs: readonly FuzzInput[]): number {
    const { machine, series } = this;
    if (!this.isSeries || !series.fill(inputs, (input) => this.wrongR9(input))) return 0;
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
    const quick = want === undefined ? this.quick.run(input) : null;
    if (quick !== null && this.judge(input, quick) === null && !this.machine.emu.loopsLost) return null;
    this.model([]);
    const result = want ?? expected(this.prepared!, input);
    const wanted = wantedOf(result, this.prepared!.callees);
    const seen = this.judge(input, wanted);
    this.model(this.models!.rows);
    this.executed = result.executed;
    return wanted === null ? { what: `the interpreter: ${result.kind}` } : seen;
  }

  /** @param want null to run only */
  private judge(input: FuzzInput, want: Wanted | null): Anomaly | null {
    const { machine, before } = this;
    const { cpu } = input;
    machine.reset(cpu, this.bytes + STRAY, input.seed);
    for (const area of this.areas) for (const at of this.guards) area[at / 8] = GUARD;
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
    const { machine, poisonHalves, beforeHalves } = this;
    const { policy } = machine;
    for (let i = 0; i < 2 * POISONED; i++) poisonHalves[i] = beforeHalves[i]! ^ 0x0101_0101;
    const { returns } = input;
    const wrong = this.wrongR9(input);
    if (wrong !== undefined) policy.poison[R9] = wrong;
    policy.junk = BigInt(input.seed);
    for (const index of this.plain) policy.returns[index] = returns[this.calleeOf[index]!] ?? 0n;
    this.kernel = null;
    if (this.modelled) machine.onCall = (index) => (this.kernel ??= this.newKernel(input.cpu)).call(index);
  }

  /** What helpers leave in r9 where that is not junk. */
  private wrongR9({ r9 }: FuzzInput): bigint | undefined {
    return r9 === 'junk' ? undefined : privateFramePointer(this.prepared!.built.world, 0, r9.subprog, r9.cpu);
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
      for (const at of this.guards) {
        if (halves[at / 4] !== GUARD_LOW || halves[at / 4 + 1] !== GUARD_HIGH) return { what: 'guard' };
      }
    }
    return this.compareLog(want) ?? this.compareOther(input);
  }

  private compareLog({ log, calls }: Wanted): Anomaly | null {
    const { events } = this.machine.emu;
    const { calleeOf } = this;
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
    for (const at of this.guards) this.machine.restore(other, at, 8, seed);
    return this.machine.isUntouched(other, this.bytes, seed) ? null : { what: 'another CPU' };
  }

  close(): void {
    this.machine.close();
  }
}

/** Bytes behind the private frames where a program may write whose frame pointer is wrong: its callees' frames, one behind the other. */
export const STRAY = 8 * 512;
const FIRST_CALLED = calledHelperAddress(0);
const GUARD_LOW = Number(GUARD & 0xffff_ffffn);
const GUARD_HIGH = Number(GUARD >> 32n);

/** Where in a dynamic area the guards of blocks are, in bytes. */
function guardsOf(blocks: Analysis['blocks'], pointers: readonly bigint[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const start = Number(pointers[i]! - PERCPU_POINTER_BASE);
    for (const offset of guardOffsets(blocks[i]!)) found.push(start + offset);
  }
  return found;
}

/** Callbacks must give C code its registers back. */
function compareEntries(kernel: KernelSide | null): Anomaly | null {
  for (const { before, after, kind } of kernel?.entries ?? []) {
    if (kind !== 'callback' || after === null) continue;
    for (const name of PRESERVED) if (before[Gpr[name]] !== after[Gpr[name]]) return { what: `${name} of a callback` };
  }
  return null;
}
