import {
  BPF_LDX,
  BPF_MEM,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PSEUDO_FUNC,
  BPF_ST,
  BPF_STX,
  decodeInsns,
  encodeInsns,
  Gpr,
  type Insn,
  insnClass,
  insnMode,
  pcsOf,
  roundUp,
} from '../../jit';
import type { CaptureFunction, CaptureImage } from '../capture/capture';
import { type Decoded, decode } from '../capture/decode';
import { type Prologue, readPrologue } from '../capture/prologue';
import { relocsOf } from '../capture/relocs';
import { isMapLoad, mapAddresses, probingLoads } from './by-order';
import { Hidden, type ProgramInfo } from './program-info';

/** A program as the kernel's JIT got it, and what it made of it. */
export interface Restored {
  readonly ksyms: readonly bigint[];
  readonly funcs: readonly CaptureFunction[];
  readonly want: readonly CaptureImage[];
  /** The exception callback that the kernel adds and does not show: where it is, and where in it the last instruction begins. */
  readonly hiddenCallback: { readonly ksym: bigint; readonly exit: number } | null;
  /** Facts that are not known but taken from the code. */
  readonly estimates: readonly string[];
}

/** What else is known of a program. */
export interface RestoreOptions {
  /** Stack depth of each function before the verifier's rewrites. */
  readonly depths: readonly number[];
  /** Whether it calls bpf_throw. */
  readonly throws: (address: bigint) => boolean;
  readonly symbol: (address: bigint) => string | undefined;
}

const LD_IMM64 = 0x18;
const CALL = 0x85;
const TAIL_CALL = 12;
const SUBPROG_CALL = 1;
const HIDDEN_SLOTS = 2;

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** One function of the dump, before anything is undone. */
interface Shown {
  readonly insns: readonly Insn[];
  readonly rows: readonly Decoded[];
  readonly prologue: Prologue;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Offset at which each slot's code begins, as far as that is known. */
  readonly lines: ReadonlyMap<number, number>;
}

/** Slots at which functions begin: told by type information, otherwise by the calls between them. */
function startsOf({ starts, ksyms }: ProgramInfo, insns: readonly Insn[]): number[] {
  if (starts.length === ksyms.length) return [...starts];
  const found: number[] = [0];
  const pcs = pcsOf(insns);
  insns.forEach(({ code, src, off, imm, imm64 = 0n }, i) => {
    if (code === CALL && src === SUBPROG_CALL) found[imm] = pcs[i]! + 1 + off;
    if (code !== LD_IMM64 || src !== BPF_PSEUDO_FUNC) return;
    found[Number(imm64 >> 32n)] = pcs[i]! + 1 + Number(BigInt.asIntN(32, imm64));
  });
  const known = Array.from(ksyms, (_, i) => found[i]);
  if (known.every((start) => start !== undefined)) return known as number[];
  throw new Hidden(
    'it was loaded without type information, and nothing calls one of its functions: nobody knows where that begins',
  );
}

function decodeAll(xlated: Uint8Array): readonly Insn[] {
  const decoded = decodeInsns(xlated);
  if (decoded.ok) return decoded.insns;
  throw new Hidden(`the kernel shows BPF that cannot be read: ${decoded.errors[0]!.message}`);
}

/** The functions, and the callback that stands behind them in the dump and nowhere else. */
function shownFunctions(info: ProgramInfo): { readonly functions: Shown[]; readonly slots: number } {
  const all = decodeAll(info.xlated);
  const starts = startsOf(info, all);
  const pcs = pcsOf(all);
  const slots = pcs[all.length]!;
  const prologues = info.functions.map((bytes, i) => {
    const rows = decode(bytes, info.ksyms[i]!);
    return { rows, prologue: readPrologue(rows) };
  });
  const order = starts.map((start, i) => ({ start, i })).sort((a, b) => a.start - b.start);
  const hidden = prologues[0]!.prologue.boundary && !prologues.some(({ prologue }) => prologue.exceptionCallback);
  const ends = new Map(order.map(({ i }, at) => [i, order[at + 1]?.start ?? slots]));
  const functions = info.functions.map((bytes, i): Shown => {
    const [first, end] = [starts[i]!, ends.get(i)!];
    const own = all.filter((_, at) => pcs[at]! >= first && pcs[at]! < end);
    const address = info.ksyms[i]!;
    const lines = new Map<number, number>();
    for (const [slot, at] of info.lines) {
      const inside = at >= address && at < address + BigInt(bytes.length);
      if (slot >= first && slot < end && inside) lines.set(slot - first, Number(at - address));
    }
    return { insns: own, ...prologues[i]!, address, bytes, lines };
  });
  return { functions: hidden ? withoutHidden(functions, order[order.length - 1]!.i) : functions, slots };
}

/** `r0 = r1; exit`, at the end of the dump. */
function withoutHidden(functions: readonly Shown[], last: number): Shown[] {
  return functions.map((fn, i) => {
    const [move, exit] = fn.insns.slice(-HIDDEN_SLOTS);
    const is = i === last && move?.code === 0xbf && move.dst === 0 && move.src === 1 && exit?.code === 0x95;
    return is ? { ...fn, insns: fn.insns.slice(0, -HIDDEN_SLOTS) } : fn;
  });
}

/** Machine instructions of each slot. */
function rowsBySlot({ rows, prologue, lines }: Shown): Map<number, Decoded[]> {
  const found = new Map<number, Decoded[]>();
  const ordered = [...lines].sort(([a], [b]) => a - b);
  let next = 0;
  for (const row of rows) {
    if (row.offset < prologue.end) continue;
    while (next + 1 < ordered.length && Math.max(prologue.end, ordered[next + 1]![1]) <= row.offset) next++;
    const slot = ordered[next]?.[0] ?? 0;
    found.set(slot, [...(found.get(slot) ?? []), row]);
  }
  return found;
}

const usesArena = (rows: readonly Decoded[]): boolean => rows.some(({ text }) => /\[[^\]]*\br12\b/.test(text));

/**
 * Loads that may fault begin with a constant in a scratch register: the addresses that they must not touch. The rows of a
 * load may be followed by those of others, of which the kernel does not say where they begin, as in may_goto.
 */
const probes = ([first, ...rest]: readonly Decoded[]): boolean => {
  const register = first?.constant?.register;
  return rest.length > 0 && (register === Gpr.r10 || register === Gpr.r11);
};

/** What is known of an instruction from the code of all of them. */
interface Known {
  /** Of a load of a map. */
  readonly map: bigint | undefined;
  /** Whether it is a load that may fault; undefined where its own code has to tell. */
  readonly probes: boolean | undefined;
}

function withMode(insn: Insn, rows: readonly Decoded[], arena: boolean, probing = probes(rows)): Insn {
  const kind = insnClass(insn);
  if (kind < BPF_LDX || kind > BPF_STX || kind === undefined || insnMode(insn) !== BPF_MEM) return insn;
  const mode = arena && usesArena(rows) ? BPF_PROBE_MEM32 : kind === BPF_LDX && probing ? BPF_PROBE_MEM : BPF_MEM;
  return { ...insn, code: (insn.code & ~0xe0) | mode };
}

function restoreInsn(insn: Insn, known: Known, rows: readonly Decoded[], fn: Shown, ksyms: readonly bigint[]): Insn {
  if (isMapLoad(insn)) return { ...insn, imm64: known.map! };
  if (insn.code === LD_IMM64 && insn.src === BPF_PSEUDO_FUNC) {
    return { ...insn, imm64: ksyms[Number((insn.imm64 ?? 0n) >> 32n)] ?? 0n };
  }
  return withMode(insn, rows, fn.prologue.arena !== null, known.probes);
}

const isTailCall = ({ code, src, imm }: Insn): boolean => code === CALL && src === 0 && imm === TAIL_CALL;

/** Deepest access through r10. */
function deepest(insns: readonly Insn[]): number {
  let depth = 0;
  insns.forEach((insn, i) => {
    const kind = insnClass(insn);
    const base = kind === BPF_LDX ? insn.src : kind === BPF_ST || kind === BPF_STX ? insn.dst : null;
    if (base === 10) depth = Math.max(depth, -insn.off);
    const next = insns[i + 1];
    if (insn.code === 0xbf && insn.src === 10 && next?.code === 0x07 && next.dst === insn.dst)
      depth = Math.max(depth, -next.imm);
  });
  return roundUp(depth, 8);
}

/** The upper half of the user's address of the arena: it is in the code of casts, if there is one. */
function arenaUserStart(rows: readonly Decoded[]): bigint {
  for (const { text } of rows) {
    const found = /^or e\w+, (0x[0-9a-f]+)$/.exec(text) ?? /^or r\d+d, (0x[0-9a-f]+)$/.exec(text);
    if (found) return BigInt(found[1]!) << 32n;
  }
  return 0n;
}

/** Undoes what a kernel disguises in the dump of a program. @throws Hidden, DecodeError */
export function restore(info: ProgramInfo, options: RestoreOptions): Restored {
  const { functions } = shownFunctions(info);
  const { ksyms } = info;
  const estimates: string[] = [];
  const funcs: CaptureFunction[] = [];
  const want: CaptureImage[] = [];
  functions.forEach((fn, index) => {
    const { prologue, bytes, address, rows } = fn;
    const bySlot = rowsBySlot(fn);
    const pcs = pcsOf(fn.insns);
    const body = rows.filter(({ offset }) => offset >= prologue.end);
    const maps = mapAddresses(fn.insns, body);
    // A compiler's lines are those of C: most instructions have none of their own.
    const byOrder = fn.lines.size < fn.insns.length ? probingLoads(fn.insns, body) : null;
    const insns = fn.insns.map((insn, i) => {
      const known = { map: maps.get(i), probes: byOrder?.has(i) };
      return restoreInsn(insn, known, bySlot.get(pcs[i]!) ?? [], fn, ksyms);
    });
    const tailCalls = fn.insns.flatMap((insn, i) => {
      if (!isTailCall(insn)) return [];
      return [bySlot.get(pcs[i]!)?.[0]?.text === 'mov edx, edx' ? 'indirect' : 'direct'] as const;
    });
    const throws = rows.some(({ flow, target }) => flow === 'call' && target !== null && options.throws(target));
    const known = options.depths[index];
    const isPrivate = prologue.privateFrame !== null;
    if (isPrivate && known === undefined) {
      estimates.push(`funcs[${index}].stack_depth: the deepest access through r10; the code does not tell more`);
    }
    const depth = isPrivate ? Math.max(roundUp(known ?? 0, 8), deepest(insns)) : prologue.kernelDepth;
    const { arena } = prologue;
    funcs.push({
      stack_depth: depth,
      is_subprog: index > 0,
      tail_call_reachable: prologue.tailCalls,
      exception_boundary: index === 0 && prologue.boundary && (arena === null || throws),
      exception_cb: prologue.exceptionCallback,
      priv_frame_ptr: isPrivate ? hex(prologue.privateFrame!) : null,
      arena_vm_start: arena === null ? null : hex(arena),
      ...(arena !== null && { arena_user_vm_start: hex(arenaUserStart(rows)) }),
      tail_calls: tailCalls,
      insns: Buffer.from(encodeInsns(insns)).toString('hex').match(/.{16}/g) ?? [],
    });
    const pseudo = new Map<number, number>();
    fn.insns.forEach((insn, i) => {
      if (insn.code !== LD_IMM64) return;
      for (const { offset } of bySlot.get(pcs[i]!) ?? []) pseudo.set(offset, insn.src);
    });
    const own = (at: bigint) => (ksyms.includes(at) ? `func${ksyms.indexOf(at)}` : undefined);
    const relocs = relocsOf({
      rows,
      address,
      size: bytes.length,
      pseudo: (offset) => pseudo.get(offset),
      symbol: (at) => own(at) ?? options.symbol(at),
    });
    const lines = [...fn.lines].sort(([a], [b]) => a - b);
    want.push({
      bytes: Buffer.from(bytes).toString('hex'),
      relocs,
      ...(lines.length > 0 && { lines: lines[0]![0] === 0 ? lines : [[0, 0] as const, ...lines] }),
    });
  });
  return { ksyms, funcs, want, hiddenCallback: hiddenCallback(info, functions), estimates };
}

/** The first two rows of the line map are the hidden callback's, where there is one. */
function hiddenCallback({ lines }: ProgramInfo, functions: readonly Shown[]): Restored['hiddenCallback'] {
  const hidden = functions[0]!.prologue.boundary && !functions.some(({ prologue }) => prologue.exceptionCallback);
  const [first, second] = lines;
  if (!hidden || !first || !second) return null;
  const outside = (at: bigint) =>
    functions.every(({ address, bytes }) => at < address || at >= address + BigInt(bytes.length));
  if (!outside(first[1]) || !outside(second[1])) return null;
  return { ksym: first[1], exit: Number(second[1] - first[1]) };
}
