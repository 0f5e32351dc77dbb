import { COMPILED, type CompiledForm } from './compiled-form';
import { lexLine, type Token } from './lexer';
import { type Captured, TOKEN_CLASSES, type TokenClass } from './tokens';

/** One step of all the forms that begin alike. */
interface Node {
  readonly literals: Map<string, Node>;
  readonly classes: Map<TokenClass, Node>;
  form?: CompiledForm;
}

const newNode = (): Node => ({ literals: new Map(), classes: new Map() });

function child<K>(children: Map<K, Node>, key: K): Node {
  const known = children.get(key);
  if (known) return known;
  const node = newNode();
  children.set(key, node);
  return node;
}

function addForm(root: Node, compiled: CompiledForm): void {
  let node = root;
  for (const piece of compiled.pieces) {
    if (typeof piece === 'string') for (const word of wordsOf(piece)) node = child(node.literals, word);
    else node = child(node.classes, piece.token);
  }
  if (node.form) throw new Error(`two forms for \`${compiled.form.text}\``);
  node.form = compiled;
}

function wordsOf(text: string): string[] {
  const { tokens } = lexLine(text, 0);
  return tokens.slice(0, -1).map(wordOf);
}

/** A token as the forms spell it: numbers are decimal. */
function wordOf({ kind, text }: Token): string {
  return kind === 'number' ? `${BigInt(text)}` : text;
}

const ROOT = newNode();
for (const compiled of COMPILED) addForm(ROOT, compiled);

/** A statement that is an instruction, its names still unresolved. */
export interface Match {
  readonly compiled: CompiledForm;
  /** One of each operand of the form, in order. */
  readonly captured: readonly Captured[];
}

/** Where a statement stops being an instruction, and what could have followed. */
export interface Mismatch {
  readonly token: Token;
  readonly expected: readonly string[];
}

/** Finds the form of a statement. `tokens` ends with the token that ends the statement. */
export function matchForm(tokens: readonly Token[]): Match | Mismatch {
  let furthest = -1;
  let expected = new Set<string>();
  const end = tokens.length - 1;

  function fail(at: number, node: Node): void {
    if (at < furthest) return;
    if (at > furthest) expected = new Set();
    furthest = at;
    for (const kind of node.classes.keys()) expected.add(TOKEN_CLASSES[kind].what);
    for (const word of node.literals.keys()) expected.add(`\`${word}\``);
    if (node.form) expected.add('the end of the statement');
  }

  function walk(node: Node, at: number, captured: readonly Captured[]): Match | undefined {
    if (at === end && node.form) return { compiled: node.form, captured };
    if (at < end) {
      const literal = node.literals.get(wordOf(tokens[at]!));
      const match = literal && walk(literal, at + 1, captured);
      if (match) return match;
      for (const [kind, next] of node.classes) {
        const found = TOKEN_CLASSES[kind].match(tokens, at);
        const rest = found && walk(next, found.next, [...captured, found.captured]);
        if (rest) return rest;
      }
    }
    fail(at, node);
    return undefined;
  }

  return walk(ROOT, 0, []) ?? { token: tokens[furthest]!, expected: [...expected] };
}

/** Words that a statement may begin with. */
export const FIRST_WORDS: readonly string[] = [...ROOT.literals.keys()];
