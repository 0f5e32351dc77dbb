import type { Scalar } from 'yaml';
import type { Path, Position } from './issues';
import type { Lines } from './lines';

interface Entry {
  readonly value: Position;
  readonly key: Position | undefined;
  readonly scalar: Scalar | undefined;
}

/** Where each value of one YAML document stands in its file. */
export class SpecSource {
  readonly #entries = new Map<string, Entry>();
  /** The lines of literal blocks, each asked for once an instruction. */
  readonly #literals = new Map<Scalar, readonly string[]>();

  constructor(
    readonly file: string,
    private readonly lines: Lines,
  ) {}

  /** The position of an offset in the file. */
  at(offset: number): Position {
    return { file: this.file, ...this.lines.at(offset) };
  }

  /** Remembers where the value at `path` stands. */
  note(path: Path, offset: number, keyOffset: number | undefined, scalar: Scalar | undefined): void {
    const key = keyOffset === undefined ? undefined : this.at(keyOffset);
    this.#entries.set(pathKey(path), { value: this.at(offset), key, scalar });
  }

  /** Position of the value at `path`; of the nearest value around it when there is none. */
  value(path: Path): Position {
    return this.#nearest(path).value;
  }

  /** Position of the key that `path` ends with, or of the value when it has none. */
  key(path: Path): Position {
    const entry = this.#nearest(path);
    return entry.key ?? entry.value;
  }

  /**
   * Position of a line and column inside the text value at `path`. Exact for literal blocks (`|`) and for text on
   * one line; a folded or escaped text keeps no lines, and gives the position where it begins.
   */
  inText(path: Path, line: number, column: number): Position {
    const { value, scalar } = this.#nearest(path);
    if (scalar?.type === 'BLOCK_LITERAL') return this.#inLiteral(scalar, value, line, column);
    if (line !== 1 || typeof scalar?.value !== 'string') return value;
    const quote = scalar.type === 'PLAIN' ? 0 : 1;
    const shown = this.lines.texts[value.line - 1]!.slice(value.column - 1 + quote);
    return shown.startsWith(scalar.value) ? { ...value, column: value.column + quote + column - 1 } : value;
  }

  #inLiteral(scalar: Scalar, header: Position, line: number, column: number): Position {
    const lines = this.#literals.get(scalar) ?? String(scalar.value).split('\n');
    this.#literals.set(scalar, lines);
    const text = lines[line - 1] ?? '';
    const shown = this.lines.texts[header.line + line - 1] ?? '';
    const indent = Math.max(0, shown.length - text.length);
    return { file: this.file, line: header.line + line, column: indent + column };
  }

  #nearest(path: Path): Entry {
    for (let length = path.length; length >= 0; length--) {
      const entry = this.#entries.get(pathKey(path.slice(0, length)));
      if (entry) return entry;
    }
    return { value: { file: this.file, line: 1, column: 1 }, key: undefined, scalar: undefined };
  }
}

const pathKey = (path: Path): string => JSON.stringify(path);
