import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Find } from './find';

/** FNV-1a, 32 bits: a short name for a long key. */
function hash(text: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(16).padStart(8, '0');
}

/** Name of a find's file: the same find has the same one. */
export const fileOf = ({ policy, check, key }: Pick<Find, 'policy' | 'check' | 'key'>): string =>
  `${policy}-${check}-${hash(key)}.yaml`;

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
