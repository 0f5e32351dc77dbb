import { parseHex } from '../../jit';
import { codeOfElf } from './elf';

/** What the suite's runner hands to a plugin. */
export type PluginInput =
  | { readonly ok: true; readonly program: Uint8Array; readonly memory: Uint8Array; readonly elf: boolean }
  | { readonly ok: false; readonly error: string };

interface Arguments {
  memory: string | undefined;
  program: string | undefined;
  elf: boolean;
}

/** Sets what it stands for, and takes its value from the words behind it. @returns what is wrong, if anything */
type Option = (parsed: Arguments, rest: string[]) => string | undefined;

const OPTIONS: ReadonlyMap<string, Option> = new Map<string, Option>(
  Object.entries({
    '--elf': (parsed) => {
      parsed.elf = true;
      return undefined;
    },
    '--debug': () => undefined,
    '--program': (parsed, rest) => {
      parsed.program = rest.shift();
      return parsed.program === undefined ? '--program needs the program in hexadecimal' : undefined;
    },
  }),
);

function parseArguments(args: readonly string[]): Arguments | string {
  const parsed: Arguments = { memory: undefined, program: undefined, elf: false };
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    // The runner pads its arguments with empty ones.
    if (word.trim() === '') continue;
    const option = OPTIONS.get(word);
    const problem = option?.(parsed, rest);
    if (problem !== undefined) return problem;
    if (option) continue;
    if (word.startsWith('--')) return `unknown option ${word}: there are ${[...OPTIONS.keys()].join(', ')}`;
    if (parsed.memory === undefined) parsed.memory = word;
    else return `unexpected argument ${word}: the memory is one argument`;
  }
  return parsed;
}

function bytesOf(what: string, text: string): Uint8Array | string {
  const hex = parseHex(text);
  return hex.ok ? hex.bytes : `${what}: ${hex.error.message}`;
}

/**
 * Reads the protocol of the bpf_conformance suite's plugins: the memory in hexadecimal as an argument, the program in
 * hexadecimal on standard input, or with `--elf` an object file in its place.
 *
 * @param args the words behind the command
 */
export function parsePluginInput(args: readonly string[], stdin: string): PluginInput {
  const parsed = parseArguments(args);
  if (typeof parsed === 'string') return { ok: false, error: parsed };
  const memory = bytesOf('memory', parsed.memory ?? '');
  if (typeof memory === 'string') return { ok: false, error: memory };
  const input = bytesOf('program', parsed.program ?? stdin);
  if (typeof input === 'string') return { ok: false, error: input };
  if (input.length === 0) return { ok: false, error: 'there is no program on standard input' };
  if (!parsed.elf) return { ok: true, program: input, memory, elf: false };
  const elf = codeOfElf(input);
  return elf.ok ? { ok: true, program: elf.code, memory, elf: true } : elf;
}
