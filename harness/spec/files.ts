import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Issue, issueAt } from './issues';

/** Largest spec file: a spec is written by hand, or by a campaign that keeps it small. */
export const MAX_SPEC_BYTES = 1 << 20;

/** A spec file that was read. */
export interface SpecFile {
  readonly file: string;
  readonly text: string;
}

/** Reads spec files; a directory stands for all *.yaml and *.yml below it, sorted. */
export function readSpecFiles(paths: readonly string[]): { files: SpecFile[]; issues: Issue[] } {
  const files: SpecFile[] = [];
  const issues: Issue[] = [];
  const seen = new Set<string>();
  for (const path of paths.flatMap((each) => listFiles(each, issues))) {
    const real = realPath(path);
    if (seen.has(real)) continue;
    seen.add(real);
    const text = readText(path);
    if (typeof text === 'string') files.push({ file: path, text });
    else issues.push(fileIssue(path, text.message, text.expected));
  }
  return { files, issues };
}

function listFiles(path: string, issues: Issue[]): string[] {
  if (!stat(path)?.isDirectory()) return [path];
  try {
    const found = specsBelow(path);
    if (found.length === 0) issues.push(fileIssue(path, 'the directory holds no specs', '*.yaml or *.yml files'));
    return found;
  } catch (error) {
    issues.push(fileIssue(path, `cannot be read: ${(error as Error).message}`));
    return [];
  }
}

// Links to directories are not followed: they may form a cycle.
function specsBelow(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return specsBelow(path);
    return ['.yaml', '.yml'].includes(extname(entry.name)) && !stat(path)?.isDirectory() ? [path] : [];
  });
}

function readText(path: string): string | { message: string; expected?: string } {
  const stats = stat(path);
  if (!stats) return { message: 'no such file or directory' };
  if (!stats.isFile()) return { message: 'not a regular file', expected: 'a YAML file or a directory' };
  if (stats.size > MAX_SPEC_BYTES) {
    return { message: `the file has ${stats.size} bytes`, expected: `at most ${MAX_SPEC_BYTES} bytes (1 MiB)` };
  }
  try {
    const bytes = readFileSync(path);
    if (bytes.includes(0)) return { message: 'a binary file: it holds NUL bytes', expected: 'YAML text' };
    if (!isUtf8(bytes)) return { message: 'a binary file: it is not UTF-8', expected: 'YAML text' };
    return new TextDecoder().decode(bytes);
  } catch (error) {
    return { message: `cannot be read: ${(error as Error).message}` };
  }
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const fileIssue = (file: string, message: string, expected?: string): Issue =>
  issueAt({ file, line: 1, column: 1 }, [], message, { expected });
