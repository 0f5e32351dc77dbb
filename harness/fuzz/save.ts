import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
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

/** Writes a find's spec. @returns the file @throws Error of the file system */
export function saveSpec(folder: string, find: Find): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, fileOf(find));
  writeFileSync(file, find.spec);
  return file;
}

/** Adds a find to a file of results, a line each. @throws Error of the file system */
export function saveResult(file: string, find: Find & { readonly kind: string }): void {
  appendFileSync(file, `${JSON.stringify(find)}\n`);
}
