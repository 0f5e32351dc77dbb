import { type KernelConfig, link, printProgram, type StackPolicy } from '../../jit';
import { compileProgram } from '../build';
import { GUARD, PercpuAllocator } from '../kernel/percpu';
import { generate, type LiveType, Random } from '../kernel-image';
import { fillJunk } from '../machine/junk';
import { PERCPU_POINTER_BASE } from '../machine/layout';
import { REG } from '../native';
import { verify, wholeProgram } from '../request-program';
import {
  AREAS,
  AT,
  CODE,
  CODE_BYTES,
  CONTEXT,
  ENTRY_RSP,
  FUNCTIONS,
  MAP_VALUES,
  placedKernel,
  STOP,
} from './placement';
import { emptyMemory, GENERAL, type ReplayCase } from './run';

/** A random program, compiled for the addresses of placement.ts. */
export interface ReplayProgram {
  readonly seed: number;
  readonly policy: string;
  readonly type: LiveType;
  /** What of the kernel's configuration was chosen at random. */
  readonly config: Pick<KernelConfig, 'bmi2' | 'returnThunk' | 'sls' | 'ibt'>;
  /** BPF after the verifier's rewrites. */
  text(): string;
  /** Rows of the encoding table that the code has instructions of. */
  forms(): ReadonlySet<string>;
  /** Its 32-bit compares and exchanges: for the address of each, that of the next instruction. */
  exchanges(): ReadonlyMap<bigint, bigint>;
  readonly functions: number;
  readonly privateFrames: number;
  readonly code: Uint8Array;
  readonly entry: bigint;
  /** Offsets of guard words in per-CPU memory. */
  readonly guards: readonly number[];
}

export interface ProgramOptions {
  /** One is picked for each program. */
  readonly policies: readonly StackPolicy[];
  /** Whether the CPU has the instructions that this makes the JIT emit. */
  readonly bmi2: boolean;
}

/** Those whose context can be read as it is. */
const TYPES: readonly LiveType[] = ['RAW_TRACEPOINT', 'TRACEPOINT', 'KPROBE', 'SYSCALL'];
/** The verifier inlines it: per-CPU reads instead of a call. */
const GET_SMP_PROCESSOR_ID = 8;
const RET = 0xc3;
const ALIGNMENT = 16;

/** The program of a seed: no helpers, all of the instruction set but what needs a helper, an arena or a tail call. */
export function programOf(seed: number, options: ProgramOptions): ReplayProgram {
  const random = new Random(seed);
  const policy = random.pick(options.policies);
  const config = {
    bmi2: options.bmi2 && random.once(2),
    returnThunk: random.once(2),
    sls: random.once(2),
    ibt: random.once(2),
  };
  const kernel = placedKernel(config);
  const memory = { contextBytes: CONTEXT.bytes, address: MAP_VALUES.address, bytes: MAP_VALUES.bytes };
  const { type, insns } = generate(seed, { types: TYPES, helpers: [GET_SMP_PROCESSOR_ID], memory });
  const { program, analysis } = verify(wholeProgram({ prog_type: type, insns }), policy, kernel, true);
  const allocator = new PercpuAllocator();
  const how = { policy, config: kernel, allocator, mapAddress: () => 0n };
  const { image, blocks } = compileProgram('replay', program, analysis, how);
  let next = FUNCTIONS;
  const addresses = image.functions.map(({ bytes }) => {
    const address = next;
    next += BigInt(Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT);
    return address;
  });
  if (next > CODE + BigInt(CODE_BYTES) || allocator.size > AREAS[AT.percpu].bytes) {
    throw new RangeError(`the program of seed ${seed} is too large`);
  }
  const code = new Uint8Array(Number(next - CODE)).fill(0xcc);
  code[0] = RET;
  link(image, { functions: addresses, resolve: () => undefined }).forEach((bytes, i) => {
    code.set(bytes, Number(addresses[i]! - CODE));
  });
  const exchanges = () => {
    return image.functions.flatMap((each, i) => {
      const rows = each.listing().filter(({ insn }) => insn.form.name === 'lock cmpxchg m32, r32');
      return rows.map(({ offset, size }): [bigint, bigint] => {
        const at = addresses[i]! + BigInt(offset);
        return [at, at + BigInt(size)];
      });
    });
  };
  const guards = analysis.blocks.flatMap(({ guard, size }, i) => {
    const start = Number(blocks[i]! - PERCPU_POINTER_BASE);
    return guard === 0 ? [] : [start, start + size - 8];
  });
  return {
    seed,
    policy: policy.name,
    type,
    config,
    text: () => printProgram(program),
    forms: () => new Set(image.functions.flatMap((each) => each.listing().map(({ insn }) => insn.form.name))),
    exchanges: () => new Map(exchanges()),
    functions: image.functions.length,
    privateFrames: image.functions.filter(({ frame }) => frame.isPrivate).length,
    code,
    entry: addresses[0]!,
    guards,
  };
}

const EDGES = [
  ...[0n, 1n, 2n, 7n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n],
  ...[0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffff80000000n, 0xffffffffffffff80n, 0xffffffffffffffffn],
];

/** A number that arithmetic has an opinion about, or any. */
function number(random: Random): bigint {
  if (random.once(2)) return random.pick(EDGES);
  const low = BigInt(random.int32() >>> 0);
  return random.once(4) ? low : (BigInt(random.int32() >>> 0) << 32n) | low;
}

/** One of the inputs of a program: all registers and all memory. */
export function inputOf(program: ReplayProgram, index: number): ReplayCase {
  const random = new Random(Math.imul(program.seed, 31) + index);
  const regs = BigUint64Array.from(GENERAL, () => number(random));
  regs[REG.rsp] = ENTRY_RSP;
  regs[REG.rdi] = CONTEXT.address;
  const memory = emptyMemory();
  memory.forEach((bytes, i) => {
    fillJunk(bytes, program.seed, `${AREAS[i]!.name} ${index}`);
  });
  const data = new DataView(memory[AT.data]!.buffer);
  for (let at = 0; at < CONTEXT.bytes; at += 8) data.setBigUint64(at, number(random), true);
  const percpu = new DataView(memory[AT.percpu]!.buffer);
  for (const at of program.guards) percpu.setBigUint64(at, GUARD, true);
  const stack = new DataView(memory[AT.stack]!.buffer);
  stack.setBigUint64(Number(ENTRY_RSP - AREAS[AT.stack].address), STOP, true);
  return { code: program.code, entry: program.entry, regs, memory };
}
