import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import { type Issue, issueAt, type Path } from './issues';
import type { SpecSource } from './source';

/** JSON-shaped data, as zod gets it. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

// A megabyte of ordinary YAML has far fewer nodes; aliases of aliases reach this in no time.
const MAX_NODES = 100_000;

/**
 * Turns YAML nodes into plain data and notes where each value stands. Done here and not with `toJS`, because aliases
 * must be bounded, numbers must not be rounded, and a repeated key must be told with the place of the first.
 */
export function toPlain(root: Node | null, source: SpecSource, issues: Issue[]): Plain {
  return new Walk(source, issues).node(root, [], undefined);
}

class Walk {
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #visited = 0;

  constructor(
    private readonly source: SpecSource,
    private readonly issues: Issue[],
  ) {}

  node(node: Node | null, path: Path, key: number | undefined): Plain {
    const offset = node?.range?.[0] ?? key ?? 0;
    this.source.note(path, offset, key, isScalar(node) ? node : undefined);
    this.#visited += 1;
    if (this.#visited > MAX_NODES) return this.#tooMany(offset, path);
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node.source, offset, path, key);
    if ('anchor' in node && node.anchor) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node, offset, path);
    this.#open.add(node);
    const plain = isMap(node)
      ? this.#map(node.items, path)
      : isSeq(node)
        ? node.items.map((item, at) => this.node(item as Node | null, [...path, at], undefined))
        : null;
    this.#open.delete(node);
    return plain;
  }

  #map(items: readonly Pair[], path: Path): Plain {
    const plain: { [key: string]: Plain } = {};
    const first = new Map<string, number>();
    for (const item of items) {
      const keyNode = item.key as Node | null;
      const offset = keyNode?.range?.[0] ?? 0;
      const key = keyText(keyNode);
      if (key === undefined || key === '__proto__') {
        this.#report(offset, path, 'a key that is no plain name', 'text');
        continue;
      }
      const earlier = first.get(key);
      if (earlier !== undefined) {
        const { line, column } = this.source.at(earlier);
        this.#report(offset, [...path, key], `the key \`${key}\` stands here twice; the first is at ${line}:${column}`);
        continue;
      }
      first.set(key, offset);
      plain[key] = this.node(item.value as Node | null, [...path, key], offset);
    }
    return plain;
  }

  #alias(name: string, offset: number, path: Path, key: number | undefined): Plain {
    const target = this.#anchors.get(name);
    if (target && !this.#open.has(target)) return this.node(target, path, key);
    this.#report(
      offset,
      path,
      target ? `the alias *${name} holds itself` : `no anchor &${name} stands before this alias`,
    );
    return null;
  }

  #scalar(node: Scalar, offset: number, path: Path): Plain {
    const value = node.value as Plain | bigint;
    if (typeof value !== 'bigint' && typeof value !== 'number') return value;
    const number = Number(value);
    if (Math.abs(number) > Number.MAX_SAFE_INTEGER || !Number.isFinite(number)) {
      const text = node.source ?? String(value);
      const expected = `at most 2^53, or "${text}" in quotes where 64 bits are taken`;
      this.#report(offset, path, `the number ${text} is over 2^53 and YAML would round it`, expected);
      return 0;
    }
    return number;
  }

  #tooMany(offset: number, path: Path): Plain {
    if (this.#visited === MAX_NODES + 1) {
      this.#report(offset, path, `more than ${MAX_NODES} values, aliases counted each time`, 'a smaller document');
    }
    return null;
  }

  #report(offset: number, path: Path, message: string, expected?: string): void {
    this.issues.push(issueAt(this.source.at(offset), path, message, { expected }));
  }
}

// A number as a key (a scenario named 16) keeps the spelling that the author chose.
function keyText(node: Node | null): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}
