import type { TextError } from './issues';
import { MAX_BPF_STACK, suggest } from './jit';
import { callbackHelper } from './tree-callbacks';
import { oneOf } from './words';

/** A call in a tree: of a subprog, or of a helper or kfunc. */
export interface TreeCall {
  readonly kind: 'subprog' | 'kernel';
  readonly callee: string;
  /** The subprog that the helper is handed, and how many rounds it goes, where it takes such. */
  readonly callback?: string;
  readonly rounds?: number;
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
export const TREE_FLAGS = ['global', 'async', 'exception_callback'] as const;
export type TreeFlag = (typeof TREE_FLAGS)[number];

/** Flags of subprogs that nothing in the tree calls: each stands at the indentation of the main one. */
const UNCALLED: ReadonlySet<TreeFlag> = new Set(['async', 'exception_callback']);

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

/**
 * Parses a call tree: indentation is call nesting, a line is `name depth [flags]` or the name of what is called. Below a
 * helper that takes a callback stands that one subprog.
 */
export function parseTree(text: string, options: TreeOptions): ParsedTree {
  const reader = new Reader(options);
  text.split('\n').forEach((line, at) => {
    reader.line(line, at + 1);
  });
  return reader.result();
}

/** A call that is read before its callback is. */
type OpenCall = { -readonly [K in keyof TreeCall]: TreeCall[K] };

interface Level {
  readonly indent: number;
  /** What may stand below: calls of a subprog, or the callback of a helper. Nothing else has anything below it. */
  readonly subprog?: TreeSubprog;
  readonly taker?: OpenCall;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

class Reader {
  readonly #subprogs = new Map<string, TreeSubprog>();
  readonly #takers: OpenCall[] = [];
  readonly #errors: TextError[] = [];
  #levels: Level[] = [];
  /** Indentation of the main subprog. */
  #outermost: number | undefined;

  constructor(private readonly options: TreeOptions) {}

  line(raw: string, line: number): void {
    const text = raw.replace(/\s*(#|\/\/).*$/, '').trimEnd();
    if (text === '') return;
    const indent = text.search(/\S/);
    const place = { line, column: indent + 1 };
    const tab = text.indexOf('\t');
    if (tab >= 0 && tab < indent) {
      this.#error({ line, column: tab + 1 }, 'a tab in the indentation', 'spaces');
      return;
    }
    const parent = this.#parent(indent, place);
    if (parent === false) return;
    const [name, ...words] = wordsOf(text) as [Word, ...Word[]];
    const takes = this.options.kernelNames.has(name.text) && callbackHelper(name.text) !== undefined;
    if (takes) this.#levels.push({ indent, ...this.#take(name.text, words, parent, place) });
    else if (words.length > 0) this.#levels.push({ indent, subprog: this.#define(name.text, words, parent, place) });
    else {
      this.#call(name.text, parent, place);
      this.#levels.push({ indent });
    }
  }

  result(): ParsedTree {
    // After another error it may be that the callback is what was wrong.
    const without = this.#errors.length > 0 ? [] : this.#takers.filter(({ callback }) => callback === undefined);
    for (const call of without) {
      this.#error(call, `${call.callee} takes a callback`, '`name depth` below it');
    }
    if (this.#errors.length === 0 && this.#subprogs.size === 0) {
      this.#error({ line: 1, column: 1 }, 'the tree is empty', 'a line `main 64`');
    }
    if (this.#errors.length > 0) return { ok: false, errors: this.#errors };
    return { ok: true, subprogs: [...this.#subprogs.values()] };
  }

  /** What a line of this indentation stands in; undefined for an outermost line, false after an error. */
  #parent(indent: number, place: Place): Level | undefined | false {
    const above = this.#levels[this.#levels.length - 1];
    if (!above) {
      this.#outermost ??= indent;
      return undefined;
    }
    if (indent <= above.indent) {
      const known = this.#levels.map((each) => each.indent);
      this.#levels = this.#levels.filter((each) => each.indent < indent);
      if (!known.includes(indent)) {
        return this.#error(place, 'the indentation matches no line above', `${oneOf(known.map(String))} spaces`);
      }
      if (indent === this.#outermost) return undefined;
    }
    const parent = this.#levels[this.#levels.length - 1]!;
    if (parent.subprog || parent.taker) return parent;
    return this.#error(place, 'a call below a line that defines no subprog', '`name depth` on the line above');
  }

  #define(name: string, words: readonly Word[], parent: Level | undefined, place: Place): TreeSubprog {
    this.#checkNewName(name, place);
    const [depthWord, ...flagWords] = words as [Word, ...Word[]];
    const depth = this.options.depths?.get(name) ?? this.#depth(depthWord.text, { ...place, column: depthWord.column });
    const flags = this.#flags(flagWords, place.line);
    const subprog: TreeSubprog = { name, depth, flags, calls: [], ...place };
    this.#checkCaller(subprog, parent, place);
    if (!this.#subprogs.has(name)) this.#subprogs.set(name, subprog);
    this.#enter(name, parent, place);
    return subprog;
  }

  #flags(words: readonly Word[], line: number): Set<TreeFlag> {
    const flags = new Set<TreeFlag>();
    for (const { text, column } of words) {
      if (isFlag(text)) flags.add(text);
      else this.#error({ line, column }, `unknown flag \`${text}\``, oneOf(TREE_FLAGS), suggest(text, TREE_FLAGS));
    }
    return flags;
  }

  /** A subprog is called by what it stands in; or nothing calls it, and it says so. */
  #checkCaller({ name, flags }: TreeSubprog, parent: Level | undefined, place: Place): void {
    const uncalled = [...flags].find((flag) => UNCALLED.has(flag));
    if (uncalled && parent) {
      const expected = 'the indentation of the main subprog';
      this.#error(place, `\`${name}\` is \`${uncalled}\`, and called here`, expected);
    } else if (uncalled && this.#subprogs.size === 0) {
      this.#error(place, `the main subprog cannot be \`${uncalled}\``);
    } else if (!uncalled && !parent && this.#subprogs.size > 0) {
      this.#error(place, 'a second main subprog', `indentation, or the flag ${oneOf(UNCALLED)}`);
    }
    const other = [...this.#subprogs.values()].find((each) => each.flags.has('exception_callback'));
    if (other && flags.has('exception_callback')) {
      this.#error(place, `a second exception callback beside \`${other.name}\``, 'one');
    }
  }

  #checkNewName(name: string, place: Place): void {
    const earlier = this.#subprogs.get(name);
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      this.#error(place, `\`${name}\` is no name for a subprog`, 'letters, digits and _');
    } else if (this.options.kernelNames.has(name)) {
      this.#error(place, `\`${name}\` is a helper or kfunc and has no depth`, 'the bare name');
    } else if (earlier) {
      const where = `line ${earlier.line} of the tree`;
      this.#error(place, `\`${name}\` is defined already, in ${where}`, 'the bare name, to call it again');
    }
  }

  #depth(text: string, place: Place): number {
    const depth = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(depth)) {
      this.#error(place, `\`${text}\` is no depth`, `a whole number of bytes, 0 to ${MAX_BPF_STACK}`);
    } else if (depth > MAX_BPF_STACK) {
      this.#error(place, `frame of ${depth} bytes: the limit is ${MAX_BPF_STACK}`);
    }
    return depth;
  }

  /** A helper that takes a callback, which stands below it. */
  #take(name: string, words: readonly Word[], parent: Level | undefined, place: Place): { taker?: OpenCall } {
    const { maxRounds = 0 } = callbackHelper(name)!;
    const [rounds, more] = words;
    const wrong = maxRounds > 0 ? more : rounds;
    if (wrong) {
      this.#error({ ...place, column: wrong.column }, `\`${wrong.text}\` behind ${name}`, 'its callback below it');
    } else if (rounds && !(/^\d{1,9}$/.test(rounds.text) && Number(rounds.text) <= maxRounds)) {
      const expected = `a number of rounds, 0 to ${maxRounds}`;
      this.#error({ ...place, column: rounds.column }, `\`${rounds.text}\``, expected);
    }
    const call: OpenCall = { kind: 'kernel', callee: name, rounds: Number(rounds?.text ?? 1), ...place };
    this.#takers.push(call);
    if (parent?.subprog) parent.subprog.calls.push(call);
    else this.#misplaced(name, parent, place);
    return { taker: call };
  }

  #call(name: string, parent: Level | undefined, place: Place): void {
    if (this.options.kernelNames.has(name)) {
      if (parent?.subprog) parent.subprog.calls.push({ kind: 'kernel', callee: name, ...place });
      else this.#misplaced(name, parent, place);
    } else if (!parent) this.#misplaced(name, parent, place);
    else if (!isAsync(parent) && this.#levels.some((each) => each.subprog?.name === name)) {
      const chain = this.#levels.flatMap((each) => each.subprog?.name ?? []);
      const cycle = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
      this.#error(place, `recursion: ${cycle}`, 'a tree without cycles');
    } else if (this.#subprogs.has(name)) this.#enter(name, parent, place);
    else {
      const expected = `${oneOf(this.#subprogs.keys())}, a helper or kfunc, or \`${name} depth\` to define it`;
      const known = [...this.#subprogs.keys(), ...this.options.kernelNames];
      this.#error(place, `unknown name \`${name}\``, expected, suggest(name, known));
    }
  }

  /** A call where only a definition or a callback may stand. */
  #misplaced(name: string, parent: Level | undefined, place: Place): void {
    if (parent) this.#error(place, `\`${name}\` cannot be a callback of ${parent.taker!.callee}`, 'a subprog');
    else if (this.#subprogs.size === 0) {
      this.#error(place, 'the main subprog has no depth', `\`${name} 0\` when it has no frame`);
    } else this.#error(place, `a call of \`${name}\` outside of any subprog`, 'indentation');
  }

  /** Makes a subprog what the line above calls, or what the helper above is handed. */
  #enter(name: string, parent: Level | undefined, place: Place): void {
    if (!parent) return;
    const { subprog, taker } = parent;
    if (subprog) subprog.calls.push({ kind: 'subprog', callee: name, ...place });
    else if (taker!.callback === undefined) taker!.callback = name;
    else this.#error(place, `a second callback of ${taker!.callee}`, `one; \`${taker!.callback}\` stands above`);
  }

  #error({ line, column }: Place, message: string, expected?: string, suggestion?: string): false {
    this.#errors.push({ line, column, message, expected, suggestion });
    return false;
  }
}

const isFlag = (word: string): word is TreeFlag => (TREE_FLAGS as readonly string[]).includes(word);

/** What runs later may be what sets it: a timer's callback may set itself again. */
const isAsync = ({ taker }: Level): boolean => taker !== undefined && callbackHelper(taker.callee)!.async;

/** A word of a line, and its column. */
interface Word {
  readonly text: string;
  readonly column: number;
}

const wordsOf = (text: string): Word[] =>
  [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => ({ text: word, column: index + 1 }));
