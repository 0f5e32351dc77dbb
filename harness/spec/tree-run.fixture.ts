import { accessBytes, HELPERS, type Insn, type Program, parseAsm, pcsOf } from '../../jit';
import { parseTree } from './tree';
import { type GeneratedText, generateBodies } from './tree-body';

const KERNEL_NAMES = [
  'bpf_ktime_get_ns',
  'bpf_throw',
  'bpf_loop',
  'bpf_for_each_map_elem',
  'bpf_timer_set_callback',
] as const;

export const kernelNames: ReadonlySet<string> = new Set(KERNEL_NAMES);

/** The program of a tree, in a spec that has a map `m`. */
export function generate(text: string, program = 0): GeneratedText & { program: Program } {
  const tree = parseTree(text, { kernelNames });
  if (!tree.ok) throw new Error(JSON.stringify(tree.errors));
  const generated = generateBodies(tree.subprogs, program, { program: 'prog', first: 'm' });
  const parsed = parseAsm(generated.text, { maps: ['m', ...generated.maps.map(({ name }) => name)] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return { ...generated, program: parsed.program };
}

export interface Frame {
  readonly subprog: number;
  /** What lies below r10. */
  readonly bytes: Uint8Array;
}

export interface Ran {
  readonly r0: bigint;
  /** Cookie of an exception that ended the run. */
  readonly thrown?: bigint;
  readonly calls: readonly string[];
  /** The first 64 bytes of each map, by name, as they are afterwards. */
  readonly maps: ReadonlyMap<string, DataView>;
}

export interface RunHow {
  /** Called after every call, with the live frames, which it may change. */
  readonly afterCall?: (frames: readonly Frame[]) => void;
  /** Changes maps before the run. */
  readonly maps?: (map: (name: string) => DataView) => void;
  /** Rounds that helpers are short of. */
  readonly missingRounds?: bigint;
  /** Subprog that is entered, and its r1. */
  readonly entry?: number;
  readonly argument?: bigint;
}

const CALL = 0x85;
const EXIT = 0x95;
const MAP = 1n << 32n;
const JUNK = 0xbadbadn;

class Thrown extends Error {
  constructor(readonly cookie: bigint) {
    super();
  }
}

const wide = (value: number): bigint => BigInt.asUintN(64, BigInt(value));

/** Runs the few kinds of instructions that generated bodies consist of. Callbacks run where a helper is handed one. */
export function run(program: Program, how: RunHow = {}): Ran {
  const calls: string[] = [];
  const frames: Frame[] = [];
  const maps = new Map(program.maps.map((name) => [name, new DataView(new ArrayBuffer(64))]));
  how.maps?.((name) => maps.get(name)!);

  const loop = (rounds: bigint, callback: number): bigint => {
    for (let round = 0n; round < rounds; round++) if (enter(callback, round) !== 0n) return round + 1n;
    return rounds - (how.missingRounds ?? 0n);
  };
  const helper = (name: string, registers: BigUint64Array): bigint => {
    if (name === 'bpf_loop') return loop(registers[1]!, Number(registers[2]));
    if (name === 'bpf_for_each_map_elem') return loop(1n, Number(registers[2]));
    if (name === 'bpf_throw') throw new Thrown(registers[1]!);
    return 0xdeadn;
  };
  const call = ({ src, imm }: Insn, registers: BigUint64Array): void => {
    const name = [HELPERS.name(imm), program.subprogs[imm]?.name, program.kfuncs[imm]][src]!;
    calls.push(name);
    registers[0] = src === 1 ? enter(imm, registers[1]!) : helper(name, registers);
    registers.fill(JUNK, 1, 6);
    how.afterCall?.(frames);
  };
  const enter = (subprog: number, argument: bigint): bigint => {
    const bytes = new Uint8Array(512);
    frames.push({ subprog, bytes });
    const registers = new BigUint64Array(11).fill(JUNK);
    registers[1] = argument;
    const memory = (register: number, offset: number): [DataView, number] => {
      if (register === 10) return [new DataView(bytes.buffer), 512 + offset];
      const address = registers[register]!;
      return [maps.get(program.maps[Number(address / MAP) - 1]!)!, Number(address % MAP) + offset];
    };
    const { insns } = program.subprogs[subprog]!;
    const pcs = pcsOf(insns);
    for (let at = 0; insns[at]!.code !== EXIT; at++) {
      const insn = insns[at]!;
      if (insn.code === CALL) call(insn, registers);
      else if (step(insn, registers, memory)) at = pcs.indexOf(pcs[at + 1]! + insn.off) - 1;
    }
    frames.pop();
    return registers[0]!;
  };
  try {
    return { r0: enter(how.entry ?? 0, how.argument ?? JUNK), calls, maps };
  } catch (error) {
    if (!(error instanceof Thrown)) throw error;
    return { r0: 0n, thrown: error.cookie, calls, maps };
  }
}

type Memory = (register: number, offset: number) => [DataView, number];

/** Executes an instruction; true when it jumps. */
function step(insn: Insn, registers: BigUint64Array, memory: Memory): boolean {
  const { code, dst, src, off, imm } = insn;
  const kind = code & 0x67;
  if (code === 0x18)
    registers[dst] = src === 2 ? ((insn.imm64! & 0xffn) + 1n) * MAP + (insn.imm64! >> 32n) : insn.imm64!;
  else if (code === 0xb7) registers[dst] = wide(imm);
  else if (code === 0xbf) registers[dst] = registers[src]!;
  else if (code === 0x07) registers[dst] = BigInt.asUintN(64, registers[dst]! + BigInt(imm));
  else if (code === 0x15) return registers[dst] === wide(imm);
  else if (code === 0x55) return registers[dst] !== wide(imm);
  else if (kind === 0x61) {
    const [view, at] = memory(src, off);
    let value = 0n;
    for (let byte = accessBytes(insn) - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(view.getUint8(at + byte));
    registers[dst] = value;
  } else if (kind === 0x62 || kind === 0x63) {
    const [view, at] = memory(dst, off);
    const value = kind === 0x62 ? wide(imm) : registers[src]!;
    for (let byte = 0; byte < accessBytes(insn); byte++)
      view.setUint8(at + byte, Number((value >> BigInt(byte * 8)) & 0xffn));
  } else throw new Error(`code ${code}`);
  return false;
}
