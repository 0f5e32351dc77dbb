import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import {
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  decodeInsns,
  type Insn,
  LINUX_6_18,
  type Program,
  parseAsm,
} from '../../jit';
import { type Decoded, decode } from '../capture/decode';
import type { MachineDescription } from '../capture/machine';
import { type KernelNames, kernelNames } from './kallsyms';
import { loadLive } from './live-program';
import { Hidden, type ProgramInfo, programInfo } from './program-info';

/** Programs whose code shows what the kernel's JIT was built and configured for. */
const CALLS = 'call bpf_ktime_get_ns\ncall bpf_get_smp_processor_id\nexit';
const PRIVATE = '*(u64 *)(r10 - 64) = 1\nr0 = 0\nexit';
const SHIFT = 'call bpf_get_prandom_u32\nr6 = r0\ncall bpf_get_prandom_u32\nr6 &= 31\nr0 <<= r6\nexit';
const TAIL =
  'r6 = r1\ncall bpf_get_prandom_u32\nr3 = r0\nr1 = r6\nr2 = map[programs] ll\ncall bpf_tail_call\nr0 = 0\nexit';

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

function load(asm: string, type: 'socket_filter' | 'raw_tracepoint'): { info: ProgramInfo; rows: Decoded[] } {
  const parsed = parseAsm(asm, { name: 'probe' });
  if (!parsed.ok) throw new Error(parsed.errors[0]!.message);
  const program: Program = parsed.program;
  const loaded = loadLive({ name: 'probe', program, type });
  try {
    const info = programInfo(loaded.fd);
    return { info, rows: decode(info.functions[0]!, info.ksyms[0]!) };
  } finally {
    loaded.close();
  }
}

const FLAGS = /^(movbe|abm|bmi[12]|avx|apx|shstk|user_shstk|ibt)/;

function cpuFlags(): string[] {
  const text = readFileSync('/proc/cpuinfo', 'latin1');
  const flags = /^flags\s*:\s*(.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
  return flags.filter((flag) => FLAGS.test(flag));
}

function vulnerabilities(): Record<string, string> {
  const folder = '/sys/devices/system/cpu/vulnerabilities';
  try {
    return Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(`${folder}/${name}`, 'latin1').trim()]),
    );
  } catch {
    return {};
  }
}

/** __bpf_call_base, from the first helper call of a program: what the dump says of it, and where its code goes. */
function callBase({ info, rows }: ReturnType<typeof load>): bigint {
  const decoded = decodeInsns(info.xlated);
  const call = decoded.ok
    ? decoded.insns.find(({ code, src }: Insn) => code === (BPF_JMP | BPF_CALL) && src === BPF_HELPER_CALL)
    : undefined;
  const target = rows.find(({ flow }) => flow === 'call')?.target;
  if (!call || !target || call.imm === 0) {
    throw new Hidden('the kernel does not say where helpers are (it wants CAP_SYSLOG, or kptr_restrict below 2)');
  }
  return BigInt.asUintN(64, target - BigInt(call.imm));
}

const RETURN_THUNKS = [
  'its_return_thunk',
  'srso_return_thunk',
  'srso_alias_return_thunk',
  'retbleed_return_thunk',
  '__x86_return_thunk',
];

/**
 * What can be known of another machine from the code of one program and from the kernel's symbols. What the code does not
 * show is as usual.
 * @throws Hidden without the symbols that everything starts from
 */
export function machineBySymbols(names: KernelNames, { functions, ksyms }: ProgramInfo): MachineDescription {
  const base = names.address('__bpf_call_base');
  if (base === undefined) throw new Hidden('there is no `__bpf_call_base` among the symbols');
  const rows = functions.flatMap((bytes, i) => decode(bytes, ksyms[i]!));
  const symbols: Record<string, string> = { __bpf_call_base: hex(base) };
  const thunk = RETURN_THUNKS.find((name) =>
    rows.some(({ flow, target }) => flow === 'jump' && target !== null && target === names.address(name)),
  );
  const indirect = names.address('__x86_indirect_its_thunk_rcx') ?? names.address('__x86_indirect_thunk_rcx');
  for (const name of [...(thunk ? [thunk] : []), 'bpf_throw', 'arch_bpf_timed_may_goto', 'jiffies']) {
    const address = names.address(name);
    if (address !== undefined) symbols[name] = hex(address);
  }
  if (indirect !== undefined) symbols.__x86_indirect_thunk_rcx = hex(indirect);
  const usual = LINUX_6_18;
  symbols.this_cpu_off = hex(
    rows.find(({ gs }) => gs !== null)?.gs ?? names.address('this_cpu_off') ?? usual.symbols.thisCpuOff,
  );
  symbols.cpu_number = hex(names.address('cpu_number') ?? usual.symbols.cpuNumber);
  return {
    kernel: 'unknown',
    symbols,
    jit: {
      smp: true,
      bmi2: !rows.some(({ mnemonic, text }) => ['shl', 'shr', 'sar'].includes(mnemonic) && text.endsWith(', cl')),
      retpoline: indirect !== undefined,
      return_thunk: thunk ?? null,
      ibt: rows[0]!.text === 'endbr64',
      sls: rows[rows.length - 1]!.text === 'int3',
      offsets: {},
      tail_call_limit: usual.tailCallLimit,
    },
  };
}

/** What can be known of this machine, from the code of a few programs and from what the kernel says of itself. */
export function measureMachine(): MachineDescription {
  const names = kernelNames();
  const calls = load(CALLS, 'socket_filter');
  const shift = load(SHIFT, 'socket_filter');
  const tail = load(TAIL, 'socket_filter');
  const own = load(PRIVATE, 'raw_tracepoint');
  const symbols: Record<string, string> = { __bpf_call_base: hex(callBase(calls)) };
  const last = calls.rows[calls.rows.length - 1]!;
  const leave = calls.rows.findIndex(({ text }) => text === 'leave');
  const leaves = calls.rows[leave + 1];
  const thunk = leaves?.flow === 'jump' && leaves.target !== null ? leaves.target : null;
  const thunkName =
    thunk === null
      ? null
      : (RETURN_THUNKS.find((name) => names.address(name) === thunk) ?? names.name(thunk) ?? 'return_thunk');
  if (thunkName !== null) symbols[thunkName] = hex(thunk!);
  const indirect = tail.rows.find(({ flow, target, size }, i) => {
    return flow === 'jump' && size === 5 && target !== null && /^(add|lea) rcx/.test(tail.rows[i - 1]!.text);
  });
  if (indirect) symbols.__x86_indirect_thunk_rcx = hex(indirect.target!);
  const percpu = own.rows.find(({ gs }) => gs !== null)?.gs ?? calls.rows.find(({ gs }) => gs !== null)?.gs;
  if (percpu === undefined || percpu === null) throw new Hidden('nothing shows where this_cpu_off is');
  symbols.this_cpu_off = hex(percpu);
  const cpuNumber = calls.rows.find(({ gs }, i) => gs === null && calls.rows[i + 1]?.gs === percpu)?.constant?.value;
  symbols.cpu_number = hex(cpuNumber ?? names.address('cpu_number') ?? LINUX_6_18.symbols.cpuNumber);
  for (const name of ['bpf_throw', 'arch_bpf_timed_may_goto', 'jiffies']) {
    const address = names.address(name);
    if (address !== undefined) symbols[name] = hex(address);
  }
  const number = (rows: readonly Decoded[], text: RegExp, usual: number): number =>
    Number(rows.map((row) => text.exec(row.text)?.[1]).find((found) => found !== undefined) ?? usual);
  const { offsets, tailCallLimit } = LINUX_6_18;
  return {
    kernel: release(),
    cpu_flags: cpuFlags(),
    vulnerabilities: vulnerabilities(),
    symbols,
    jit: {
      smp: true,
      bmi2: shift.rows.some(({ mnemonic }) => mnemonic === 'shlx'),
      retpoline: indirect !== undefined,
      return_thunk: thunkName,
      ibt: calls.rows[0]!.text === 'endbr64',
      sls: last.text === 'int3',
      offsets: {
        'bpf_array.map.max_entries': hex(number(tail.rows, /^cmp \[rsi\+(0x[0-9a-f]+)\], edx/, offsets.mapMaxEntries)),
        'bpf_array.ptrs': hex(number(tail.rows, /^mov rcx, \[rsi\+rdx\*8\+(0x[0-9a-f]+)\]/, offsets.arrayPtrs)),
        'bpf_prog.bpf_func': hex(number(tail.rows, /^mov rcx, \[rcx\+(0x[0-9a-f]+)\]/, offsets.progFunc)),
      },
      tail_call_limit: number(tail.rows, /^cmp qword ptr \[rax\], (0x[0-9a-f]+)/, tailCallLimit),
    },
  };
}
