import { asyncCallbacksOf, type Program, type ProgramType, validateProgram } from '../../jit';
import { adapt } from './adapt';
import { Btf, Kind } from './btf';
import { type BtfExt, readBtfExt } from './btf-ext';
import { CoreRelocator } from './core';
import { type ElfFile, type ElfSection, readElf } from './file';
import { type ElfFunction, isCode, readFunctions, TEXT } from './functions';
import { readKconfig } from './kconfig';
import { kernelBtf } from './kernel-btf';
import { sourceAt } from './lines';
import { type Linkable, type Linked, link } from './link';
import { type ElfMap, readMaps } from './maps';
import { type ElfIssue, ElfProblem, type SourceLine } from './problem';
import { type SectionKind, sectionKind, suggestSection } from './section-names';

/** One program of an object, with the subprogs that it reaches. */
export interface ElfProgram {
  readonly name: string;
  readonly section: string;
  readonly type: ProgramType;
  readonly attachType?: string | undefined;
  readonly program: Program;
  /** Per subprog, per instruction: the line of C, where the object has line info. */
  readonly sources: readonly (readonly (SourceLine | undefined)[])[];
  /** Per subprog, per instruction: `section .text + 0x18`. */
  readonly places: readonly (readonly string[])[];
  /** Subprogs, by index. */
  readonly exceptionCallback?: number | undefined;
  readonly asyncCallbacks: readonly number[];
}

export interface ElfObject {
  readonly programs: readonly ElfProgram[];
  readonly maps: readonly ElfMap[];
}

export type ElfResult =
  | { readonly ok: true; readonly object: ElfObject }
  | { readonly ok: false; readonly issues: readonly ElfIssue[] };

export interface ElfOptions {
  /** Only programs of this section, or of this name. */
  readonly section?: string | undefined;
  /** What a program is whose section does not say so. Default: kprobe. */
  readonly type?: ProgramType | undefined;
  /** The types of the kernel that programs adapt to: BTF as it is, or an ELF file that has it. Asked only when needed. */
  readonly kernelTypes?: (() => Uint8Array | undefined) | undefined;
}

const EXCEPTION_CALLBACK = 'exception_callback:';

/** A program that was found, not linked yet. */
interface Entry {
  readonly fn: ElfFunction;
  readonly kind: SectionKind;
}

/** Everything of one object, read as far as it is asked for. */
class ObjectReader {
  readonly #file: ElfFile;
  readonly #btf: Btf | undefined;
  readonly #ext: BtfExt | undefined;
  readonly #text: readonly ElfFunction[];
  readonly #adapted = new Map<ElfFunction, ElfFunction>();
  readonly #object: Linkable;
  #relocator: CoreRelocator | undefined;

  constructor(
    bytes: Uint8Array,
    private readonly options: ElfOptions,
  ) {
    // Of a Buffer: its `slice` would share the bytes.
    this.#file = readElf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const types = this.#section('.BTF');
    const ext = this.#section('.BTF.ext');
    this.#btf = types && new Btf(types.part);
    this.#ext = this.#btf && ext && readBtfExt(ext.part, this.#btf);
    const text = this.#section(TEXT);
    this.#text = text && isCode(text) ? readFunctions(this.#file, text) : [];
    this.#object = {
      subprogs: new Map(this.#text.map((fn) => [fn.start, fn])),
      maps: readMaps(this.#file, this.#btf),
      sectionNames: this.#file.sections.map(({ name }) => name),
      kconfig: readKconfig(this.#file, this.#btf),
      kfuncs: new Set(this.#btf?.ofKind(Kind.FUNC).map(({ name }) => name)),
      adapt: (fn) => this.#adapt(fn),
    };
  }

  get maps(): ElfMap[] {
    const { maps, kconfig } = this.#object;
    return [...maps.map(({ map }) => map), ...(kconfig ? [kconfig.map] : [])];
  }

  /** The programs that are asked for. @throws ElfProblem when there are none */
  entries(): Entry[] {
    const { section: wanted, type = 'kprobe' } = this.options;
    const sections = this.#file.sections.filter((each) => isCode(each) && each.name !== TEXT);
    const named =
      wanted === undefined ? sections : sections.filter(({ name }) => name === wanted || name === `?${wanted}`);
    if (wanted !== undefined && named.length === 0) return this.#byName(wanted, sections);
    const found = named.flatMap((section) => this.#programsOf(section));
    if (found.length > 0) return found;
    const main = this.#text.find(({ isGlobal }) => isGlobal) ?? this.#text[0];
    if (main) return [{ fn: main, kind: { type } }];
    throw new ElfProblem('the sections', 'there is no program', { expected: 'a function with `SEC("kprobe/...")`' });
  }

  /** The program of that name. */
  #byName(wanted: string, sections: readonly ElfSection[]): Entry[] {
    const symbol = this.#file.symbols.find(
      ({ name, section }) => name === wanted && sections.some((s) => s.index === section),
    );
    const entry = symbol && this.#programsOf(this.#file.sections[symbol.section]!).find(({ fn }) => fn.name === wanted);
    if (entry) return [entry];
    const expected = sections.map(({ name }) => name).join(', ');
    throw new ElfProblem(`section ${wanted}`, 'there is no such section of programs', { expected: expected || 'none' });
  }

  #programsOf(section: ElfSection): Entry[] {
    const functions = readFunctions(this.#file, section);
    const kind = sectionKind(section.name);
    if (!kind) {
      const suggestion = suggestSection(section.name);
      const hints = { expected: 'a program type, as `kprobe/NAME`', ...(suggestion !== undefined && { suggestion }) };
      throw new ElfProblem(section.part.name, 'the name says no type of programs', hints);
    }
    const local = functions.find(({ isGlobal }) => !isGlobal);
    if (!local) return functions.map((fn) => ({ fn, kind }));
    throw section.part.problem(local.start, `function ${local.name} is static`, `a global one, or one in ${TEXT}`);
  }

  read({ fn, kind }: Entry): ElfProgram {
    const { name, section } = fn;
    const callback = this.#exceptionCallback(name);
    const linked = link(fn, callback ? [callback] : [], this.#object);
    const { program, functions } = linked;
    this.#validate(linked);
    const exceptionCallback =
      callback && functions.findIndex(({ start, section: of }) => of.name === TEXT && start === callback.start);
    const line = (each: ElfFunction) => each.offsets.map((offset) => sourceAt(this.#ext, each, offset));
    return {
      name,
      section: section.name,
      ...kind,
      program,
      sources: functions.map(line),
      places: functions.map((each) => each.offsets.map((offset) => each.section.part.place(offset))),
      exceptionCallback,
      asyncCallbacks: asyncCallbacksOf(program),
    };
  }

  #section(name: string): ElfSection | undefined {
    return this.#file.sections.find((each) => each.name === name);
  }

  #adapt(fn: ElfFunction): ElfFunction {
    const known = this.#adapted.get(fn);
    if (known) return known;
    const records = this.#ext?.core.get(fn.section.name) ?? [];
    const at = (offset: number) => sourceAt(this.#ext, fn, offset);
    const adapted = adapt(fn, records, () => this.#relocations(fn), at);
    this.#adapted.set(fn, adapted);
    return adapted;
  }

  #relocations({ section }: ElfFunction): CoreRelocator {
    if (this.#relocator) return this.#relocator;
    const bytes = this.options.kernelTypes?.();
    if (!bytes) {
      throw new ElfProblem(section.part.name, 'its CO-RE relocations need the types of a kernel', {
        expected: 'BTF of a kernel: `--btf FILE`, or `btf` in a spec',
      });
    }
    this.#relocator = new CoreRelocator(this.#btf!, kernelBtf(bytes));
    return this.#relocator;
  }

  /** The function that a program's tag in BTF names. */
  #exceptionCallback(program: string): ElfFunction | undefined {
    const btf = this.#btf;
    const tag = btf?.ofKind(Kind.DECL_TAG).find((each) => {
      if (!each.name.startsWith(EXCEPTION_CALLBACK) || btf.tagComponent(each) !== -1) return false;
      const owner = btf.type(each.sizeOrType);
      return owner.kind === Kind.FUNC && owner.name === program;
    });
    if (!tag) return undefined;
    const name = tag.name.slice(EXCEPTION_CALLBACK.length);
    const found = this.#text.find((fn) => fn.name === name && fn.isGlobal);
    if (found) return found;
    throw new ElfProblem(`function ${program}`, `its exception callback \`${name}\` is no global function of ${TEXT}`);
  }

  #validate({ program, functions }: Linked): void {
    const error = validateProgram(program)[0];
    if (!error) return;
    const fn = functions[error.at.subprog]!;
    const offset = fn.offsets[error.at.insn]!;
    const source = sourceAt(this.#ext, fn, offset);
    const message = error.text === '' ? error.message : `${error.text}: ${error.message}`;
    throw new ElfProblem(fn.section.part.place(offset), message, source ? { source } : {});
  }
}

/** Runs work; what is wrong with the object becomes an issue. */
function attempt<T>(issues: ElfIssue[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ElfProblem)) throw error;
    issues.push(error.issue);
    return undefined;
  }
}

/**
 * Programs and maps of an object made by `clang -target bpf`: relocated and linked as libbpf does, but not loaded.
 *
 * @param bytes the object. Nothing but the result tells what is wrong with it: any bytes give one, in a time that goes with
 * their number.
 */
export function readObject(bytes: Uint8Array, options: ElfOptions = {}): ElfResult {
  const issues: ElfIssue[] = [];
  const object = attempt(issues, () => {
    const reader = new ObjectReader(bytes, options);
    const programs = reader.entries().map((entry) => attempt(issues, () => reader.read(entry)));
    return { programs: programs.filter((each) => each !== undefined), maps: reader.maps };
  });
  if (object && issues.length === 0) return { ok: true, object };
  // What is wrong with a subprog is wrong in every program that reaches it.
  return {
    ok: false,
    issues: [...new Map(issues.map((issue) => [`${issue.place}: ${issue.message}`, issue])).values()],
  };
}
