import { type BodyFiles, NO_FILES } from './body-files';
import type { ImageReader } from './image-body';
import { type Hints, type Issue, issueAt, type Path, type Position, type TextError } from './issues';
import type { SpecSource } from './source';
import type { SubprogNames } from './subprogs';
import { constantTerm, parseTerm, type Term } from './terms';

/** A value of a spec together with the place where it is written. */
export interface Placed<T> {
  readonly value: T;
  readonly position: Position;
}

/** Collects issues while a spec is lowered, and turns paths into positions. */
export class LowerContext {
  readonly issues: Issue[] = [];

  constructor(
    readonly source: SpecSource,
    readonly files: BodyFiles = NO_FILES,
    readonly images?: ImageReader,
  ) {}

  get failed(): boolean {
    return this.issues.length > 0;
  }

  position(path: Path): Position {
    return this.source.value(path);
  }

  place<T>(value: T, path: Path): Placed<T> {
    return { value, position: this.source.value(path) };
  }

  /** Reports what is wrong with a value. */
  report(path: Path, message: string, hints: Hints = {}): undefined {
    this.issues.push(issueAt(this.source.value(path), path, message, hints));
    return undefined;
  }

  /** Reports what is wrong with a key: a name that means nothing, say. */
  reportKey(path: Path, message: string, hints: Hints = {}): undefined {
    this.issues.push(issueAt(this.source.key(path), path, message, hints));
    return undefined;
  }

  /** Reports what is wrong at a position that is known already. */
  reportAt(position: Position, path: Path, message: string, hints: Hints = {}): undefined {
    this.issues.push(issueAt(position, path, message, hints));
    return undefined;
  }

  /** Reports what is wrong inside a text. */
  reportText(path: Path, errors: readonly TextError[]): undefined {
    for (const error of errors) {
      this.issues.push(issueAt(this.source.inText(path, error.line, error.column), path, error.message, error));
    }
    return undefined;
  }

  /** The term that is written at `path`. */
  term(written: number | string, path: Path, names: SubprogNames): Placed<Term> | undefined {
    if (typeof written === 'number') return this.place(constantTerm(written), path);
    const parsed = parseTerm(written, names);
    return parsed.ok ? this.place(parsed.term, path) : this.reportText(path, parsed.errors);
  }
}
