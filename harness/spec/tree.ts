import type { TextError } from './issues';
import { MAX_BPF_STACK, suggest } from './jit';
import { oneOf } from './words';

/** A call in a tree: of a subprog, or of a helper or kfunc. */
export interface TreeCall {
  readonly kind: 'subprog' | 'kernel';
  readonly callee: string;
  readonly line: number;
  readonly column: number;
}

/** A subprog that a tree defines. */
export interface TreeSubprog {
  readonly name: string;
  /** Bytes of its frame. */
  readonly depth: number;
  readonly flags: ReadonlySet<TreeFlag>;
  readonly calls: TreeCall[];
  readonly line: number;
  readonly column: number;
}

/** Words after the depth. */
export const TREE_FLAGS = ['global'] as const;
export type TreeFlag = (typeof TREE_FLAGS)[number];

export interface TreeOptions {
  /** Helpers and kfuncs that a line may name. */
  readonly kernelNames: ReadonlySet<string>;
  /** Depths that replace those in the text (of a sweep). */
  readonly depths?: ReadonlyMap<string, number>;
}

/** The subprogs in the order of the text; the first is the main subprog. */
export type ParsedTree =
  | { readonly ok: true; readonly subprogs: readonly TreeSubprog[] }
  | { readonly ok: false; readonly errors: TextError[] };

/** Parses a call tree: indentation is call nesting, a line is `name depth [flags]` or the name of what is called. */
export function parseTree(text: string, options: TreeOptions): ParsedTree {
  const reader = new Reader(options);
  text.split('\n').forEach((line, at) => {
    reader.line(line, at + 1);
  });
  return reader.result();
}

interface Level {
  readonly indent: number;
  /** Undefined below a line that calls what stands elsewhere: nothing may stand there. */
  readonly subprog: TreeSubprog | undefined;
}

class Reader {
  readonly #subprogs = new Map<string, TreeSubprog>();
  readonly #errors: TextError[] = [];
  #levels: Level[] = [];

  constructor(private readonly options: TreeOptions) {}

  line(raw: string, line: number): void {
    const text = raw.replace(/\s*(#|\/\/).*$/, '').trimEnd();
    if (text === '') return;
    const indent = text.search(/\S/);
    const column = indent + 1;
    const tab = text.indexOf('\t');
    if (tab >= 0 && tab < indent) {
      this.#error(line, tab + 1, 'a tab in the indentation', 'spaces');
      return;
    }
    const parent = this.#parent(indent, line, column);
    if (parent === false) return;
    const [name, depth, ...flags] = text.trim().split(/\s+/) as [string, ...string[]];
    const subprog =
      depth === undefined
        ? this.#call(name, parent, line, column)
        : this.#define(name, depth, flags, parent, { text, line, column });
    this.#levels.push({ indent, subprog });
  }

  result(): ParsedTree {
    if (this.#errors.length === 0 && this.#subprogs.size === 0) {
      this.#error(1, 1, 'the tree is empty', 'a line `main 64`');
    }
    if (this.#errors.length > 0) return { ok: false, errors: this.#errors };
    return { ok: true, subprogs: [...this.#subprogs.values()] };
  }

  /** The subprog that a line of this indentation stands in; undefined for the first line, false after an error. */
  #parent(indent: number, line: number, column: number): TreeSubprog | undefined | false {
    const first = this.#levels[0];
    if (!first) return undefined;
    const above = this.#levels[this.#levels.length - 1]!;
    if (indent <= above.indent) {
      const known = this.#levels.map((each) => each.indent);
      this.#levels = this.#levels.filter((each) => each.indent < indent);
      if (!known.includes(indent)) {
        return this.#error(line, column, 'the indentation matches no line above', `${oneOf(known.map(String))} spaces`);
      }
      if (indent <= first.indent) {
        return this.#error(line, column, 'a second main subprog', 'everything but the first line to be indented');
      }
    }
    const parent = this.#levels[this.#levels.length - 1]!;
    if (parent.subprog) return parent.subprog;
    return this.#error(line, column, 'a call below a line that defines no subprog', '`name depth` on the line above');
  }

  #define(
    name: string,
    depthText: string,
    flagTexts: readonly string[],
    parent: TreeSubprog | undefined,
    { text, line, column }: { text: string; line: number; column: number },
  ): TreeSubprog {
    this.#checkNewName(name, line, column);
    const depthColumn = text.indexOf(depthText, column - 1 + name.length) + 1;
    const depth = this.options.depths?.get(name) ?? this.#depth(depthText, line, depthColumn);
    const flags = new Set<TreeFlag>();
    let from = depthColumn - 1 + depthText.length;
    for (const flag of flagTexts) {
      from = text.indexOf(flag, from);
      if (isFlag(flag)) flags.add(flag);
      else this.#error(line, from + 1, `unknown flag \`${flag}\``, oneOf(TREE_FLAGS), suggest(flag, TREE_FLAGS));
      from += flag.length;
    }
    const subprog: TreeSubprog = { name, depth, flags, calls: [], line, column };
    if (!this.#subprogs.has(name)) this.#subprogs.set(name, subprog);
    parent?.calls.push({ kind: 'subprog', callee: name, line, column });
    return subprog;
  }

  #checkNewName(name: string, line: number, column: number): void {
    const earlier = this.#subprogs.get(name);
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      this.#error(line, column, `\`${name}\` is no name for a subprog`, 'letters, digits and _');
    } else if (this.options.kernelNames.has(name)) {
      this.#error(line, column, `\`${name}\` is a helper or kfunc and has no depth`, 'the bare name');
    } else if (earlier) {
      const place = `line ${earlier.line} of the tree`;
      this.#error(line, column, `\`${name}\` is defined already, in ${place}`, 'the bare name, to call it again');
    }
  }

  #depth(text: string, line: number, column: number): number {
    const depth = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(depth)) {
      this.#error(line, column, `\`${text}\` is no depth`, `a whole number of bytes, 0 to ${MAX_BPF_STACK}`);
    } else if (depth > MAX_BPF_STACK) {
      this.#error(line, column, `frame of ${depth} bytes: the limit is ${MAX_BPF_STACK}`);
    }
    return depth;
  }

  #call(name: string, parent: TreeSubprog | undefined, line: number, column: number): undefined {
    if (!parent) {
      this.#error(line, column, 'the main subprog has no depth', `\`${name} 0\` when it has no frame`);
    } else if (this.options.kernelNames.has(name)) {
      parent.calls.push({ kind: 'kernel', callee: name, line, column });
    } else if (this.#levels.some((each) => each.subprog?.name === name)) {
      const chain = this.#levels.map((each) => each.subprog?.name);
      const cycle = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
      this.#error(line, column, `recursion: ${cycle}`, 'a tree without cycles');
    } else if (this.#subprogs.has(name)) {
      parent.calls.push({ kind: 'subprog', callee: name, line, column });
    } else {
      const expected = `${oneOf(this.#subprogs.keys())}, a helper or kfunc, or \`${name} depth\` to define it`;
      const known = [...this.#subprogs.keys(), ...this.options.kernelNames];
      this.#error(line, column, `unknown name \`${name}\``, expected, suggest(name, known));
    }
    return undefined;
  }

  #error(line: number, column: number, message: string, expected?: string, suggestion?: string): false {
    this.#errors.push({ line, column, message, expected, suggestion });
    return false;
  }
}

const isFlag = (word: string): word is TreeFlag => (TREE_FLAGS as readonly string[]).includes(word);
