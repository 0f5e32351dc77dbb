import { HELPERS, type KernelConfig, LINUX_6_18 } from '../../jit';

/** What a capture says about the kernel and the CPU that it comes from: `machine.json`, or the line `{"machine": ...}`. */
export interface MachineDescription {
  /** The kernel's release, as `6.18.44`. */
  readonly kernel: string;
  readonly cpu_flags?: readonly string[];
  readonly vulnerabilities?: Readonly<Record<string, string>>;
  /** Addresses by name. */
  readonly symbols: Readonly<Record<string, string>>;
  /** What changes bytes. `return_thunk` is the name of its symbol. */
  readonly jit: {
    readonly smp: boolean;
    readonly bmi2: boolean;
    readonly retpoline: boolean;
    readonly return_thunk: string | null;
    readonly ibt: boolean;
    readonly sls: boolean;
    readonly offsets: Readonly<Record<string, string>>;
    readonly tail_call_limit: number;
  };
  /** Helpers by id. */
  readonly helpers?: Readonly<Record<string, { readonly name: string; readonly addr?: string }>>;
}

/** A description that lacks something: names the field. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MachineError(`${at}: expected an object`);
}

function addressIn(value: unknown, at: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt(value);
  throw new MachineError(`${at}: expected an address, as "0xffffffff814dccd0"`);
}

/** Symbols without which nothing can be made of an image. */
const NEEDED = ['__bpf_call_base', 'this_cpu_off', 'cpu_number'] as const;
const SWITCHES = ['smp', 'bmi2', 'retpoline', 'ibt', 'sls'] as const;

/** Checks a description. @throws MachineError that names the field */
export function machineDescription(value: unknown): MachineDescription {
  const all = fields(value, 'machine');
  if (typeof all.kernel !== 'string') throw new MachineError('machine.kernel: expected a release, as "6.18.44"');
  const symbols = fields(all.symbols, 'machine.symbols');
  for (const name of NEEDED) addressIn(symbols[name], `machine.symbols.${name}`);
  for (const [name, address] of Object.entries(symbols)) addressIn(address, `machine.symbols.${name}`);
  const jit = fields(all.jit, 'machine.jit');
  for (const name of SWITCHES) {
    if (typeof jit[name] !== 'boolean') throw new MachineError(`machine.jit.${name}: expected true or false`);
  }
  const thunk = jit.return_thunk ?? null;
  if (thunk !== null && (typeof thunk !== 'string' || symbols[thunk] === undefined)) {
    throw new MachineError('machine.jit.return_thunk: expected null, or the name of one of machine.symbols');
  }
  if (typeof jit.tail_call_limit !== 'number') throw new MachineError('machine.jit.tail_call_limit: expected a number');
  for (const [name, offset] of Object.entries(fields(jit.offsets, 'machine.jit.offsets'))) {
    addressIn(offset, `machine.jit.offsets.${name}`);
  }
  for (const [id, helper] of Object.entries(fields(all.helpers ?? {}, 'machine.helpers'))) {
    const { name, addr } = fields(helper, `machine.helpers.${id}`);
    if (typeof name !== 'string') throw new MachineError(`machine.helpers.${id}.name: expected a name`);
    if (addr !== undefined) addressIn(addr, `machine.helpers.${id}.addr`);
  }
  return value as MachineDescription;
}

/** The indirect thunk of rcx, by the names that builds give it. */
const INDIRECT = /^(__pi_)?__x86_indirect_(its_)?thunk_rcx$/;

/** What the JIT has to know of a machine. Symbols that a description leaves out are those of `LINUX_6_18`. */
export function configOf({ kernel, symbols, jit }: MachineDescription): KernelConfig {
  const symbol = (name: string): bigint | undefined =>
    symbols[name] === undefined ? undefined : BigInt(symbols[name]);
  const offset = (name: string, usual: number): number => Number(jit.offsets[name] ?? usual);
  const { offsets, symbols: usual } = LINUX_6_18;
  const indirect = Object.keys(symbols).find((name) => INDIRECT.test(name));
  return {
    ...LINUX_6_18,
    name: `linux-${kernel} x86-64`,
    smp: jit.smp,
    bmi2: jit.bmi2,
    retpoline: jit.retpoline,
    returnThunk: jit.return_thunk !== null,
    sls: jit.sls,
    ibt: jit.ibt,
    tailCallLimit: jit.tail_call_limit,
    offsets: {
      mapMaxEntries: offset('bpf_array.map.max_entries', offsets.mapMaxEntries),
      arrayPtrs: offset('bpf_array.ptrs', offsets.arrayPtrs),
      progFunc: offset('bpf_prog.bpf_func', offsets.progFunc),
    },
    symbols: {
      bpfCallBase: symbol('__bpf_call_base')!,
      returnThunk: (jit.return_thunk === null ? undefined : symbol(jit.return_thunk)) ?? usual.returnThunk,
      indirectThunkRcx: (indirect === undefined ? undefined : symbol(indirect)) ?? usual.indirectThunkRcx,
      timedMayGoto: symbol('arch_bpf_timed_may_goto') ?? usual.timedMayGoto,
      bpfThrow: symbol('bpf_throw') ?? usual.bpfThrow,
      thisCpuOff: symbol('this_cpu_off')!,
      cpuNumber: symbol('cpu_number')!,
      jiffies: symbol('jiffies') ?? usual.jiffies,
    },
  };
}

/** Symbols by which kernels know helpers that have another name for programs. */
const HELPER_SYMBOLS: Readonly<Record<string, string>> = { bpf_user_rnd_u32: 'bpf_get_prandom_u32' };

/** The name that programs call a kernel function by. */
export const programsName = (symbol: string): string => HELPER_SYMBOLS[symbol] ?? symbol;

/** Names of the kernel's functions by address: helpers as programs call them. */
export function functionNames({ symbols, helpers = {} }: MachineDescription): Map<bigint, string> {
  const names = new Map<bigint, string>();
  for (const [name, address] of Object.entries(symbols)) names.set(BigInt(address), programsName(name));
  for (const { name, addr } of Object.values(helpers)) {
    if (addr !== undefined && HELPERS.id(name) !== undefined) names.set(BigInt(addr), name);
  }
  return names;
}
