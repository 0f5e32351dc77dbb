import type { Layout, PlacedInsn, SubprogLayout } from './layout';
import { type HelperTable, KFUNCS } from './names';
import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL } from './opcodes';
import type { Problem, ReadContext, Rules } from './operand';
import { suggest } from './suggest';
import type { Captured } from './tokens';

interface Names {
  readonly helpers: HelperTable;
  readonly kfuncs?: readonly string[];
  readonly maps?: readonly string[];
}

/** How a call is written that has no name: the printer's `func#1`, and what the verifier's log says. */
const NAMELESS: ReadonlyMap<string, number> = new Map([
  ['unknown', BPF_HELPER_CALL],
  ['func', BPF_PSEUDO_CALL],
  ['kfunc', BPF_PSEUDO_KFUNC_CALL],
]);

/** Turns the names of a text into the numbers of a program, and collects the kfuncs and maps that are used. */
export class Resolver {
  readonly kfuncs: string[];
  readonly maps: string[];
  readonly #layout: Layout;
  readonly #helpers: HelperTable;
  readonly #knownKfuncs: ReadonlySet<string>;
  readonly #mayAddMaps: boolean;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #starts: ReadonlyMap<number, number>;
  readonly #kfuncIndices: Map<string, number>;

  constructor(layout: Layout, names: Names) {
    this.#layout = layout;
    this.kfuncs = [...layout.kfuncs];
    this.maps = [...(names.maps ?? layout.maps)];
    this.#helpers = names.helpers;
    this.#knownKfuncs = new Set([...(names.kfuncs ?? KFUNCS), ...layout.kfuncs]);
    this.#mayAddMaps = names.maps === undefined && layout.maps.length === 0;
    this.#indices = new Map(layout.subprogs.map(({ name }, i) => [name, i]));
    this.#starts = new Map(layout.subprogs.map(({ start }, i) => [start, i]));
    this.#kfuncIndices = new Map(this.kfuncs.map((name, i) => [name, i]));
  }

  /** What the operands of one instruction resolve their names with. */
  contextOf(subprog: SubprogLayout, { statement, pc }: PlacedInsn, rules: Rules): ReadContext {
    return {
      rules,
      dump: statement.dump,
      distance: (captured) => this.#distance(captured, subprog, pc - subprog.start),
      callee: (captured) => this.#callee(captured, pc),
      subprog: ({ name }) => this.#indices.get(name!) ?? unknown('subprog', name!, this.#indices.keys()),
      map: ({ name }) => this.#map(name!),
    };
  }

  #distance({ name, number, relative }: Captured, subprog: SubprogLayout, pc: number): number | Problem {
    if (relative) return Number(number);
    const target = name === subprog.name ? 0 : subprog.labels.get(name!);
    if (target !== undefined) return target - (pc + 1);
    const owner = this.#layout.subprogs.find((other) => other.name === name || other.labels.has(name!));
    if (owner)
      return {
        message: `label \`${name}\` is in subprog \`${owner.name}\`; a jump stays in its subprog (\`${subprog.name}\`)`,
      };
    return unknown('label', name!, subprog.labels.keys());
  }

  #callee({ name, number, relative }: Captured, pc: number): { src: number; imm: number } | Problem {
    if (relative) {
      const target = pc + 1 + Number(number);
      const subprog = this.#starts.get(target);
      if (subprog === undefined) return { message: `call of slot ${target}, where no instruction begins` };
      return { src: BPF_PSEUDO_CALL, imm: subprog };
    }
    if (name === undefined) return numbered(BPF_HELPER_CALL, number!);
    const subprog = number === undefined ? this.#indices.get(name) : undefined;
    if (subprog !== undefined) return { src: BPF_PSEUDO_CALL, imm: subprog };
    const kind = NAMELESS.get(name);
    if (kind !== undefined && number !== undefined) return numbered(kind, number);
    const helper = this.#helpers.id(name);
    if (helper !== undefined) {
      if (number === undefined || number === BigInt(helper)) return { src: BPF_HELPER_CALL, imm: helper };
      return { message: `${name} is helper ${helper}, not ${number}`, suggestion: `${name}#${helper}` };
    }
    // Behind the name of a kfunc the verifier's log shows its BTF id in that kernel.
    if (this.#knownKfuncs.has(name)) return { src: BPF_PSEUDO_KFUNC_CALL, imm: this.#kfunc(name) };
    const known = [...this.#indices.keys(), ...this.#helpers.names, ...this.#knownKfuncs];
    return unknown('function', name, known);
  }

  #kfunc(name: string): number {
    const known = this.#kfuncIndices.get(name);
    if (known !== undefined) return known;
    this.#kfuncIndices.set(name, this.kfuncs.length);
    return this.kfuncs.push(name) - 1;
  }

  #map(name: string): number | Problem {
    const index = this.maps.indexOf(name);
    if (index >= 0) return index;
    return this.#mayAddMaps ? this.maps.push(name) - 1 : unknown('map', name, this.maps);
  }
}

function numbered(src: number, number: bigint): { src: number; imm: number } | Problem {
  if (BigInt.asIntN(32, number) !== number) return { message: `${number} does not fit in 32 bits` };
  return { src, imm: Number(number) };
}

function unknown(what: string, name: string, known: Iterable<string>): Problem {
  const suggestion = suggest(name, known);
  const message = `unknown ${what} \`${name}\`${suggestion === undefined ? '' : `, did you mean \`${suggestion}\`?`}`;
  return suggestion === undefined ? { message } : { message, suggestion };
}
