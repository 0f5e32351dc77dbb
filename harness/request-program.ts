import {
  type Analysis,
  type AnalysisOptions,
  type Arena,
  analyse,
  formatInsnError,
  isProgramType,
  type KernelConfig,
  loadProgram,
  PROGRAM_TYPES,
  type Program,
  type ProgramType,
  pcsOf,
  programErrors,
  rewrite,
  type StackPolicy,
} from '../jit';
import type { InitialMap } from './build';

/** A request that cannot be answered. Its message is the answer. */
export class RequestProblem extends Error {
  override readonly name = 'RequestProblem';
}

/** One line of NDJSON, parsed. Unknown keys are ignored. */
export type Request = Readonly<Record<string, unknown>>;

/** @throws RequestProblem unless `value` is a list of strings */
export function strings(value: unknown, field: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
    throw new RequestProblem(`${field}: expected a list of strings`);
  }
  return value as string[];
}

export function optionalIndex(value: unknown, field: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new RequestProblem(`${field}: expected the index of an instruction`);
  }
  return value;
}

/** An address: `0x` and hex digits, or a number. @throws RequestProblem */
export function address(value: unknown, field: string): bigint {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(text)) {
    const parsed = BigInt(text);
    if (parsed < 1n << 64n) return parsed;
  }
  throw new RequestProblem(`${field}: expected an address, as \`0xffffffffc0020000\``);
}

export function programType(value: unknown): ProgramType {
  const name = String(value ?? 'KPROBE')
    .replace(/^BPF_PROG_TYPE_/, '')
    .toLowerCase();
  if (isProgramType(name)) return name;
  const known = PROGRAM_TYPES.join(', ').toUpperCase();
  throw new RequestProblem(`prog_type: there is no \`${String(value)}\`, expected ${known}`);
}

/** A program that was handed over whole. */
export interface WholeProgram {
  readonly program: Program;
  readonly type: ProgramType;
  readonly attachType: string | undefined;
  /** Of a struct_ops program: its member asks for private stacks. */
  readonly privStackRequested?: boolean | undefined;
  /** Subprogs, by index. */
  readonly exceptionCallback: number | undefined;
  readonly asyncCallbacks: readonly number[];
  /** Where its arena is, if it has one. */
  readonly arena?: Arena | undefined;
  /** Name of its map. Default: none of the program's. */
  readonly arenaMap?: string | undefined;
  /** How many entries arrays of programs have, by name of the map; one that is not here has them all. */
  readonly arrayEntries?: ReadonlyMap<string, number>;
  /** What its maps begin with; one that is not here is an array of one value, all zeros. */
  readonly maps?: readonly InitialMap[] | undefined;
}

/** BPF_TRACE_RAW_TP and the like, as specs write them. */
const attachType = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.replace(/^BPF_(TRACE_)?/, '').toLowerCase() : undefined;

const list = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** Where the kernel and the user have the program's arena: both addresses or none, as in the captures. */
function arenaOf(request: Request): Arena | undefined {
  const { arena_vm_start: kernel, arena_user_vm_start: user } = request;
  if ((kernel ?? user ?? null) === null) return undefined;
  return { kernVmStart: address(kernel, 'arena_vm_start'), userVmStart: address(user, 'arena_user_vm_start') };
}

/** Without names a program that has an exception callback and calls one kfunc only calls bpf_throw. */
function nameThrow(
  program: Program,
  known: Readonly<Record<string, unknown>>,
  ids: readonly number[],
  throws: boolean,
): Program {
  const names = program.kfuncs.map((name, i) => String(known[String(ids[i])] ?? name));
  if (throws && names.length === 1 && known[String(ids[0])] === undefined) return { ...program, kfuncs: ['bpf_throw'] };
  return { ...program, kfuncs: names };
}

/** Reads a whole program. @throws RequestProblem that names the instruction, where one is wrong */
export function wholeProgram(request: Request): WholeProgram {
  const insns = strings(request.insns, 'insns');
  const callback = optionalIndex(request.exception_cb, 'exception_cb');
  const async = list(request.async_cb).map((each) => optionalIndex(each, 'async_cb')!);
  const entries = [...(callback === undefined ? [] : [callback]), ...async].sort((a, b) => a - b);
  const options = { name: String(request.name ?? 'prog'), entries, verifierMade: request.verifier_insns === true };
  const loaded = loadProgram(insns.join(''), options);
  if (!loaded.ok) throw new RequestProblem(loaded.errors.slice(0, 5).map(formatInsnError).join('; '));
  const known = (request.kfuncs ?? {}) as Readonly<Record<string, unknown>>;
  const program = nameThrow(loaded.program, known, loaded.wire.kfuncIds ?? [], callback !== undefined);
  const errors = programErrors(program);
  if (errors.length > 0) {
    const { subprog, pc, message } = errors[0]!;
    throw new RequestProblem(`${program.subprogs[subprog]!.name} pc ${pc}: ${message}`);
  }
  let next = 0;
  const starts = program.subprogs.map(({ insns: own }) => {
    const start = next;
    next += pcsOf(own)[own.length]!;
    return start;
  });
  return {
    program,
    type: programType(request.prog_type),
    attachType: attachType(request.expected_attach_type),
    exceptionCallback: callback === undefined ? undefined : starts.indexOf(callback),
    asyncCallbacks: async.map((each) => starts.indexOf(each)),
    arena: arenaOf(request),
  };
}

/** A program after the verifier's rewrites, and what it decided. */
export interface Verified {
  readonly program: Program;
  readonly analysis: Analysis;
  /** Subprogs that the kernel does not show: the default exception callback. */
  readonly hidden: number;
  readonly origins: readonly (readonly number[])[];
}

/** What the analysis is told; with `done`, after rewrites. No spreading: that takes longer than most of the analysis. */
function optionsOf(
  whole: WholeProgram,
  done?: {
    readonly before: Analysis;
    readonly exceptionCallback: number | undefined;
    readonly depths: readonly number[];
  },
): AnalysisOptions {
  return {
    type: whole.type,
    attachType: whole.attachType,
    privStackRequested: whole.privStackRequested,
    exceptionCallback: done ? done.exceptionCallback : whole.exceptionCallback,
    asyncCallbacks: whole.asyncCallbacks,
    rewriteDepths: done?.depths,
    before: done?.before,
    arena: whole.arena,
    arrayEntries: whole.arrayEntries,
  };
}

/** Does to a program what the verifier does between accepting it and handing it to the JIT. */
export function verify(whole: WholeProgram, policy: StackPolicy, config: KernelConfig, inline: boolean): Verified {
  const { program, exceptionCallback } = whole;
  const before = analyse(program, policy.block, optionsOf(whole));
  const throws = before.subprogs[0]!.exceptionBoundary;
  const ownDepths = before.depths.own;
  const done = rewrite(program, { config, ownDepths, throws, inline, exceptionCallback, mayGoto: policy.mayGoto });
  const hidden = done.program.subprogs.length - program.subprogs.length;
  const kept = hidden > 0 ? { ...program, subprogs: [...program.subprogs, done.program.subprogs.at(-1)!] } : program;
  // The decisions are those on the program as it was written; only sizes follow the rewrites.
  if (hidden === 0 && done.depths.every((depth) => depth === 0)) {
    return { program: done.program, analysis: before, hidden, origins: done.origins };
  }
  const { depths } = done;
  const analysis = analyse(
    kept,
    policy.block,
    optionsOf(whole, { before, exceptionCallback: done.exceptionCallback, depths }),
  );
  return { program: done.program, analysis, hidden, origins: done.origins };
}
