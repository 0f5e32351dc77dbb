import { GPR_NAMES, Gpr, type KernelConfig, X86_64 } from '../../jit';
import { callArguments, callerState, destroyCallerSaved } from '../kernel/clobber';
import { helperResult } from '../kernel/helpers';
import { THUNKS } from '../kernel/may-goto';
import { GUARD, guardAddresses, onCpu } from '../kernel/percpu';
import { junk } from '../machine/junk';
import { CONTEXT_BASE, CPUS, entryRsp, percpuOffset, stackBase, u64 } from '../machine/layout';
import { type HelperAction, Machine, type Segment } from '../machine/machine';
import { type ClobberRule, evaluate, type ScenarioEvent } from '../spec';
import { findActivations } from './activations';
import { termEnvironment } from './environment';
import type { GuardWord, Run, World } from './run';

/** A scenario, ready to run. */
export interface RunSetup {
  readonly world: World;
  readonly config: KernelConfig;
  /** Contents of the data areas; the context is what the first argument points to. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Bytes of the dynamic per-CPU area. */
  readonly percpuBytes: number;
  readonly clobbers: readonly ClobberRule[];
  /** Results that the spec declares for helpers. */
  readonly returns: ReadonlyMap<string, bigint>;
  readonly events: readonly ScenarioEvent[];
  /** r1, r2, ... of every entry; by default r1 points to the context. */
  readonly entryArguments?: readonly bigint[];
  /** The CPU on which events happen that name none. */
  readonly cpu: number;
}

function le(value: bigint, bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, true);
  return new Uint8Array(view.buffer, 0, bytes);
}

/** `ret`, and a jump to the register of the thunk. */
const RET = Uint8Array.of(0xc3);
const JMP_RCX = Uint8Array.of(0xff, 0xe1);

/** Runs a scenario's events, one after the other, in one machine. */
class Runner {
  private readonly machine: Machine;
  /** State of the run that is going on. */
  private cpu = 0;
  private program = 0;
  private readonly calls = new Map<string, number>();
  private before: readonly bigint[] = [];
  private entries = 0;

  constructor(private readonly setup: RunSetup) {
    const { world, config, contents, percpuBytes } = setup;
    const { returnThunk, indirectThunkRcx, thisCpuOff, cpuNumber, jiffies } = config.symbols;
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
      code: [...programs, ...bodies, ...thunks],
      traced: [...programs, ...bodies].map(({ address, bytes }) => ({
        lo: address,
        hi: address + BigInt(Math.max(1, bytes.length)) - 1n,
      })),
      helpers: world.helpers.length,
      data: [
        ...world.data
          .filter(({ name }) => name !== 'ctx')
          .map(({ name, address }) => ({ address, bytes: contents.get(name)! })),
        { address: jiffies, bytes: le(junk(world.seed, 'jiffies'), 8) },
      ],
      contextBytes: Math.max(8, contents.get('ctx')!.length),
      percpuBytes,
      percpuVariables: (cpu) => [
        { address: thisCpuOff, bytes: le(u64(percpuOffset(cpu)), 8) },
        { address: cpuNumber, bytes: le(BigInt(cpu), 4) },
      ],
      onHelper: (index) => this.callHelper(index),
    });
    this.machine.memory(CONTEXT_BASE, contents.get('ctx')!.length).set(contents.get('ctx')!);
    for (const { address } of this.guardWords()) this.machine.write64(address, GUARD);
  }

  /** Every guard word of every block, on every CPU. */
  private guardWords(): Omit<GuardWord, 'value'>[] {
    return this.setup.world.programs.flatMap(({ analysis, blocks }, program) =>
      analysis.blocks.flatMap((block, index) =>
        Array.from({ length: CPUS }, (_, cpu) => cpu).flatMap((cpu) =>
          guardAddresses(block, blocks[index]!, cpu).map((address) => ({ program, block: index, cpu, address })),
        ),
      ),
    );
  }

  /** The model of all helpers: result, what the spec wants left behind, junk everywhere else. */
  private callHelper(index: number): HelperAction {
    const { world } = this.setup;
    const { regs } = this.machine;
    const { name } = world.helpers[index]!;
    const nth = (this.calls.get(name) ?? 0) + 1;
    this.calls.set(name, nth);
    const call = { name, nth, cpu: this.cpu, seed: world.seed, arguments: callArguments(regs), memory: this.machine };
    const thunk = Object.hasOwn(THUNKS, name) ? THUNKS[name] : undefined;
    const { planned, result } = this.planned(name, nth);
    if (thunk) thunk(regs, call);
    else destroyCallerSaved(regs, call, result ?? this.setup.returns.get(name) ?? helperResult(call), planned);
    return this.machine.returnFromHelper(`${name} ${nth} below rsp`);
  }

  /** What the spec's rules say about one call; the last rule that says something about a register wins. */
  private planned(name: string, nth: number): { planned: Map<string, bigint>; result: bigint | undefined } {
    const planned = new Map<string, bigint>();
    let result: bigint | undefined;
    for (const rule of this.setup.clobbers) {
      const applies = rule.name === name && nth >= rule.calls.from && nth <= rule.calls.to;
      if (!applies || (rule.cpu !== undefined && rule.cpu !== this.cpu)) continue;
      result = rule.returns ?? result;
      for (const [register, term] of rule.registers) {
        const value = evaluate(term.value, this.environment());
        if (value !== undefined) planned.set(register, value);
      }
    }
    return { planned, result };
  }

  private environment() {
    const { cpu, program, before } = this;
    const caller = (register: string) => before[Gpr[register as keyof typeof Gpr]];
    return termEnvironment(this.setup.world, { cpu, program, activations: [], caller });
  }

  /** Calls a program as C code does, and collects all there is to know about it. */
  private enter(program: number, cpu: number, last: boolean): Run {
    const { machine, setup } = this;
    const { world } = setup;
    this.cpu = cpu;
    this.program = program;
    this.calls.clear();
    if (this.entries++ > 0) this.forget(cpu, `entry ${this.entries}`);
    callerState(machine.regs, world.seed, cpu);
    (setup.entryArguments ?? [CONTEXT_BASE]).forEach((value, i) => {
      machine.regs[X86_64.arguments[i]!] = value;
    });
    const registers = () => GPR_NAMES.map((_, i) => machine.regs[i]!);
    const entry = world.programs[program]!.addresses[0]!;
    const caller = registers();
    caller[Gpr.rsp] = entryRsp(cpu) + 8n;
    this.before = caller;
    const { status, trace } = machine.run(entry, cpu);
    const { all } = findActivations(trace, world.code);
    const memory = new Map(world.data.map((area) => [area.name, machine.memory(area.address, area.size).slice()]));
    const guards = this.guardWords().map((word) => ({ ...word, value: machine.read64(word.address) }));
    const [before, after] = [caller, registers()];
    return { world, program, cpu, last, status, trace, activations: all, before, after, memory, guards };
  }

  /** Junk over what an earlier run left on a CPU, so that nothing is right because it was right before. */
  private forget(cpu: number, label: string): void {
    const { machine, setup } = this;
    machine.junkAgain(stackBase(cpu), Number(entryRsp(cpu) - stackBase(cpu)), `stack ${cpu} ${label}`);
    for (const { analysis, blocks } of setup.world.programs) {
      analysis.blocks.forEach(({ size, guard }, i) => {
        const frames = onCpu(blocks[i]! + BigInt(guard), cpu);
        machine.junkAgain(frames, size - 2 * guard, `block ${blocks[i]} ${cpu} ${label}`);
      });
    }
  }

  run(): Run[] {
    const { world, events, cpu } = this.setup;
    try {
      const entries = events.flatMap((event) =>
        event.kind === 'run' ? Array.from({ length: event.times }, () => event) : [],
      );
      return entries.map((event, i) => {
        const program = world.programs.findIndex(({ name }) => name === event.program);
        return this.enter(program, event.cpu ?? cpu, i === entries.length - 1);
      });
    } finally {
      this.machine.close();
    }
  }
}

/** Runs a scenario. Faults and endless loops are results, not errors. */
export function runScenario(setup: RunSetup): Run[] {
  return new Runner(setup).run();
}
