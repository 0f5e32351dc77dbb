import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ElfIssue, type ElfObject, type ElfOptions, type ElfProgram, readObject } from './index';

/** Bytes of a file in `testdata`; a copy that a test may change. */
export const testdata = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(join(__dirname, 'testdata', `${name}.bpf.o`)));

const kernel = testdata('kernel');

/** The object and the types of the test kernel. @throws what is wrong with it */
export function object(name: string, options: ElfOptions = {}): ElfObject {
  const read = readObject(testdata(name), { kernelTypes: () => kernel, ...options });
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  return read.object;
}

/** One program of an object, by section or name. */
export const program = (name: string, section: string): ElfProgram => object(name, { section }).programs[0]!;

/** What is wrong with an object. */
export function issues(bytes: Uint8Array, options: ElfOptions = {}): readonly ElfIssue[] {
  const read = readObject(bytes, { kernelTypes: () => kernel, ...options });
  return read.ok ? [] : read.issues;
}

/** `place: message, expected what`. */
export const text = ({ place, message, expected }: ElfIssue): string =>
  `${place}: ${message}${expected === undefined ? '' : `, expected ${expected}`}`;
