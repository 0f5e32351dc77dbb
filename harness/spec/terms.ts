import type { Hints, TextError } from './issues';
import { suggest } from './jit';
import { REGISTERS } from './names';
import type { SubprogNames, SubprogRef } from './subprogs';
import { type Token, tokenize } from './term-tokens';
import { oneOf } from './words';

/** What a term can name, each with the column (from 1) where it stands. */
export type Atom =
  | { readonly kind: 'number'; readonly value: bigint; readonly column: number }
  | { readonly kind: 'private_stack_ptr'; readonly column: number }
  | { readonly kind: 'block' | 'fp'; readonly subprog: SubprogRef; readonly cpu?: number; readonly column: number }
  | { readonly kind: 'kernel_stack' | 'depth'; readonly subprog: SubprogRef; readonly column: number }
  | { readonly kind: 'junk'; readonly label: string; readonly column: number }
  | { readonly kind: 'caller'; readonly register: string; readonly column: number };

/** A sum of atoms, each added or subtracted, mod 2^64. */
export interface Term {
  readonly text: string;
  readonly parts: readonly { readonly sign: 1 | -1; readonly atom: Atom }[];
}

export type ParsedTerm =
  | { readonly ok: true; readonly term: Term }
  | { readonly ok: false; readonly errors: TextError[] };

/** A term that is just a number. */
export function constantTerm(value: number): Term {
  const atom: Atom = { kind: 'number', value: BigInt(Math.abs(value)), column: 1 };
  return { text: String(value), parts: [{ sign: value < 0 ? -1 : 1, atom }] };
}

/**
 * Parses a term and checks the names in it:
 * `sum := ('+'|'-')* atom (('+'|'-') ('+'|'-')* atom)*`.
 */
export function parseTerm(text: string, names: SubprogNames): ParsedTerm {
  const tokens = tokenize(text);
  if (!tokens.ok) return { ok: false, errors: [tokens.error] };
  return new Parser(text, tokens.tokens, names).sum();
}

class Stop extends Error {}

class Parser {
  #at = 0;
  readonly #errors: TextError[] = [];

  constructor(
    private readonly text: string,
    private readonly tokens: readonly Token[],
    private readonly names: SubprogNames,
  ) {}

  sum(): ParsedTerm {
    const parts: Term['parts'][number][] = [];
    try {
      do {
        const sign = this.#signs();
        const atom = this.#atom();
        if (atom) parts.push({ sign, atom });
      } while (this.#isSign('+', '-'));
      const rest = this.tokens[this.#at];
      if (rest) this.#stop(`\`${rest.text}\` does not belong here`, { expected: '+ or -' });
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
    if (this.#errors.length > 0) return { ok: false, errors: this.#errors };
    return { ok: true, term: { text: this.text, parts } };
  }

  #signs(): 1 | -1 {
    let sign: 1 | -1 = 1;
    while (this.#isSign('+', '-')) if (this.#next().text === '-') sign = sign === 1 ? -1 : 1;
    return sign;
  }

  #atom(): Atom | undefined {
    const token = this.tokens[this.#at];
    if (!token) return this.#stop('the term ends here', { expected: ATOMS });
    if (token.kind === 'sign') return this.#stop(`\`${token.text}\` does not belong here`, { expected: ATOMS });
    this.#at += 1;
    if (token.kind === 'number') return { kind: 'number', value: BigInt(token.text), column: token.column };
    if (this.#isSign('(')) return this.#call(token);
    return this.#word(token);
  }

  #word({ text, column }: Token): Atom | undefined {
    if (text === 'private_stack_ptr') return { kind: text, column };
    if (text.startsWith('caller.')) return this.#caller(text.slice('caller.'.length), column);
    if (text.endsWith('_fp'))
      return this.#withSubprog(text.slice(0, -3), column, (subprog) => ({ kind: 'fp', subprog, column }));
    const known = ['private_stack_ptr', ...this.names.known().map((each) => `${each}_fp`)];
    return this.#error(column, `unknown name \`${text}\``, { expected: ATOMS, suggestion: suggest(text, known) });
  }

  #caller(register: string, column: number): Atom | undefined {
    if ((REGISTERS as readonly string[]).includes(register)) return { kind: 'caller', register, column };
    const at = column + 'caller.'.length;
    const suggestion = suggest(register, REGISTERS);
    return this.#error(at, `unknown register \`${register}\``, { expected: oneOf(REGISTERS), suggestion });
  }

  /** `kind(argument)` or `kind(argument, cpu n)`. */
  #call({ text: kind, column }: Token): Atom | undefined {
    this.#next();
    const argument = this.tokens[this.#at];
    if (!argument || argument.kind === 'sign') return this.#stop(`${kind}() needs an argument`, { expected: 'a name' });
    this.#at += 1;
    const cpu = this.#isSign(',') ? this.#cpu() : undefined;
    if (!this.#isSign(')')) return this.#stop('the parenthesis is not closed', { expected: ')' });
    this.#next();
    const row = Object.hasOwn(CALLS, kind) ? CALLS[kind as keyof typeof CALLS] : undefined;
    if (!row) {
      const known = Object.keys(CALLS);
      return this.#error(column, `unknown term \`${kind}()\``, {
        expected: oneOf(known),
        suggestion: suggest(kind, known),
      });
    }
    if (cpu !== undefined && !row.cpu) return this.#error(column, `${kind}() takes no cpu`, {});
    if (row.kind === 'junk') return { kind: 'junk', label: argument.text, column };
    const onCpu = cpu === undefined ? {} : { cpu };
    return this.#withSubprog(argument.text, argument.column, (subprog) => ({
      kind: row.kind,
      subprog,
      ...onCpu,
      column,
    }));
  }

  #cpu(): number {
    this.#next();
    const word = this.tokens[this.#at];
    const number = this.tokens[this.#at + 1];
    if (word?.text !== 'cpu' || (number?.text !== '0' && number?.text !== '1')) {
      this.#stop('not a CPU', { expected: '`cpu 0` or `cpu 1`' });
    }
    this.#at += 2;
    return Number(number!.text);
  }

  #withSubprog(name: string, column: number, make: (subprog: SubprogRef) => Atom): Atom | undefined {
    const found = this.names.resolve(name);
    if (found.ok) return make(found.ref);
    return this.#error(column, found.message, found);
  }

  #isSign(...signs: string[]): boolean {
    const token = this.tokens[this.#at];
    return token?.kind === 'sign' && signs.includes(token.text);
  }

  #next(): Token {
    return this.tokens[this.#at++]!;
  }

  #error(column: number, message: string, { expected, suggestion }: Hints): undefined {
    this.#errors.push({ line: 1, column, message, expected, suggestion });
    return undefined;
  }

  /** For errors after which the rest cannot be read. */
  #stop(message: string, hints: Hints): never {
    this.#error(this.tokens[this.#at]?.column ?? this.text.length + 1, message, hints);
    throw new Stop();
  }
}

const ATOMS =
  'a number, private_stack_ptr, <subprog>_fp, caller.<register>, block(), fp(), kernel_stack(), depth() or junk()';

const CALLS = {
  block: { kind: 'block', cpu: true },
  fp: { kind: 'fp', cpu: true },
  kernel_stack: { kind: 'kernel_stack', cpu: false },
  depth: { kind: 'depth', cpu: false },
  junk: { kind: 'junk', cpu: false },
} as const;
