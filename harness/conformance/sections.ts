import type { DataError, SourceLine } from './position';

/** Parts of a `.data` file. What is not read is for people, or for other programs. */
const SECTION_NAMES = ['asm', 'raw', 'mem', 'result', 'error', 'no register offset', 'c'] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** A section: its heading and the lines below that are not empty. */
export interface Section {
  readonly line: number;
  readonly lines: readonly SourceLine[];
}

export interface Sections {
  readonly sections: ReadonlyMap<SectionName, Section>;
  readonly errors: readonly DataError[];
}

const isSectionName = (name: string): name is SectionName => SECTION_NAMES.some((known) => known === name);

/** Sections whose lines are free text. */
const VERBATIM: ReadonlySet<SectionName> = new Set(['error', 'c', 'no register offset']);

/** Cuts a comment off, with spaces instead, so that columns stay. */
const withoutComment = (text: string): string => text.replace(/(?:#|\/\/).*/, '');

/** Splits a file at its `-- name` lines. What stands before the first one is a comment. */
export function splitSections(text: string): Sections {
  const sections = new Map<SectionName, { line: number; lines: SourceLine[] }>();
  const errors: DataError[] = [];
  let name: SectionName | undefined;
  let current: SourceLine[] = [];
  text.split(/\r\n|\r|\n/).forEach((source, i) => {
    const line = i + 1;
    const heading = /^--\s*(.*?)\s*$/.exec(source)?.[1];
    if (heading === undefined) {
      const kept = name !== undefined && VERBATIM.has(name) ? source : withoutComment(source);
      if (kept.trim() !== '') current.push({ text: kept, line });
      return;
    }
    current = [];
    name = isSectionName(heading) ? heading : undefined;
    if (name === undefined) {
      const known = SECTION_NAMES.join(', ');
      errors.push({ line, column: 1, message: `unknown section \`${heading}\`; there are ${known}` });
    } else if (sections.has(name)) errors.push({ line, column: 1, message: `there are two sections \`${name}\`` });
    else sections.set(name, { line, lines: current });
  });
  return { sections, errors };
}
