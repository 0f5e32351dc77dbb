import { GPR_NAMES, type KernelConfig, X86_64 } from '../../jit';
import { callerState } from '../kernel/clobber';
import type { KernelModel } from '../kernel/model';
import { GUARD, guardAddresses, onCpu } from '../kernel/percpu';
import { type Exchange, exchangesOf, mayExchange } from '../machine/exchanges';
import { CONTEXT_BASE, CPUS, entryRsp, PERCPU_POINTER_BASE, stackBase } from '../machine/layout';
import { helperAddress, Machine, type RunStatus, type Segment } from '../machine/machine';
import { type CodeSpan, spansOf } from '../machine/spans';
import type { ClobberRule, FireEvent, RunEvent, ScenarioEvent } from '../spec';
import { findActivations } from './activations';
import { ScenarioArrangements } from './arrangements';
import { KernelSide } from './kernel-side';
import { variableBytes } from './kernel-variables';
import type { GuardWord, Run, World } from './run';
import type { Schedule } from './schedule';

/** A scenario, ready to run. */
export interface RunSetup {
  readonly world: World;
  readonly config: KernelConfig;
  /** Contents of the data areas; the context is what the first argument points to. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Memory that programs read and no program is given: arrays of programs. */
  readonly kernelData: readonly Segment[];
  /** Bytes of the dynamic per-CPU area. */
  readonly percpuBytes: number;
  readonly clobbers: readonly ClobberRule[];
  /** Results that the spec declares for helpers. */
  readonly returns: ReadonlyMap<string, bigint>;
  /** Default: Linux 6.18. */
  readonly kernel?: KernelModel;
  readonly events: readonly ScenarioEvent[];
  /** r1, r2, ... of every entry; by default r1 points to the context. */
  readonly entryArguments?: readonly bigint[];
  /** The CPU on which events happen that name none. */
  readonly cpu: number;
  /** What helpers leave behind; by default junk. */
  readonly schedule?: Schedule;
  /** Whether code will be rewritten. */
  readonly rewritten?: boolean;
}

/** What came of a scenario. */
export interface ScenarioResult {
  readonly runs: readonly Run[];
  /** Events that never came to happen. */
  readonly missed: readonly ScenarioEvent[];
}

/** How a subprog is entered. */
export interface EnterHow {
  /** BPF r1, r2, ... */
  readonly args: readonly bigint[];
  /** For people: who calls it. */
  readonly by: string;
  /** Whether nothing happens after it. */
  readonly last: boolean;
}

/** A call that has ended. Until the next one all there is to know about it can be collected. */
export interface Entered {
  readonly status: RunStatus;
  collect(): Run;
}

const spanOf = ({ address, bytes }: Segment): CodeSpan => ({
  lo: address,
  hi: address + BigInt(Math.max(1, bytes.length)) - 1n,
});

/** The 32-bit compares and exchanges of a world. */
export const exchangesIn = ({ programs }: Pick<World, 'programs'>): Exchange[] =>
  programs.flatMap(({ functions, addresses, code }) =>
    functions.flatMap((fn, i) => (mayExchange(code[i]!) ? exchangesOf(code[i]!, addresses[i]!, fn.rows()) : [])),
  );

/** `ret`, and a jump to the register of the thunk. */
const RET = Uint8Array.of(0xc3);
const JMP_RCX = Uint8Array.of(0xff, 0xe1);

/** `jmp` from one place to another. */
function jump(from: bigint, to: bigint): Uint8Array {
  const bytes = Uint8Array.of(0xe9, 0, 0, 0, 0);
  new DataView(bytes.buffer).setInt32(1, Number(BigInt.asIntN(32, to - from - 5n)), true);
  return bytes;
}

/** Runs a scenario's events, one after the other, in one machine. */
export class Runner {
  protected readonly machine: Machine;
  private readonly arrangements: ScenarioArrangements;
  private kernel: KernelSide;
  private entries = 0;

  constructor(protected setup: RunSetup) {
    const { world, config, contents, percpuBytes, kernelData } = setup;
    const { returnThunk, indirectThunkRcx } = config.symbols;
    const variables = (percpu: boolean, cpu: number): Segment[] =>
      world.variables
        .filter((each) => each.percpu === percpu)
        .map((each) => ({ address: each.address, bytes: variableBytes(each, cpu) }));
    const machine = () => this.machine;
    this.arrangements = new ScenarioArrangements(world, setup.events, machine, () => this.kernel);
    this.kernel = new KernelSide(setup, machine, this.arrangements);
    const programs: Segment[] = world.programs.flatMap(({ addresses, code }) =>
      code.map((bytes, i) => ({ address: addresses[i]!, bytes })),
    );
    const bodies: Segment[] = world.helpers.flatMap(({ address, body }) =>
      body ? [{ address, bytes: body.bytes }] : [],
    );
    const thunks = [
      { address: returnThunk, bytes: RET },
      { address: indirectThunkRcx, bytes: JMP_RCX },
    ];
    this.machine = new Machine({
      seed: world.seed,
      code: [
        ...programs,
        ...bodies,
        ...thunks,
        ...world.redirects.map(({ from, to }) => ({ address: from, bytes: jump(from, to) })),
      ],
      traced: spansOf([...programs, ...bodies].map(spanOf)),
      exceptionTable: world.programs.flatMap(({ functions, addresses }) =>
        functions.flatMap(({ exceptionTable }, i) =>
          exceptionTable.map(({ offset, resume, zero }) => {
            return { insn: addresses[i]! + BigInt(offset), resume: addresses[i]! + BigInt(resume), zero };
          }),
        ),
      ),
      exchanges: exchangesIn(world),
      ...(setup.rewritten && {
        exchangesWithin: spansOf(programs.filter(({ bytes }) => mayExchange(bytes)).map(spanOf)),
      }),
      helpers: world.helpers.map(({ address, body }, index) => (body ? helperAddress(index) : address)),
      data: [
        ...world.data
          .filter(({ name }) => name !== 'ctx')
          .map(({ name, address }) => ({ address, bytes: contents.get(name)! })),
        ...kernelData,
        ...variables(false, 0),
      ],
      contextBytes: Math.max(8, contents.get('ctx')!.length),
      percpuBytes,
      percpuVariables: (cpu) => [
        ...variables(true, cpu),
        ...this.blocksElsewhere().map(({ address, bytes }) => ({ address, bytes: new Uint8Array(bytes) })),
      ],
      onHelper: (index) => {
        this.calls(index);
        return this.kernel.call(index);
      },
      watched: this.arrangements.watched,
      onInstruction: (rip) => this.arrangements.beforeInstruction(rip),
    });
    this.machine.memory(CONTEXT_BASE, contents.get('ctx')!.length).set(contents.get('ctx')!);
    for (let cpu = 0; cpu < CPUS; cpu++) {
      for (const { address, bytes } of this.blocksElsewhere()) {
        this.machine.junkAgain(onCpu(address, cpu), bytes, `block ${address} ${cpu}`);
      }
    }
    for (const { address } of this.guardWords()) this.machine.write64(address, GUARD);
  }

  /** Private blocks that are not in the dynamic per-CPU area of ours: those of captured programs. */
  private blocksElsewhere(): { readonly address: bigint; readonly bytes: number }[] {
    const end = PERCPU_POINTER_BASE + BigInt(this.setup.percpuBytes);
    return this.setup.world.programs.flatMap(({ analysis, blocks }) =>
      analysis.blocks.flatMap(({ size }, i) => {
        const address = blocks[i]!;
        return address >= PERCPU_POINTER_BASE && address < end ? [] : [{ address, bytes: size }];
      }),
    );
  }

  /** Every guard word of every block, on every CPU. */
  private guardWords(): Omit<GuardWord, 'before' | 'value'>[] {
    return this.setup.world.programs.flatMap(({ analysis, blocks }, program) =>
      analysis.blocks.flatMap((block, index) =>
        Array.from({ length: CPUS }, (_, cpu) => cpu).flatMap((cpu) =>
          guardAddresses(block, blocks[index]!, cpu).map((address) => ({ program, block: index, cpu, address })),
        ),
      ),
    );
  }

  /** A helper, a kfunc or a stub is about to be called, by index: for those who want to know. */
  protected calls(_helper: number): void {}

  /** A kernel to which nothing has happened, in the world of `setup`. */
  protected anew(setup: RunSetup): void {
    this.setup = setup;
    this.kernel = new KernelSide(setup, () => this.machine, this.arrangements);
    this.entries = 0;
  }

  /** Calls a subprog as C code does, and collects all there is to know about it. */
  private enter(program: number, subprog: number, cpu: number, how: EnterHow): Run {
    return this.call(program, subprog, cpu, how).collect();
  }

  /** Calls a subprog as C code does. */
  protected call(program: number, subprog: number, cpu: number, how: EnterHow): Entered {
    const { machine, setup, kernel } = this;
    const { world, schedule } = setup;
    if (this.entries++ > 0) this.forget(cpu, `entry ${this.entries}`);
    callerState(machine.regs, world.seed, `${cpu}${schedule?.label ?? ''}`);
    how.args.forEach((value, i) => {
      machine.regs[X86_64.arguments[i]!] = value;
    });
    const runs = subprog === 0;
    const own = kernel.begin(program, subprog, cpu, how.by);
    if (runs) kernel.count(program, 'enter', cpu);
    const words = this.guardWords().map((word) => ({ ...word, before: machine.read64(word.address) }));
    const status = machine.run(world.programs[program]!.addresses[subprog]!, cpu);
    if (runs) kernel.count(program, 'leave', cpu);
    const collect = (): Run => {
      const trace = machine.trace();
      const after = GPR_NAMES.map((_, i) => machine.regs[i]!);
      own.after = status.kind === 'ok' ? after : null;
      const { entries, marks } = kernel;
      const { all } = findActivations(trace, world.code, marks);
      const memory = new Map(world.data.map((area) => [area.name, machine.memory(area.address, area.size).slice()]));
      const guards = words.map((word) => ({ ...word, value: machine.read64(word.address) }));
      const rest = { before: own.before, after, memory, guards, entries, marks, last: how.last };
      return { world, program, cpu, status, trace, activations: all, ...rest };
    };
    return { status, collect };
  }

  /** Junk over what an earlier run left on a CPU, so that nothing is right because it was right before. */
  protected forget(cpu: number, label: string): void {
    const { machine, setup } = this;
    machine.junkAgain(stackBase(cpu), Number(entryRsp(cpu) - stackBase(cpu)), `stack ${cpu} ${label}`);
    for (const { analysis, blocks } of setup.world.programs) {
      analysis.blocks.forEach(({ size, guard }, i) => {
        const frames = onCpu(blocks[i]! + BigInt(guard), cpu);
        machine.junkAgain(frames, size - 2 * guard, `block ${blocks[i]} ${cpu} ${label}`);
      });
    }
  }

  run(): ScenarioResult {
    const { events } = this.setup;
    const runs: Run[] = [];
    const missed: ScenarioEvent[] = [];
    const last = events.findLast((each) => each.kind === 'run' || each.kind === 'fire');
    try {
      for (const event of events) {
        if (event.kind === 'run') {
          for (let i = 0; i < event.times; i++)
            runs.push(this.enterProgram(event, event === last && i === event.times - 1));
        } else if (event.kind === 'fire') {
          const run = this.fire(event, event === last);
          if (run) runs.push(run);
          else missed.push(event);
        } else this.arrangements.add(event);
      }
      missed.push(...this.arrangements.missed(runs));
      return { runs, missed };
    } finally {
      this.machine.close();
    }
  }

  private enterProgram(event: RunEvent, last: boolean): Run {
    const { world, cpu, entryArguments } = this.setup;
    const program = world.programs.findIndex(({ name }) => name === event.program);
    return this.enter(program, 0, event.cpu ?? cpu, { args: entryArguments ?? [CONTEXT_BASE], by: 'the caller', last });
  }

  private fire(event: FireEvent, last: boolean): Run | null {
    const cpu = event.cpu ?? this.setup.cpu;
    const request = this.arrangements.fire(event.callback, cpu);
    const place = request && this.setup.world.code.functionAt(request.address);
    if (!request || !place) return null;
    return this.enter(place.program, place.subprog, cpu, { args: request.arguments, by: request.by, last });
  }
}

/** Runs a scenario. Faults and endless loops are results, not errors. */
export function runScenario(setup: RunSetup): ScenarioResult {
  return new Runner(setup).run();
}
