import { isAbsolute, relative } from 'node:path';

/** How this command line was called, from here: for commands to copy. */
export function calledAs(): string {
  const script = process.argv[1] ?? 'privstack';
  const path = relative(process.cwd(), script);
  return path.startsWith('..') || isAbsolute(path) ? script : `./${path}`;
}
