import { parseAllDocuments } from 'yaml';
import { type BodyFiles, filesBeside, NO_FILES } from './body-files';
import { readSpecFiles } from './files';
import { type Issue, issueAt, type Path, type Position, sortIssues } from './issues';
import { Lines } from './lines';
import { MAX_NESTING, nesting } from './nesting';
import { toPlain } from './plain';
import { type Spec, specSchema } from './schema';
import { SpecSource } from './source';
import { validate } from './zod-issues';

/** One document that has the shape of a spec. */
export interface LoadedSpec {
  readonly file: string;
  /** Where the document's first value stands. */
  readonly position: Position;
  readonly spec: Spec;
  /** Where each value stands. */
  readonly source: SpecSource;
  /** How the files that it names are read. Default: it names none. */
  readonly files?: BodyFiles;
}

export interface Loaded {
  readonly specs: LoadedSpec[];
  readonly issues: Issue[];
}

// One mistake often makes YAML complain about all that follows.
const MAX_SYNTAX_ISSUES = 3;
/** Issues reported of one file; a file that is something else entirely would have one for each line. */
const MAX_ISSUES = 50;

/** Reads specs from files and directories. What is wrong with one file does not hide what another has. */
export function loadFiles(paths: readonly string[]): Loaded {
  const { files, issues } = readSpecFiles(paths);
  const specs: LoadedSpec[] = [];
  for (const { file, text } of files) {
    const loaded = parseSpecText(text, file, filesBeside(file));
    specs.push(...loaded.specs);
    issues.push(...loaded.issues);
  }
  return { specs, issues: [...issues, ...repetitions(specs)] };
}

/** A spec that nobody wrote: of a file that is no spec. */
export function impliedSpec(spec: Spec, file: string, files: BodyFiles): LoadedSpec {
  const source = new SpecSource(file, new Lines(''));
  return { file, position: source.value([]), spec, source, files };
}

/** Reads all documents of one text. */
export function parseSpecText(text: string, file: string, files: BodyFiles = NO_FILES): Loaded {
  const top = { file, line: 1, column: 1 };
  try {
    const { specs, issues } = parseDocuments(text, file, files);
    const cut = sortIssues(issues).slice(0, MAX_ISSUES);
    if (cut.length < issues.length)
      cut.push(issueAt(top, [], `${issues.length - cut.length} more issues in this file`));
    return { specs, issues: cut };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { specs: [], issues: [issueAt(top, [], 'the values are nested too deeply')] };
  }
}

function parseDocuments(text: string, file: string, files: BodyFiles): Loaded {
  if (nesting(text) > MAX_NESTING) throw new RangeError();
  const lines = new Lines(text);
  const options = { prettyErrors: false, uniqueKeys: false, intAsBigInt: true } as const;
  const documents = parseAllDocuments(text, options);
  if (!('length' in documents) || documents.every((each) => each.contents === null && each.errors.length === 0)) {
    return {
      specs: [],
      issues: [issueAt({ file, line: 1, column: 1 }, [], 'the file is empty', { expected: 'a spec' })],
    };
  }
  if (documents.some((each) => each.errors.some(isOverflow))) throw new RangeError();
  const specs: LoadedSpec[] = [];
  const issues: Issue[] = [];
  for (const [i, document] of documents.entries()) {
    // A `---` at the end begins a document that nobody wrote.
    if (i > 0 && document.contents === null && document.errors.length === 0) continue;
    const source = new SpecSource(file, lines);
    const complaints = [...document.errors, ...document.warnings].slice(0, MAX_SYNTAX_ISSUES);
    const found = complaints.map((each) => issueAt(source.at(each.pos[0]), [], `YAML: ${each.message}`));
    const plain = found.length === 0 ? toPlain(document.contents, source, found) : null;
    if (found.length === 0) {
      const result = validate(specSchema, plain, source);
      if (result.ok) specs.push({ file, position: source.value([]), spec: result.value, source, files });
      else found.push(...result.issues);
    }
    issues.push(...found);
  }
  return { specs, issues };
}

// The parser is recursive, and reports its own overflow as an error of the document.
const isOverflow = (error: Error): boolean => error.message.includes('call stack');

/** What no two specs that are loaded together may share. */
const UNIQUE: readonly { readonly path: Path; readonly what: string; of(spec: Spec): string | undefined }[] = [
  { path: ['name'], what: 'spec named', of: ({ name }) => name },
  { path: ['claim', 'id'], what: 'spec about the claim', of: ({ claim }) => claim?.id },
];

const repetitions = (specs: readonly LoadedSpec[]): Issue[] =>
  UNIQUE.flatMap(({ path, what, of }) => {
    const first = new Map<string, Position>();
    return specs.flatMap(({ spec, source }) => {
      const value = of(spec);
      if (value === undefined) return [];
      const position = source.value(path);
      const earlier = first.get(value);
      if (!earlier) {
        first.set(value, position);
        return [];
      }
      const place = `${earlier.file}:${earlier.line}:${earlier.column}`;
      return [issueAt(position, path, `a second ${what} ${JSON.stringify(value)}; the first is at ${place}`)];
    });
  });
