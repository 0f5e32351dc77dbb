import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Find } from './find';
import { shortHash } from './hash';

/** Name of a find's file: the same find has the same one. */
export const fileOf = ({ policy, check, key }: Pick<Find, 'policy' | 'check' | 'key'>): string =>
  `${policy}-${check}-${shortHash(key)}.yaml`;

/** Writes a file, whole or not at all. @returns the file @throws Error of the file system */
export function saveText(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, text);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return file;
}

/** Writes a find's spec, below how it was found. @returns the file @throws Error of the file system */
export const saveSpec = (folder: string, find: Find, command: string): string =>
  saveText(folder, fileOf(find), `# ${command}\n${find.spec}`);

/** Adds lines to a file of results. @throws Error of the file system */
export function saveLines(file: string, lines: readonly object[]): void {
  appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
