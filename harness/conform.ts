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
import { calledHelpers } from './build';
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
import { type ExecResult, execute } from './exec-requests';
import { CONTEXT_BASE } from './machine/layout';
import { interpret } from './oracle';

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

function runOn(program: Program, memory: Uint8Array, args: readonly bigint[], policy: string): ExecResult {
  const whole = { program, type: 'socket_filter', attachType: undefined, exceptionCallback: undefined } as const;
  const options = { policy: policyNamed(policy)!, entryArguments: () => args };
  return execute('prog', { ...whole, asyncCallbacks: [] }, [memory], options)[0]!;
}

function emulated(each: ConformanceCase, policy: string): CaseOutcome {
  if (each.program === null) return { error: each.refusal ?? 'there is no program' };
  const [unknown] = calledHelpers([{ program: each.program }]).filter((name) => HELPERS.id(name) === undefined);
  if (unknown !== undefined) return { error: `unknown function ${unknown}` };
  try {
    const args = entryArguments(each, CONTEXT_BASE);
    const { r0, findings } = runOn(each.program, each.memory, args, policy);
    const [first] = findings;
    return first ? { error: `${first.check}: ${first.message}` } : { r0: BigInt(r0) };
  } catch (error) {
    if (!(error instanceof JitError)) throw error;
    return { error: error.message };
  }
}

/** Runs a case in the interpreter and in the emulator under each policy. */
function judgeConformance(each: ConformanceCase): Conformance {
  const outcomes: [string, CaseOutcome][] = [
    ['interpreter', runInterpreted(each, interpret)],
    ...POLICIES.map((policy): [string, CaseOutcome] => [policy, emulated(each, policy)]),
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
    const { r0, findings } = runOn(loaded.program, memory, entry, 'linux-6.18');
    const [first] = findings;
    if (first) return { ok: false, error: `${first.check}: ${first.message}` };
    return { ok: true, text: BigInt(r0).toString(16) };
  } catch (error) {
    if (!(error instanceof JitError)) throw error;
    return { ok: false, error: error.message };
  }
}
