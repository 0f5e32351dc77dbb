import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackPolicy } from '../../jit';
import { isElf } from '../elf';
import { isIssues, readSources, type Source } from '../read-program';
import { formatIssue } from '../spec';
import { parseHexText } from '../spec/hex-text';
import { Examiner } from './examine';
import { caseAt } from './path';
import type { FuzzProgram } from './program';
import { saveText } from './save';
import { isSound } from './shrink';
import type { Plan } from './tally';

/** Programs from elsewhere by name, and what there was in the folder that is none, a line each. */
export interface ReadCorpus {
  readonly programs: ReadonlyMap<string, FuzzProgram>;
  readonly problems: readonly string[];
}

const SLOT = 8;
/** Where programs say nothing about their type. */
const TYPE = 'kprobe';

/** The file is bytes as the kernel is handed them: no text, and no object. */
function readWire(file: string, bytes: Buffer): Source[] | string {
  if (bytes.length === 0 || bytes.length % SLOT !== 0) {
    return `${file}:1:1: ${bytes.length} bytes, expected instructions of ${SLOT} bytes each`;
  }
  const parsed = parseHexText(bytes.toString('hex'), { name: 'prog' });
  if (!parsed.ok) {
    const { column = 1, message } = parsed.errors[0]!;
    return `${file}:1:1: instruction ${Math.floor((column - 1) / (2 * SLOT))}: ${message}`;
  }
  const { program } = parsed;
  const nothing = { attachType: undefined, exceptionCallback: undefined, asyncCallbacks: [] };
  return [{ name: 'prog', program, type: TYPE, ...nothing, position: () => ({ line: 1, column: 1 }) }];
}

function readFile(file: string): Source[] | string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return `${file}: cannot be read: ${(error as Error).message}`;
  }
  if ((bytes.includes(0) || !isUtf8(bytes)) && !isElf(bytes)) return readWire(file, bytes);
  const read = readSources(file, TYPE);
  return isIssues(read) ? formatIssue(read[0]!) : read;
}

/** A program that can be run here, or why it cannot. */
function usable({ program, type, exceptionCallback, maps = [], arena }: Source): FuzzProgram | string {
  if (program.maps.length > 0 || maps.length > 0 || arena) return 'it has maps, which campaigns do not have';
  const fuzz: FuzzProgram = {
    type,
    subprogs: program.subprogs.map(({ name, insns }) => ({ name, nodes: [{ kind: 'code', insns }] })),
    kfuncs: program.kfuncs,
    exceptionCallback,
  };
  const input = { cpu: 0, seed: 1, context: new Uint8Array(0), returns: [], r9: 'junk', around: null } as const;
  return isSound({ program: fuzz, input }) ? fuzz : 'what it does depends on something that it did not write';
}

/**
 * The programs of a folder: wire bytes, hex, assembly, specs, objects. What is none, or cannot be run, is said and left out.
 * @throws Error of the file system when there is no folder
 */
export function readCorpus(folder: string): ReadCorpus {
  const programs = new Map<string, FuzzProgram>();
  const problems: string[] = [];
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (each) => each.isFile() && !each.name.startsWith('.'),
  );
  for (const name of files.map((each) => each.name).sort()) {
    const file = join(folder, name);
    const read = readFile(file);
    if (typeof read === 'string') {
      problems.push(read);
      continue;
    }
    for (const source of read) {
      const whole = read.length === 1 ? name : `${name}#${source.name}`;
      const found = usable(source);
      if (typeof found === 'string') problems.push(`${file}: ${found}`);
      else programs.set(whole.replaceAll('~', '-'), found);
    }
  }
  return { programs, problems };
}

/**
 * Adds cases to a folder of programs, as specs, unless they are in it. @returns how many were added
 * @throws Error of the file system
 */
export function writeCorpus(folder: string, paths: readonly string[], policy: StackPolicy, plan: Plan): number {
  const { programs } = readCorpus(folder);
  const examiner = new Examiner(policy);
  let added = 0;
  for (const path of paths) {
    const name = `seed-${plan.seed}-${path.replace(/[^\w.-]+/g, '-')}.yaml`;
    if (path.startsWith('@') && !path.includes('~')) continue;
    const { fuzz, inputs } = caseAt(path, plan.seed, plan.inputs, programs);
    const prepared = programs.has(name) ? null : examiner.prepare({ program: fuzz });
    if (!prepared) continue;
    const words = { name: `case ${path} of seed ${plan.seed}`, description: 'It reached something new.' };
    saveText(folder, name, examiner.text(prepared, { input: inputs[0]! }, words));
    added++;
  }
  return added;
}
