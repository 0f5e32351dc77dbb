import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';

/** A file that a spec names, or why it cannot be read. */
export type BodyFile =
  | { readonly ok: true /** For people. */; readonly file: string; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly message: string; readonly expected?: string };

/** How the files that a spec names are read. */
export interface BodyFiles {
  /** @param limit most bytes that it may have */
  read(written: string, limit: number): BodyFile;
  /** The types of the running kernel; undefined where it does not tell them. */
  kernelTypes(): Uint8Array | undefined;
}

/** Largest body: programs are written, or compiled, one at a time. */
export const MAX_BODY_BYTES = 1 << 20;
/** Largest file of a kernel's types. */
export const MAX_TYPES_BYTES = 64 << 20;

const KERNEL_TYPES = '/sys/kernel/btf/vmlinux';

/** Reads a whole file; says what it is that is not there. */
export function readBytes(path: string, limit: number): Uint8Array | { message: string; expected?: string } {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { message: `${path} is not a regular file` };
    if (stats.size > limit) return { message: `${path} has ${stats.size} bytes`, expected: `at most ${limit}` };
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { message: code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read: ${message}` };
  }
}

let running: Uint8Array | null | undefined;

/** The types of the running kernel, read once. */
export function runningKernelTypes(): Uint8Array | undefined {
  if (running === undefined) {
    const read = readBytes(KERNEL_TYPES, MAX_TYPES_BYTES);
    running = read instanceof Uint8Array ? read : null;
  }
  return running ?? undefined;
}

const leaves = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way.startsWith('..') || isAbsolute(way);
};

/** Files in the folder of a spec, and below. */
export function filesBeside(spec: string): BodyFiles {
  const folder = dirname(spec);
  const known = new Map<string, BodyFile>();
  const outside: BodyFile = {
    ok: false,
    message: "the file is outside of the spec's folder",
    expected: 'a path from there',
  };
  const read = (written: string, limit: number): BodyFile => {
    const file = join(folder, written);
    if (isAbsolute(written) || leaves(folder, file)) return outside;
    const bytes = readBytes(file, limit);
    if (!(bytes instanceof Uint8Array)) return { ok: false, ...bytes };
    // A link may lead anywhere.
    return leaves(realpathSync(folder), realpathSync(file)) ? outside : { ok: true, file, bytes };
  };
  return {
    read(written, limit) {
      const file = known.get(written) ?? read(written, limit);
      known.set(written, file);
      return file;
    },
    kernelTypes: runningKernelTypes,
  };
}

/** For specs that are no files: those of a text, or of the standard input. */
export const NO_FILES: BodyFiles = {
  read: () => ({ ok: false, message: 'a text names no files', expected: 'a spec in a file' }),
  kernelTypes: runningKernelTypes,
};
