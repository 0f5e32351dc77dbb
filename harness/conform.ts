import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  decodeInsns,
  encodeInsns,
  formatInsnError,
  HELPERS,
  JitError,
  loadProgram,
  type Program,
  policyNamed,
} from '../jit';
import { type Built, calledHelpers } from './build';
import {
  asDefined,
  type CaseOutcome,
  type ConformanceCase,
  entryArguments,
  formatDataError,
  formatOpcodeTable,
  judgeOutcome,
  opcodeTable,
  parseDataFile,
  parsePluginInput,
  runInterpreted,
} from './conformance';
import { type ExecResult, prepare, runPrepared } from './exec-requests';
import { CONTEXT_BASE } from './machine/layout';
import { interpret } from './oracle';
import type { WholeProgram } from './request-program';

/** The policies under which each program runs; they and the interpreter must agree. */
const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'] as const;

/** One data file. */
export interface Conformance {
  readonly file: string;
  readonly pass: boolean;
  /** What went wrong; empty for a case that passes. */
  readonly detail: string;
}

export interface ConformanceReport {
  readonly results: readonly Conformance[];
  /** Which opcodes the cases use, by CPU version. */
  readonly opcodes: string;
  /** Files and lines that cannot be read. */
  readonly errors: readonly string[];
}

/** Type of the programs: one that may have private frames. */
const whole = (program: Program): WholeProgram => {
  return { program, type: 'kprobe', attachType: undefined, exceptionCallback: undefined, asyncCallbacks: [] };
};

const codeOf = ({ world }: Built): string => world.programs.flatMap(({ code }) => code.map(String)).join();

const outcomeOf = ({ r0, findings: [first] }: ExecResult): CaseOutcome =>
  first ? { error: `${first.check}: ${first.message}` } : { r0: BigInt(r0) };

/** Runs a case under each policy; policies that give the same bytes share a run. */
function emulated(each: ConformanceCase): CaseOutcome[] {
  const { program, memory } = each;
  if (program === null) return POLICIES.map(() => ({ error: each.refusal ?? 'there is no program' }));
  const [unknown] = calledHelpers([{ program }]).filter((name) => HELPERS.id(name) === undefined);
  if (unknown !== undefined) return POLICIES.map(() => ({ error: `unknown function ${unknown}` }));
  const known = new Map<string, CaseOutcome>();
  return POLICIES.map((policy) => {
    try {
      const options = { policy: policyNamed(policy)!, entryArguments: entryArguments(each, CONTEXT_BASE) };
      const built = prepare('prog', whole(program), memory, options);
      const code = codeOf(built);
      const outcome = known.get(code) ?? outcomeOf(runPrepared(built, options));
      known.set(code, outcome);
      return outcome;
    } catch (error) {
      if (!(error instanceof JitError)) throw error;
      return { error: error.message };
    }
  });
}

/** Runs a case in the interpreter and in the emulator under each policy. */
function judgeConformance(each: ConformanceCase): Conformance {
  const ran = emulated(each);
  const outcomes: [string, CaseOutcome][] = [
    ['interpreter', runInterpreted(each, interpret)],
    ...POLICIES.map((policy, i): [string, CaseOutcome] => [policy, ran[i]!]),
  ];
  const wrong = outcomes.flatMap(([who, outcome]) => {
    const { pass, detail } = judgeOutcome(each, outcome);
    return pass ? [] : [`${who}: ${detail}`];
  });
  return { file: each.file, pass: wrong.length === 0, detail: wrong.join('; ') };
}

/** The data files of a path: itself, or all below a folder. */
function dataFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.data'))
    .sort()
    .map((name) => join(path, name));
}

/** Runs bpf_conformance data files. */
export function runConformance(path: string): ConformanceReport {
  let files: string[];
  try {
    files = dataFiles(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { results: [], opcodes: '', errors: [`${path}: ${code === 'ENOENT' ? 'no such file' : message}`] };
  }
  if (files.length === 0) return { results: [], opcodes: '', errors: [`${path}: there is no .data file`] };
  const errors: string[] = [];
  const cases: ConformanceCase[] = [];
  for (const file of files) {
    const parsed = parseDataFile(readFileSync(file, 'utf8'), file);
    if (parsed.ok) cases.push(parsed.case);
    else errors.push(...parsed.errors.map((error) => formatDataError(file, error)));
  }
  return { results: cases.map(judgeConformance), opcodes: formatOpcodeTable(opcodeTable(cases)), errors };
}

/** The answer of the plugin protocol: r0 in hex, or what is wrong. */
export type PluginAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string };

/** Runs what the conformance suite's runner hands to a plugin, under `linux-6.18`. */
export function runPlugin(args: readonly string[], stdin: string): PluginAnswer {
  const input = parsePluginInput(args, stdin);
  if (!input.ok) return input;
  const decoded = decodeInsns(input.program);
  if (!decoded.ok) return { ok: false, error: decoded.errors.map(({ message }) => message).join('\n') };
  const loaded = loadProgram(encodeInsns(asDefined(decoded.insns)), { name: 'prog' });
  if (!loaded.ok) return { ok: false, error: loaded.errors.map(formatInsnError).join('\n') };
  try {
    const { memory } = input;
    const entry = [memory.length === 0 ? 0n : CONTEXT_BASE, BigInt(memory.length)];
    const options = { policy: policyNamed('linux-6.18')!, entryArguments: entry };
    const outcome = outcomeOf(runPrepared(prepare('prog', whole(loaded.program), memory, options), options));
    return 'r0' in outcome ? { ok: true, text: outcome.r0.toString(16) } : { ok: false, error: outcome.error };
  } catch (error) {
    if (!(error instanceof JitError)) throw error;
    return { ok: false, error: error.message };
  }
}
