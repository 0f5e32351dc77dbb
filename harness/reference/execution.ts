import { asyncCallbacksOf } from '../../jit';
import type { PendingCallback } from '../kernel/helper-call';
import { entryRsp } from '../machine/layout';
import { type Addresses, formatFault, Interpreter, type KernelState, type LoggedCall, type Region } from '../oracle';
import type { FireEvent, RunEvent, SubprogRef, ThrowEvent } from '../spec';
import { ReferenceArrangements } from './arrangements';
import { ReferenceKernel } from './kernel';
import type { LeftOut } from './quiet';
import { Incomparable, type ReferenceProgram, type ReferenceSetup } from './setup';

/** What no program may rely on, one way. */
export interface Surroundings {
  readonly seed: number;
  readonly inverted: boolean;
  readonly addresses: Addresses;
}

/** What came of a run in some surroundings. */
export interface ExecutedRun {
  readonly r0: bigint;
  readonly log: readonly LoggedCall[];
  readonly memory: ReadonlyMap<string, Uint8Array>;
  /** Every value on which depends where the run went. */
  readonly path: readonly bigint[];
}

/** The runs of a scenario, up to the first one that has no end that can be compared; and why it has none. */
export interface Executed {
  readonly runs: readonly ExecutedRun[];
  readonly reason: string | null;
}

/** As many instructions as the machine has room for events. */
const BUDGET = 1 << 17;
/** Programs inside programs have more frames than one may have. */
const MOST_FRAMES = 64;
/** Addresses of the kernel: in the machine there may be something. */
const KERNEL_HALF = 1n << 63n;
/** Where the key is that a timer's callback is given. */
const keyAddress = (cpu: number): bigint => entryRsp(cpu) + 0x40n;
const KEY_BYTES = 8;

/** Runs a scenario in the reference interpreter. */
export class Execution {
  private readonly interpreter: Interpreter;
  private readonly kernel: ReferenceKernel;
  private readonly arranged: ReferenceArrangements;
  private path: bigint[] = [];

  constructor(
    private readonly setup: ReferenceSetup,
    { interrupts, helpers }: LeftOut,
    surroundings: Surroundings,
  ) {
    const { programs, data, contents, programArrays } = setup;
    const fire = (callback: SubprogRef, cpu: number, state: KernelState) =>
      this.interruptByCallback(callback, cpu, state);
    const { events } = setup.scenario;
    this.arranged = new ReferenceArrangements(programs, events, interrupts, () => this.kernel, fire);
    this.kernel = new ReferenceKernel(setup, helpers, (name, state) => this.arranged.inCall(name, state));
    const areas: Region[] = data.map(({ name, address }) => ({ name, base: address, bytes: contents.get(name)! }));
    const keys = [0, 1].map((cpu) => ({ name: `key ${cpu}`, base: keyAddress(cpu), bytes: new Uint8Array(KEY_BYTES) }));
    this.interpreter = new Interpreter({
      ...surroundings,
      regions: [...areas, ...keys],
      budget: BUDGET,
      maxFrames: MOST_FRAMES,
      helper: (...call) => this.kernel.helper(...call),
      exceptionCallback: (program) => programs.find((each) => each.program === program)!.exceptionCallback,
      entrance: (program, subprog) => this.arranged.entrance(program, subprog),
      before: (program, subprog, pc) => this.arranged.before(program, subprog, pc),
      tailCall: (array, index) => {
        const target = programArrays.find(({ pointer }) => pointer === array)?.slots.get(index);
        return target === undefined ? undefined : programs[target]!.program;
      },
      path: (value) => {
        this.path.push(value);
      },
      outside: (address) => {
        if (address >= KERNEL_HALF) throw new Incomparable('an access to memory that nobody models');
      },
    });
  }

  run(): Executed {
    const runs: ExecutedRun[] = [];
    try {
      for (const event of this.setup.scenario.events) {
        if (event.kind === 'run') for (let i = 0; i < event.times; i++) runs.push(this.enterProgram(event));
        else if (event.kind === 'fire') runs.push(...this.fire(event));
        else if (event.kind === 'throw') this.throwLater(event);
        else this.arranged.add(event);
      }
      return { runs, reason: null };
    } catch (error) {
      if (error instanceof Incomparable) return { runs, reason: error.reason };
      throw error;
    }
  }

  private enterProgram(event: RunEvent): ExecutedRun {
    const program = this.setup.programs.find(({ name }) => name === event.program)!;
    return this.kernel.count(program, event.cpu ?? this.setup.cpu, () => this.executed(program, 0));
  }

  private executed({ program }: ReferenceProgram, subprog: number, args?: readonly bigint[]): ExecutedRun {
    this.path = [];
    const result = this.interpreter.run(program, subprog, args);
    if (result.kind === 'fault') throw new Incomparable(formatFault(result.fault));
    if (result.kind === 'budget') throw new Incomparable(`no end after ${BUDGET} instructions`);
    const memory = new Map(
      this.setup.data.map(({ name }) => [name, this.interpreter.memory.get(name)!.slice()] as const),
    );
    return { r0: result.r0, log: result.log, memory, path: this.path };
  }

  /** An async callback that a program has set, or that none hands over. */
  private fire({ callback, cpu = this.setup.cpu }: FireEvent): ExecutedRun[] {
    const found = this.pending(callback);
    if (!found) return [];
    const before = this.kernel.cpu;
    this.kernel.cpu = cpu;
    const run = this.executed(found.program, found.subprog, found.args(cpu));
    this.kernel.cpu = before;
    return [run];
  }

  private interruptByCallback(callback: SubprogRef, cpu: number, state: KernelState): void {
    const found = this.pending(callback);
    if (!found) return;
    const before = this.kernel.cpu;
    this.kernel.cpu = cpu;
    state.enter(found.program.program, found.subprog, found.args(cpu));
    this.kernel.cpu = before;
  }

  private pending(callback: SubprogRef) {
    const program = this.setup.programs.find(({ name }) => name === callback.program)!;
    const subprog = program.program.subprogs.findIndex(({ name }) => name === callback.subprog);
    const set = [...this.kernel.pending].find(([address]) => {
      const at = this.interpreter.functionAt(address);
      return at?.program === program.program && at.subprog === subprog;
    });
    const given = set?.[1] ?? this.declared(program, subprog);
    const args = (cpu: number): bigint[] => {
      this.interpreter.write(keyAddress(cpu), new Uint8Array(KEY_BYTES));
      return [given!.map, keyAddress(cpu), given!.value];
    };
    return given && { program, subprog, args };
  }

  /** What a callback is given that no program hands over, as in the machine. */
  private declared({ program }: ReferenceProgram, subprog: number): PendingCallback | undefined {
    if (asyncCallbacksOf(program).includes(subprog)) return undefined;
    const { data } = this.setup;
    const { address, pointer } = data.find((area) => area.pointer !== undefined) ?? data[0]!;
    return { map: pointer ?? address, value: address };
  }

  /** Generated bodies look at two words: how often they come by until they throw, and the cookie. */
  private throwLater({ target, nth, cookie }: ThrowEvent): void {
    const { program, throws } = this.setup.programs.find(({ name }) => name === target.program)!;
    const words = new Uint8Array(16);
    const view = new DataView(words.buffer);
    view.setBigUint64(0, BigInt(nth), true);
    view.setBigUint64(8, cookie, true);
    for (const site of throws) {
      if (program.subprogs[site.subprog]!.name !== target.subprog) continue;
      const { address } = this.setup.data.find(({ name }) => name === site.map)!;
      this.interpreter.write(address + BigInt(site.offset), words);
    }
  }
}
