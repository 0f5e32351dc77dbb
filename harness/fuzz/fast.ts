import { Gpr, type KernelConfig, LINUX_6_18, X86_64 } from '../../jit';
import { GUARD, guardAddresses, onCpu } from '../kernel/percpu';
import { CONTEXT_BASE, CPUS, PERCPU_POINTER_BASE, percpuOffset, u64 } from '../machine/layout';
import { calledHelperAddress, ReusedMachine } from '../machine/reused-machine';
import type { InterpreterResult } from '../oracle';
import { privateFramePointer } from '../run/frames';
import { KernelSide } from '../run/kernel-side';
import type { Arrangements } from '../run/kernel-work';
import { BOUNDS } from './bounds';
import { expected } from './expected';
import type { FuzzInput } from './input';
import type { Prepared } from './prepare';

/** Something that the cheap look at a run has seen. It says that something is wrong, the checks say what. */
export interface Anomaly {
  /** How the run ended, or what differs: `fault read`, `r0`, `rbx`, `guard`. */
  readonly what: string;
}

const PRESERVED = ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15', 'rsp'] as const;
/** rcx rdx rsi rdi r8 r9 r10 r11, as a helper's policy has them. */
const POISONED = 8;
const R9 = 5;
const BELOW = 64;

const le = (value: bigint, bytes: number): Uint8Array =>
  new Uint8Array(new BigUint64Array([value]).buffer).subarray(0, bytes);

const NOTHING: Arrangements = {
  inCall: () => null,
  tracers: () => ({ fentry: [], fexit: [], calls: false }),
};

/** Runs that nobody watches: what comes out is compared with what the interpreter says. */
export class FastRunner {
  private readonly machine: ReusedMachine;
  private readonly poison: bigint[] = [];
  private prepared: Prepared | undefined;
  private guards: { readonly cpu: number; readonly offset: number }[] = [];
  private bytes = 0;
  /** BPF instructions of the last run. */
  executed = 0;

  constructor(config: KernelConfig = LINUX_6_18) {
    const { returnThunk, indirectThunkRcx, thisCpuOff, cpuNumber, jiffies } = config.symbols;
    this.machine = new ReusedMachine({
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
  }

  /** The program that the next runs are of. */
  load(prepared: Prepared): void {
    const { world, percpuBytes } = prepared.built;
    const [placed] = world.programs;
    this.prepared = prepared;
    this.bytes = percpuBytes;
    this.machine.load(placed!.code.map((bytes, i) => ({ address: placed!.addresses[i]!, bytes })));
    this.guards = placed!.analysis.blocks.flatMap((block, index) =>
      Array.from({ length: CPUS }, (_, cpu) => cpu).flatMap((cpu) =>
        guardAddresses(block, placed!.blocks[index]!, cpu).map((address) => {
          return { cpu, offset: Number(address - onCpu(PERCPU_POINTER_BASE, cpu)) };
        }),
      ),
    );
  }

  /** Whom the last run called. */
  get called(): ReadonlySet<string> {
    const { events } = this.machine.emu;
    const { helpers } = this.prepared!.built.world;
    return new Set(Array.from({ length: events.count }, (_, i) => helpers[events.index(i) % CALLED]!.name));
  }

  /** One run, judged. */
  run(input: FuzzInput, want: InterpreterResult = expected(this.prepared!, input)): Anomaly | null {
    const { machine } = this;
    const { world } = this.prepared!.built;
    const { cpu } = input;
    this.executed = want.executed;
    machine.reset(cpu, this.bytes, input.seed);
    for (const { cpu: on, offset } of this.guards) le64(machine.percpu[on]!, offset).setBigUint64(0, GUARD, true);
    machine.context.set(input.context);
    machine.regs[X86_64.bpf[1]!] = CONTEXT_BASE;
    const before = machine.regs.slice(0, 16);
    const kernel = this.arrange(input, before);
    const status = machine.run(world.programs[0]!.addresses[0]!, cpu);
    if (want.kind !== 'exit') return { what: `the interpreter: ${want.kind}` };
    if (status.kind !== 'ok') return { what: status.kind === 'fault' ? `fault ${status.access}` : status.kind };
    return this.compare(input, before, want) ?? compareEntries(kernel);
  }

  private arrange(input: FuzzInput, before: BigUint64Array): KernelSide | null {
    const { built, callees, kernel: model } = this.prepared!;
    const { world } = built;
    const { machine, poison } = this;
    for (let i = 0; i < POISONED; i++) poison[i] = before[i]! ^ 0x0101_0101_0101_0101n;
    const { r9 } = input;
    const wrong = r9 === 'junk' ? undefined : privateFramePointer(world, 0, r9.subprog, r9.cpu);
    if (wrong !== undefined) poison[R9] = wrong;
    let called = false;
    const policy = { poison, belowRsp: BELOW, junk: BigInt(input.seed) };
    world.helpers.forEach(({ name, address, stub }, index) => {
      const modelled = address >= calledHelperAddress(0);
      if (modelled) called ||= stub === undefined;
      else machine.setHelperPolicy(index, { ...policy, ret: input.returns[callees.indexOf(name)] ?? 0n });
    });
    if (!called) return null;
    const kernel = new KernelSide({ world, clobbers: [], returns: new Map(), kernel: model }, () => machine, NOTHING);
    kernel.begin(0, 0, input.cpu, 'the caller');
    machine.onCall = (index) => kernel.call(index);
    return kernel;
  }

  private compare(
    input: FuzzInput,
    before: BigUint64Array,
    want: Extract<InterpreterResult, { kind: 'exit' }>,
  ): Anomaly | null {
    const { machine, prepared } = this;
    const { regs } = machine;
    // In front of what it returns: it is the worse thing to happen.
    for (const name of PRESERVED) {
      const should = name === 'rsp' ? before[Gpr.rsp]! : before[Gpr[name]]!;
      if (name !== 'rsp' && regs[Gpr[name]] !== should) return { what: name };
    }
    if (regs[0] !== want.r0) return { what: 'r0' };
    if (Buffer.compare(machine.context, want.regions.get('ctx')!) !== 0) return { what: 'context' };
    for (const { cpu, offset } of this.guards) {
      if (le64(machine.percpu[cpu]!, offset).getBigUint64(0, true) !== GUARD) return { what: 'guard' };
    }
    return this.compareLog(prepared!, want) ?? this.compareOther(input);
  }

  private compareLog({ built }: Prepared, { log }: InterpreterResult): Anomaly | null {
    const { events } = this.machine.emu;
    const { helpers } = built.world;
    let at = 0;
    for (let i = 0; i < events.count; i++) {
      const { name, stub } = helpers[events.index(i) % CALLED]!;
      if (stub !== undefined || name.startsWith('arch_')) continue;
      if (log[at++]?.name !== name) return { what: 'calls' };
    }
    return at === log.length ? null : { what: 'calls' };
  }

  /** What the other CPU has must be as it was. */
  private compareOther({ cpu, seed }: FuzzInput): Anomaly | null {
    const other = 1 - cpu;
    // The guards are not junk, and were looked at already.
    for (const guard of this.guards) {
      if (guard.cpu === other) this.machine.restore(other, guard.offset, 8, seed);
    }
    return this.machine.isUntouched(other, this.bytes, seed) ? null : { what: 'another CPU' };
  }

  close(): void {
    this.machine.close();
  }
}

const CALLED = Number((calledHelperAddress(0) - calledHelperAddress(-32)) / 16n);

const le64 = (bytes: Uint8Array, offset: number): DataView => new DataView(bytes.buffer, bytes.byteOffset + offset, 8);

/** Callbacks must give C code its registers back. */
function compareEntries(kernel: KernelSide | null): Anomaly | null {
  for (const { before, after, kind } of kernel?.entries ?? []) {
    if (kind !== 'callback' || after === null) continue;
    for (const name of PRESERVED) if (before[Gpr[name]] !== after[Gpr[name]]) return { what: `${name} of a callback` };
  }
  return null;
}
