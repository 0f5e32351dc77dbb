import {
  BPF_HELPER_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  decodeInsns,
  HELPERS,
  type Insn,
  type Program,
} from '../../jit';
import { type Callee, Callees, callsKernel } from './callees';
import type { Capture, LocatedCapture } from './capture';

/** A map as captured programs have it. */
export interface PlacedMap {
  readonly name: string;
  /** What programs hand over as the map; null where they only know its values. */
  readonly pointer: bigint | null;
  readonly values: bigint;
  /** Bytes of all values. */
  readonly size: number;
  readonly maxEntries: number;
  /** What its values begin with; zeros follow. */
  readonly init: Uint8Array;
  /** The values that lookups find, of bytes each; undefined where it is not known that they are looked up. */
  readonly elements?: { readonly bytes: number; readonly stride: number; readonly count: number };
}

/** A captured program by names, as a spec would have it: calls by helper or kfunc, maps and subprogs by index. */
export interface ReadProgram {
  readonly program: Program;
  readonly callees: readonly Callee[];
  readonly maps: readonly PlacedMap[];
}

/** Bytes of values where nothing says how many there are. */
const UNKNOWN_SIZE = 4096;
const LD_IMM64 = 0x18;
/** BPF_CALL of a kfunc. */
const KFUNC_CALL = 2;

export const subprogName = (index: number): string => (index === 0 ? 'main' : `func${index}`);

/** The instructions of each function, as the JIT was given them. */
export function requestInsns({ request }: Capture): readonly (readonly Insn[])[] {
  return request.funcs.map(({ insns }) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error(decoded.errors[0]!.message);
    return decoded.insns;
  });
}

const loads = (insns: readonly (readonly Insn[])[], src: number): bigint[] => [
  ...new Set(insns.flat().flatMap((insn) => (insn.code === LD_IMM64 && insn.src === src ? [insn.imm64 ?? 0n] : []))),
];

/** Maps whose values are there from the beginning. */
const HAVE_VALUES: ReadonlySet<string> = new Set(['array', 'prog_array']);

/** Values of arrays stand at multiples of 8 (array_map_alloc(), kernel/bpf/arraymap.c). */
const strideOf = (bytes: number): number => Math.ceil(bytes / 8) * 8;

const UNKNOWN = { init: new Uint8Array(), maxEntries: 1 } as const;

/** The maps that a capture describes, or as far as the addresses in its code tell. */
function mapsOf({ maps }: Capture, insns: readonly (readonly Insn[])[], arrayValues: number): PlacedMap[] {
  if (maps) {
    return maps.flatMap(({ name, type, pointer, value, value_size, max_entries, init = '' }): PlacedMap[] => {
      const at = pointer === null ? null : BigInt(pointer);
      const values = value === null ? at && at + BigInt(arrayValues) : BigInt(value);
      if (values === null) return [];
      const stride = strideOf(value_size);
      const size = HAVE_VALUES.has(type) ? stride * max_entries : 0;
      const bytes = Uint8Array.from(Buffer.from(init, 'hex'));
      const map = { name, pointer: at, values, size, maxEntries: max_entries, init: bytes };
      if (type === 'prog_array') return [map];
      return [{ ...map, elements: { bytes: value_size, stride, count: type === 'array' ? max_entries : 0 } }];
    });
  }
  const found: PlacedMap[] = [];
  const ordered = (list: readonly bigint[]) => [...list].sort((a, b) => (a < b ? -1 : 1));
  const pointers = ordered(loads(insns, BPF_PSEUDO_MAP_FD));
  for (const [i, pointer] of pointers.entries()) {
    const values = pointer + BigInt(arrayValues);
    const room = pointers[i + 1] === undefined ? UNKNOWN_SIZE : Number(pointers[i + 1]! - values);
    const size = Math.max(0, Math.min(UNKNOWN_SIZE, room));
    found.push({ name: `map${found.length}`, pointer, values, size, ...UNKNOWN });
  }
  for (const address of ordered(loads(insns, BPF_PSEUDO_MAP_VALUE))) {
    const inside = found.some(({ values, size }) => address >= values && address < values + BigInt(size));
    if (inside) continue;
    found.push({ name: `map${found.length}`, pointer: null, values: address, size: UNKNOWN_SIZE, ...UNKNOWN });
  }
  return found;
}

/** Reads a captured program: addresses become names. */
export function readProgram({ capture, machine }: LocatedCapture, arrayValues: number): ReadProgram {
  const functions = requestInsns(capture);
  const callees = new Callees(capture, machine);
  const maps = mapsOf(capture, functions, arrayValues);
  const ksyms = capture.request.ksyms.map(BigInt);
  const reference = (insn: Insn): bigint | null => {
    const { src, imm64 = 0n } = insn;
    if (src === BPF_PSEUDO_FUNC) return BigInt(Math.max(0, ksyms.indexOf(imm64)));
    if (src === BPF_PSEUDO_MAP_FD) return BigInt(maps.findIndex(({ pointer }) => pointer === imm64));
    if (src !== BPF_PSEUDO_MAP_VALUE) return null;
    const index = maps.findIndex(({ values, size }) => imm64 >= values && imm64 < values + BigInt(size));
    return BigInt(index) | ((imm64 - maps[index]!.values) << 32n);
  };
  const named = functions.map((insns) =>
    insns.map((insn, i): Insn => {
      if (insn.code === LD_IMM64) {
        const imm64 = reference(insn);
        return imm64 === null ? insn : { ...insn, imm64 };
      }
      if (!callsKernel(insn)) return insn;
      const { name } = callees.of(insn, insns[i - 1]);
      const id = HELPERS.id(name);
      if (id !== undefined) return { ...insn, src: BPF_HELPER_CALL, imm: id };
      return { ...insn, src: KFUNC_CALL, off: 0, imm: callees.kfuncs.indexOf(name) };
    }),
  );
  const program = {
    name: capture.name,
    subprogs: named.map((insns, i) => ({ name: subprogName(i), insns })),
    kfuncs: callees.kfuncs,
    maps: maps.map(({ name }) => name),
  };
  return { program, callees: callees.all, maps };
}
