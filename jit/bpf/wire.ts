import { decodeInsns, encodeInsns, type WireError } from './bytes';
import { type Insn, isLdImm64, slots } from './insn';
import {
  BPF_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
} from './opcodes';
import { printInsn } from './print';
import { type Program, pcsOf, type Subprog } from './program';

/**
 * The numbers that stand for kfuncs and maps in the wire form, by index in the program: BTF ids and file descriptors
 * in a program for a kernel, the indices themselves by default.
 */
export interface WireNumbers {
  readonly kfuncIds?: readonly number[];
  readonly mapFds?: readonly number[];
}

export interface DecodeOptions {
  /** Name of the program. Default: `prog`. */
  readonly name?: string;
  /** Names of the subprogs, in order. Default: `main`, `func1` and so on. */
  readonly subprogs?: readonly string[];
  /** Names of the kfuncs, by the number in the call. Default: one name for each number that is called. */
  readonly kfuncs?: readonly string[];
  /** Names of the maps, by the number in the load. Default: one name for each number that is loaded. */
  readonly maps?: readonly string[];
  /** Slots at which a subprog begins that nothing in the program refers to: an exception callback. */
  readonly entries?: readonly number[];
}

export type DecodeResult =
  | { readonly ok: true; readonly program: Program; readonly wire: WireNumbers }
  | { readonly ok: false; readonly errors: readonly WireError[] };

const CALL = BPF_JMP | BPF_CALL;
const isSubprogCall = (insn: Insn): boolean => insn.code === CALL && insn.src === BPF_PSEUDO_CALL;
const isKfuncCall = (insn: Insn): boolean => insn.code === CALL && insn.src === BPF_PSEUDO_KFUNC_CALL;
const isFuncRef = (insn: Insn): boolean => isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC;
const isMapRef = (insn: Insn): boolean =>
  isLdImm64(insn) && (insn.src === BPF_PSEUDO_MAP_FD || insn.src === BPF_PSEUDO_MAP_VALUE);

const low = (insn: Insn): number => Number(BigInt.asIntN(32, insn.imm64 ?? 0n));
const withLow = (insn: Insn, value: number): Insn => ({
  ...insn,
  imm64: (((insn.imm64 ?? 0n) >> 32n) << 32n) | BigInt.asUintN(32, BigInt(value)),
});

/**
 * A program as the kernel is handed it: one sequence of instructions, in which calls of subprogs and addresses of
 * callbacks are distances in slots from the next slot (kernel/bpf/verifier.c add_subprog_and_kfunc()).
 */
export function encodeProgram(program: Program, wire: WireNumbers = {}): Uint8Array {
  const starts: number[] = [];
  let size = 0;
  for (const { insns } of program.subprogs) {
    starts.push(size);
    for (const insn of insns) size += slots(insn);
  }
  let pc = 0;
  const distance = (subprog: number): number => (starts[subprog] ?? 0) - (pc + 1);
  const flat = program.subprogs.flatMap(({ insns }) =>
    insns.map((insn) => {
      const linked = link(insn, distance, wire);
      pc += slots(insn);
      return linked;
    }),
  );
  return encodeInsns(flat);
}

function link(insn: Insn, distance: (subprog: number) => number, { kfuncIds, mapFds }: WireNumbers): Insn {
  if (isSubprogCall(insn)) return { ...insn, imm: distance(insn.imm) };
  if (isFuncRef(insn)) return { ...insn, imm64: BigInt.asUintN(32, BigInt(distance(Number(insn.imm64)))) };
  if (kfuncIds && isKfuncCall(insn)) return { ...insn, imm: kfuncIds[insn.imm] ?? insn.imm };
  if (mapFds && isMapRef(insn)) return withLow(insn, mapFds[low(insn)] ?? low(insn));
  return insn;
}

/**
 * A program from what the kernel is handed: splits it into subprogs where calls, callbacks and `entries` say that one
 * begins, and turns distances into indices. Other rules are validateProgram()'s.
 *
 * @returns the program with the numbers that encodeProgram() needs to give the same bytes again; or an error for each
 * reference to a place where no instruction begins, and for bytes that are no instructions.
 */
export function decodeProgram(bytes: Uint8Array, options: DecodeOptions = {}): DecodeResult {
  const decoded = decodeInsns(bytes);
  if (!decoded.ok) return decoded;
  const { insns } = decoded;
  const pcs = pcsOf(insns);
  const references = insns.flatMap((insn, i) => (mayRefer(insn) ? [{ insn, i, pc: pcs[i]! }] : []));
  const errors: WireError[] = [];
  const starts = startsOf(insns, pcs, references, options.entries ?? [], errors);
  if (errors.length > 0) return { ok: false, errors };

  const kfuncs = numbering(options.kfuncs, 'kfunc', references, (insn) => (isKfuncCall(insn) ? insn.imm : undefined));
  const maps = numbering(options.maps, 'map', references, (insn) => (isMapRef(insn) ? low(insn) : undefined));
  const subprogAt = new Map(starts.map((start, i) => [start, i]));
  const unlinked = [...insns];
  for (const { insn, i, pc } of references) {
    const subprog = subprogAt.get(targetOf(insn, pc) ?? Number.NaN);
    if (isFuncRef(insn)) unlinked[i] = { ...insn, imm64: BigInt(subprog!) };
    else if (isSubprogCall(insn)) unlinked[i] = { ...insn, imm: subprog! };
    else if (isKfuncCall(insn)) unlinked[i] = { ...insn, imm: kfuncs.index(insn.imm) };
    else if (isMapRef(insn)) unlinked[i] = withLow(insn, maps.index(low(insn)));
  }
  const subprogs = split(unlinked, pcs, starts, options.subprogs);
  return {
    ok: true,
    program: { name: options.name ?? 'prog', subprogs, kfuncs: kfuncs.names, maps: maps.names },
    wire: { kfuncIds: kfuncs.numbers, mapFds: maps.numbers },
  };
}

/** An instruction that may stand for a subprog, a kfunc or a map. */
interface Reference {
  readonly insn: Insn;
  readonly i: number;
  readonly pc: number;
}

const mayRefer = (insn: Insn): boolean => insn.src !== 0 && (insn.code === CALL || isLdImm64(insn));

/** The slot that a call or a callback's address refers to. */
function targetOf(insn: Insn, pc: number): number | undefined {
  if (isSubprogCall(insn)) return pc + 1 + insn.imm;
  return isFuncRef(insn) ? pc + 1 + low(insn) : undefined;
}

/** Slots at which a subprog begins, in order; adds an error for each reference to a slot where no instruction does. */
function startsOf(
  insns: readonly Insn[],
  pcs: readonly number[],
  references: readonly Reference[],
  entries: readonly number[],
  errors: WireError[],
): number[] {
  const size = pcs[pcs.length - 1]!;
  const places = new Uint8Array(size);
  for (let i = 0; i < insns.length; i++) places[pcs[i]!] = 1;
  const starts = new Set([0]);
  for (const { insn, pc } of references) {
    const target = targetOf(insn, pc);
    if (target === undefined) continue;
    if (isFuncRef(insn) && insn.imm64! >> 32n !== 0n)
      errors.push({ index: pc, text: printInsn(insn), message: "the upper half of a callback's distance is not zero" });
    if (places[target]) starts.add(target);
    else errors.push({ index: pc, text: printInsn(insn), message: `refers to ${target}, where no instruction begins` });
  }
  for (const entry of entries) {
    if (places[entry]) starts.add(entry);
    else errors.push({ index: entry, text: '', message: `no instruction begins at ${entry}` });
  }
  return [...starts].sort((a, b) => a - b);
}

/** Numbers of kfuncs or maps to indices: themselves where the caller has names for them, else in ascending order. */
function numbering(
  given: readonly string[] | undefined,
  what: string,
  references: readonly Reference[],
  numberOf: (insn: Insn) => number | undefined,
) {
  if (given) return { names: given, numbers: given.map((_, i) => i), index: (number: number) => number };
  const found = new Set<number>();
  for (const { insn } of references) {
    const number = numberOf(insn);
    if (number !== undefined) found.add(number);
  }
  const numbers = [...found].sort((a, b) => a - b);
  const indices = new Map(numbers.map((number, i) => [number, i]));
  const names = numbers.map((number) => `${what}_${number >>> 0}`);
  return { names, numbers, index: (number: number) => indices.get(number)! };
}

/** The instructions from each start to the next. */
function split(
  insns: readonly Insn[],
  pcs: readonly number[],
  starts: readonly number[],
  names: readonly string[] | undefined,
): Subprog[] {
  let from = 0;
  return starts.map((_, i) => {
    const end = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    let to = from;
    while (to < insns.length && pcs[to]! < end) to++;
    const subprog = { name: names?.[i] ?? (i === 0 ? 'main' : `func${i}`), insns: insns.slice(from, to) };
    from = to;
    return subprog;
  });
}
