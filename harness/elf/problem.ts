/** What is wrong with an object, and where in it. */
export interface ElfIssue {
  /** `section .text + 0x18`, `the ELF header`, `symbol main`. */
  readonly place: string;
  readonly message: string;
  readonly expected?: string;
  readonly suggestion?: string;
  /** The line of C that the place is made of, where the object says. */
  readonly source?: SourceLine;
}

/** A line of the source that an instruction was compiled from, as BTF tells it. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line itself, without spaces around it. */
  readonly text: string;
}

/** What else an issue may say. */
export type Hints = Partial<Pick<ElfIssue, 'expected' | 'suggestion' | 'source'>>;

/** The one error that reading an object throws; inside this folder only, callers get its issue. */
export class ElfProblem extends Error {
  override readonly name = 'ElfProblem';
  readonly issue: ElfIssue;

  constructor(place: string, message: string, hints: Hints = {}) {
    super(`${place}: ${message}`);
    this.issue = { place, message, ...hints };
  }
}

/** A place in a section. */
export const placeIn = (section: string, offset: number): string => `section ${section} + 0x${offset.toString(16)}`;
