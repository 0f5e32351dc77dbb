import {
  BPF_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  type Insn,
  isLdImm64,
  MAX_SUBPROGS,
  type Program,
} from '../../jit';
import { type ElfSymbol, type Relocation, SHN_UNDEF, STB_WEAK, STT_FUNC, STT_SECTION } from './file';
import { type ElfFunction, INSN_BYTES, TEXT } from './functions';
import type { Kconfig } from './kconfig';
import type { PlacedMap } from './maps';
import type { ElfProblem } from './problem';

/** What an object has for its programs to refer to. */
export interface Linkable {
  /** Functions that are no programs, by where they begin in `.text`. */
  readonly subprogs: ReadonlyMap<number, ElfFunction>;
  readonly maps: readonly PlacedMap[];
  /** Names of sections, by index. */
  readonly sectionNames: readonly string[];
  readonly kconfig: Kconfig | undefined;
  /** Names of the kernel's functions that the object declares. */
  readonly kfuncs: ReadonlySet<string>;
  /** A function adapted to the kernel's types. @throws ElfProblem */
  adapt(fn: ElfFunction): ElfFunction;
}

/** A program with all that it calls. */
export interface Linked {
  readonly program: Program;
  /** Of each subprog. */
  readonly functions: readonly ElfFunction[];
}

const R_64_64 = 1;
const R_64_32 = 10;

const isCall = ({ code, src }: Insn): boolean => code === (BPF_JMP | BPF_CALL) && src === BPF_PSEUDO_CALL;
const isFuncRef = (insn: Insn): boolean => isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC;
const low = ({ imm64 = 0n }: Insn): number => Number(BigInt.asIntN(32, imm64));

/** Links one program: itself first, then what it calls, each before what it calls itself (libbpf's order). */
class Linker {
  readonly #order: ElfFunction[] = [];
  readonly #index = new Map<ElfFunction, number>();
  readonly #insns: Insn[][] = [];
  readonly #kfuncs: string[] = [];
  readonly #maps: string[] = [];

  constructor(private readonly object: Linkable) {}

  /** Adds a function and all that it calls; the index of its subprog. */
  add(written: ElfFunction): number {
    const known = this.#index.get(written);
    if (known !== undefined) return known;
    const fn = this.object.adapt(written);
    const index = this.#order.length;
    if (index === MAX_SUBPROGS) throw problem(fn, fn.start, `a program has at most ${MAX_SUBPROGS} subprogs`);
    this.#order.push(fn);
    this.#index.set(written, index);
    const insns: Insn[] = [];
    this.#insns.push(insns);
    fn.insns.forEach((insn, i) => {
      insns.push(this.#resolve(fn, insn, fn.offsets[i]!));
    });
    return index;
  }

  result(name: string): Linked {
    const taken = new Map<string, number>();
    const subprogs = this.#order.map((fn, index) => {
      // Static functions of several files may share a name.
      const times = taken.get(fn.name) ?? 0;
      taken.set(fn.name, times + 1);
      const own = times === 0 ? fn.name : `${fn.name}.${times}`;
      const insns = this.#insns[index]!;
      return { name: own, insns, ...(index > 0 && fn.isGlobal && { isGlobal: true }) };
    });
    return { program: { name, subprogs, kfuncs: this.#kfuncs, maps: this.#maps }, functions: this.#order };
  }

  #resolve(fn: ElfFunction, insn: Insn, offset: number): Insn {
    const relocation = fn.relocations.get(offset);
    if (relocation) return this.#relocate(fn, insn, offset, relocation);
    if (isCall(insn)) return { ...insn, imm: this.#subprogAt(fn, offset, offset + (insn.imm + 1) * INSN_BYTES) };
    if (isFuncRef(insn)) throw problem(fn, offset, 'the address of a function without a relocation');
    if (isLdImm64(insn) && insn.src !== 0) throw problem(fn, offset, `a load of kind ${insn.src} without a relocation`);
    return insn;
  }

  /** A function of the caller's own section, or of `.text`, that begins at an offset. */
  #subprogAt(fn: ElfFunction, offset: number, target: number, section = fn.section.name): number {
    const callee = section === TEXT ? this.object.subprogs.get(target) : undefined;
    if (callee) return this.add(callee);
    const where = `${section} ${target < 0 ? '-' : '+'} 0x${Math.abs(target).toString(16)}`;
    throw problem(fn, offset, `refers to ${where}, where no subprog begins`, `a function of ${TEXT}`);
  }

  #relocate(fn: ElfFunction, insn: Insn, offset: number, { type, symbol }: Relocation): Insn {
    const to = `\`${symbol.name}\``;
    const wants = isCall(insn) ? R_64_32 : isLdImm64(insn) ? R_64_64 : undefined;
    if (type !== wants) {
      throw problem(fn, offset, `relocation of type ${type} to ${to} at an instruction that takes none of that type`);
    }
    if (symbol.section === SHN_UNDEF) return this.#external(fn, insn, offset, symbol);
    const section = this.object.sectionNames[symbol.section] ?? `#${symbol.section}`;
    const addend = isCall(insn) ? (insn.imm + 1) * INSN_BYTES : low(insn);
    if (isCall(insn)) return { ...insn, imm: this.#subprogAt(fn, offset, symbol.value + addend, section) };
    if (symbol.type === STT_FUNC || (symbol.type === STT_SECTION && section === TEXT)) {
      const subprog = this.#subprogAt(fn, offset, symbol.value + addend, section);
      return { ...insn, src: BPF_PSEUDO_FUNC, imm64: BigInt(subprog) };
    }
    const here = this.object.maps.filter((each) => each.section === symbol.section);
    const map = here.find((each) => each.offset === undefined || each.offset === symbol.value);
    if (!map) throw problem(fn, offset, `refers to ${to} in section ${section}, which is no map and no global data`);
    const index = BigInt(indexOf(this.#maps, map.map.name));
    if (map.offset !== undefined) return { ...insn, src: BPF_PSEUDO_MAP_FD, imm64: index };
    const at = symbol.value + addend;
    if (at < 0 || at > map.map.valueSize) {
      throw problem(fn, offset, `refers to byte ${at} of ${section}, which has ${map.map.valueSize}`);
    }
    return { ...insn, src: BPF_PSEUDO_MAP_VALUE, imm64: (BigInt(at) << 32n) | index };
  }

  /** What the kernel has: a kfunc that is called or asked for, or a word of its configuration. */
  #external(fn: ElfFunction, insn: Insn, offset: number, { name, bind }: ElfSymbol): Insn {
    const { kconfig, kfuncs } = this.object;
    if (isCall(insn)) return { ...insn, src: BPF_PSEUDO_KFUNC_CALL, imm: indexOf(this.#kfuncs, name) };
    const at = kconfig?.offsets.get(name);
    if (kconfig && at !== undefined) {
      const index = BigInt(indexOf(this.#maps, kconfig.map.name));
      return { ...insn, src: BPF_PSEUDO_MAP_VALUE, imm64: (BigInt(at) << 32n) | index };
    }
    // A kfunc that is asked for is there, a variable of the kernel is not: of the kernel there is only what programs call.
    if (kfuncs.has(name)) return { ...insn, src: 0, imm64: 1n };
    if (bind === STB_WEAK) return { ...insn, src: 0, imm64: 0n };
    throw problem(fn, offset, `\`${name}\` is a variable of the kernel, of which none is modelled`, 'a weak one');
  }
}

function indexOf(names: string[], name: string): number {
  const known = names.indexOf(name);
  return known >= 0 ? known : names.push(name) - 1;
}

const problem = ({ section }: ElfFunction, offset: number, message: string, expected?: string): ElfProblem =>
  section.part.problem(offset, message, expected);

/**
 * A program with every function of `.text` that it reaches by calls or as a callback, and those that `also` names, which
 * nothing in it refers to. @throws ElfProblem
 */
export function link(main: ElfFunction, also: readonly ElfFunction[], object: Linkable): Linked {
  const linker = new Linker(object);
  for (const fn of [main, ...also]) linker.add(fn);
  return linker.result(main.name);
}
