import type { Part } from './part';

/** Kinds of BTF types (Documentation/bpf/btf.rst). */
export const Kind = {
  VOID: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

const KIND_NAMES = Object.keys(Kind).map((name) => name.toLowerCase());

/** Bytes of a type behind its first 12: a fixed number, and one for each of its `vlen` entries. */
const TAILS: Readonly<Record<number, { readonly fixed?: number; readonly each?: number }>> = {
  [Kind.INT]: { fixed: 4 },
  [Kind.PTR]: {},
  [Kind.ARRAY]: { fixed: 12 },
  [Kind.STRUCT]: { each: 12 },
  [Kind.UNION]: { each: 12 },
  [Kind.ENUM]: { each: 8 },
  [Kind.FWD]: {},
  [Kind.TYPEDEF]: {},
  [Kind.VOLATILE]: {},
  [Kind.CONST]: {},
  [Kind.RESTRICT]: {},
  [Kind.FUNC]: {},
  [Kind.FUNC_PROTO]: { each: 8 },
  [Kind.VAR]: { fixed: 4 },
  [Kind.DATASEC]: { each: 12 },
  [Kind.FLOAT]: {},
  [Kind.DECL_TAG]: { fixed: 4 },
  [Kind.TYPE_TAG]: {},
  [Kind.ENUM64]: { each: 12 },
};

const MODIFIERS: ReadonlySet<number> = new Set([Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG]);

/** Longest chain of types that refer to each other (MAX_RESOLVE_DEPTH is libbpf's, tools/lib/bpf/btf.c). */
const MAX_DEPTH = 32;
/** What has more bytes does not fit into a program's world. */
const MAX_SIZE = 2 ** 32;
const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;

export interface BtfType {
  readonly id: number;
  readonly kind: number;
  readonly name: string;
  /** Number of members, values, parameters or variables; of a function its linkage. */
  readonly vlen: number;
  /** Of a struct: members may be bit fields; of an enum: its values are signed. */
  readonly flag: boolean;
  /** In bytes, of what has a size of its own; else the id of the type that it refers to. */
  readonly sizeOrType: number;
  /** Where its first entry is. */
  readonly tail: number;
}

/** A member of a struct or union. */
export interface Member {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 unless it is a bit field. */
  readonly bitSize: number;
}

export interface Variable {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

const VOID: BtfType = { id: 0, kind: Kind.VOID, name: '', vlen: 0, flag: false, sizeOrType: 0, tail: 0 };

/** Types of C, decoded when they are asked for. Everything throws ElfProblem where the bytes are wrong. */
export class Btf {
  readonly #types: Part;
  readonly #strings: Part;
  readonly #starts: number[] = [0];
  readonly #decoded = new Map<number, BtfType>();
  #byName: Map<string, number[]> | undefined;

  constructor(part: Part) {
    part.need(0, HEADER_BYTES, 'the header');
    if (part.u16(0) !== MAGIC) throw part.problem(0, 'not BTF in little endian', `0x${MAGIC.toString(16)}`);
    if (part.u8(2) !== 1) throw part.problem(2, `version ${part.u8(2)}`, '1');
    const start = part.u32(4);
    this.#types = part.slice(start + part.u32(8), part.u32(12), `${part.name}, types`, 'the types');
    this.#strings = part.slice(start + part.u32(16), part.u32(20), `${part.name}, strings`, 'the strings');
    for (let at = 0; at < this.#types.size; ) {
      this.#starts.push(at);
      at += this.#sizeAt(at);
    }
  }

  /** Bytes of the type at an offset. */
  #sizeAt(at: number): number {
    const info = this.#types.u32(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const tail = TAILS[kind];
    if (!tail) throw this.#types.problem(at, `type of kind ${kind}`, `1 to ${Kind.ENUM64}`);
    const size = TYPE_BYTES + (tail.fixed ?? 0) + (tail.each ?? 0) * (info & 0xffff);
    this.#types.need(at, size, `a type (${KIND_NAMES[kind]})`);
    return size;
  }

  /** One more than the last id. */
  get count(): number {
    return this.#starts.length;
  }

  string(offset: number): string {
    return this.#strings.text(offset);
  }

  /** A line of source: of a very long one the beginning. */
  line(offset: number): string {
    return this.#strings.text(offset, true);
  }

  type(id: number): BtfType {
    if (id === 0) return VOID;
    const known = this.#decoded.get(id);
    if (known) return known;
    const at = this.#starts[id];
    if (at === undefined) throw this.#types.problem(0, `there is no type ${id}, the last one is ${this.count - 1}`);
    const info = this.#types.u32(at + 4);
    const type: BtfType = {
      id,
      kind: (info >>> 24) & 0x1f,
      name: this.string(this.#types.u32(at)),
      vlen: info & 0xffff,
      flag: info >>> 31 === 1,
      sizeOrType: this.#types.u32(at + 8),
      tail: at + TYPE_BYTES,
    };
    this.#decoded.set(id, type);
    return type;
  }

  /** What is wrong with a type. */
  problem({ id, name }: BtfType, message: string, expected?: string) {
    return this.#types.problem(this.#starts[id]!, `type ${id}${name === '' ? '' : ` (${name})`}: ${message}`, expected);
  }

  /** Ids of all types whose name without flavour is this. */
  named(name: string): readonly number[] {
    if (!this.#byName) {
      this.#byName = new Map();
      for (let id = 1; id < this.count; id++) {
        const essential = essentialName(this.string(this.#types.u32(this.#starts[id]!)));
        const list = this.#byName.get(essential);
        if (list) list.push(id);
        else this.#byName.set(essential, [id]);
      }
    }
    return this.#byName.get(name) ?? [];
  }

  /** All types of a kind, in order. */
  ofKind(kind: number): BtfType[] {
    const found: BtfType[] = [];
    for (let id = 1; id < this.count; id++) {
      if (((this.#types.u32(this.#starts[id]! + 4) >>> 24) & 0x1f) === kind) found.push(this.type(id));
    }
    return found;
  }

  member(type: BtfType, index: number): Member {
    const at = type.tail + index * 12;
    const word = this.#types.u32(at + 8);
    return {
      name: this.string(this.#types.u32(at)),
      type: this.#types.u32(at + 4),
      bitOffset: type.flag ? word & 0xffffff : word,
      bitSize: type.flag ? word >>> 24 : 0,
    };
  }

  members(type: BtfType): Member[] {
    return Array.from({ length: type.vlen }, (_, index) => this.member(type, index));
  }

  /** The value of an enumerator, as 64 bits. */
  enumerator(type: BtfType, index: number): { readonly name: string; readonly value: bigint } {
    const at = type.tail + index * (type.kind === Kind.ENUM64 ? 12 : 8);
    const low = this.#types.u32(at + 4);
    const name = this.string(this.#types.u32(at));
    if (type.kind === Kind.ENUM64) return { name, value: (BigInt(this.#types.u32(at + 8)) << 32n) | BigInt(low) };
    return { name, value: BigInt.asUintN(64, type.flag ? BigInt(low | 0) : BigInt(low)) };
  }

  array(type: BtfType): { readonly element: number; readonly count: number } {
    return { element: this.#types.u32(type.tail), count: this.#types.u32(type.tail + 8) };
  }

  int(type: BtfType): { readonly signed: boolean; readonly offset: number } {
    const word = this.#types.u32(type.tail);
    return { signed: ((word >>> 24) & 1) === 1, offset: (word >>> 16) & 0xff };
  }

  parameterType(type: BtfType, index: number): number {
    return this.#types.u32(type.tail + index * 8 + 4);
  }

  /** Which part of what it is about a tag is for: -1 for all of it. */
  tagComponent(type: BtfType): number {
    return this.#types.i32(type.tail);
  }

  variables(type: BtfType): Variable[] {
    return Array.from({ length: type.vlen }, (_, index) => {
      const at = type.tail + index * 12;
      return { type: this.#types.u32(at), offset: this.#types.u32(at + 4), size: this.#types.u32(at + 8) };
    });
  }

  /** The type behind typedefs, const, volatile, restrict and tags. */
  bare(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; MODIFIERS.has(type.kind); depth++) {
      if (depth === MAX_DEPTH) throw this.problem(type, `more than ${MAX_DEPTH} types that refer to each other`);
      type = this.type(type.sizeOrType);
    }
    return type;
  }

  /** Bytes of a value. @throws ElfProblem for what has no size: void, functions, a circle of arrays */
  sizeOf(id: number): number {
    let count = 1;
    let type = this.bare(id);
    for (let depth = 0; type.kind === Kind.ARRAY; depth++) {
      if (depth === MAX_DEPTH) throw this.problem(type, `arrays of more than ${MAX_DEPTH} dimensions`);
      const array = this.array(type);
      count *= array.count;
      type = this.bare(array.element);
    }
    const size = type.kind === Kind.PTR ? 8 : SIZED.has(type.kind) ? type.sizeOrType : undefined;
    if (size === undefined) throw this.problem(type, `a ${KIND_NAMES[type.kind]} has no size`);
    if (count * size > MAX_SIZE) throw this.problem(type, `a value of ${count * size} bytes`, `at most ${MAX_SIZE}`);
    return count * size;
  }
}

const SIZED: ReadonlySet<number> = new Set([
  Kind.INT,
  Kind.STRUCT,
  Kind.UNION,
  Kind.ENUM,
  Kind.ENUM64,
  Kind.FLOAT,
  Kind.DATASEC,
]);

/** A name without its flavour: `task_struct___old` is `task_struct` (tools/lib/bpf/relo_core.c). */
export const essentialName = (name: string): string => {
  const flavour = /^(.*[^_])___[^_]/s.exec(name);
  return flavour ? flavour[1]! : name;
};
