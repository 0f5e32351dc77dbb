import { type KernelConfig, LINUX_6_18, type StackPolicy } from '../jit';
import { type ArenaData, arenaProblem } from './arena';
import { type Built, buildWorld } from './build';
import type { Finding } from './check';
import { checkInput, findingReport, findings } from './examine';
import { notCompared } from './interpreted';
import { PAGE } from './machine/layout';
import type { FindingReport, SourcePlace } from './report/model';
import { type Request, RequestProblem, verify, type WholeProgram, wholeProgram } from './request-program';
import type { Interpreted } from './run/interpreted';
import { writtenPc } from './run/names';
import type { Run, World } from './run/run';
import { type RunSetup, runScenario } from './run/runner';
import type { Expectation, Position } from './spec';

/** Result of one run. */
export interface ExecResult {
  /** r0's low 32 bits, unsigned. */
  readonly retval: number;
  /** All of r0, as a decimal string. */
  readonly r0: string;
  /** The context afterwards, hex; as long as it was. */
  readonly ctx: string;
  readonly findings: readonly FindingReport[];
}

export interface ExecAnswer {
  readonly name: unknown;
  readonly runs: readonly ExecResult[];
}

const NOWHERE: Position = { file: '<request>', line: 1, column: 1 };

/** Bytes of a map's value, where nothing says how many there are. */
const MAP_BYTES = 4096;

/** Calls are resolved, and helpers inlined: these are no programs as they are written. */
const NOT_INTERPRETED = notCompared('the verifier has rewritten the program');

/** Nothing is declared: every finding counts, but no value is wrong. */
export const ANYTHING: Expectation = { verdict: { value: { kind: 'holds' }, position: NOWHERE } };

function contexts(request: Request): Uint8Array[] {
  const runs = request.runs ?? [{ ctx: '' }];
  if (!Array.isArray(runs)) throw new RequestProblem('runs: expected a list');
  return runs.map((run: unknown, i) => {
    const ctx = (run as { ctx?: unknown } | null)?.ctx ?? '';
    if (typeof ctx !== 'string' || !/^([0-9a-f]{2})*$/i.test(ctx)) {
      throw new RequestProblem(`runs[${i}].ctx: expected hex, two digits a byte`);
    }
    return Uint8Array.from(Buffer.from(ctx, 'hex'));
  });
}

const MOST_ARENA_PAGES = 256;

function arenaPages({ arena_pages: pages = 1 }: Request): number {
  if (Number.isInteger(pages) && (pages as number) >= 0 && (pages as number) <= MOST_ARENA_PAGES)
    return pages as number;
  throw new RequestProblem(`arena_pages: expected 0 to ${MOST_ARENA_PAGES}`);
}

/** A request does not say which map is the arena: the program reaches it by its addresses. */
const arenaOf = ({ arena, arenaMap = 'arena' }: WholeProgram, { arenaPages = 1 }: ExecOptions): ArenaData | undefined =>
  arena && { name: arenaMap, place: arena, init: new Uint8Array(PAGE * arenaPages) };

export interface ExecOptions {
  readonly policy: StackPolicy;
  readonly config?: KernelConfig;
  readonly seed?: number;
  /** Pages of the program's arena that are allocated, from its start. */
  readonly arenaPages?: number;
  /** r1, r2, ...; by default r1 points to the context. */
  readonly entryArguments?: readonly bigint[];
  /** Where the program's instruction at a pc is written. */
  readonly source?: (subprog: number, pc: number) => SourcePlace;
}

/**
 * Compiles a program that a kernel has accepted, for one context. It is not refused for the depth of its stack: another
 * layout than the kernel's may need more of it.
 * @throws JitError
 */
export function prepare(name: string, whole: WholeProgram, context: Uint8Array, options: ExecOptions): Built {
  const { policy, config = LINUX_6_18, seed = 1 } = options;
  const verified = { name, type: whole.type, throws: [], awareOf: undefined, ...verify(whole, policy, config, true) };
  const arrays = verified.program.maps.filter((map) => map !== whole.arenaMap);
  const maps = arrays.map(
    (name) =>
      whole.maps?.find((map) => map.name === name) ?? { name, size: MAP_BYTES, init: new Uint8Array(MAP_BYTES) },
  );
  const initial = { seed, context, maps, arena: arenaOf(whole, options) };
  return buildWorld([verified], initial, { policy, config, bodies: new Map() });
}

/** One run of what was prepared. */
export function setupOf(built: Built, { config = LINUX_6_18, entryArguments }: ExecOptions): RunSetup {
  const event = { kind: 'run', program: built.world.programs[0]!.name, times: 1, position: NOWHERE } as const;
  const setup = { ...built, config, clobbers: [], returns: new Map<string, bigint>(), events: [event], cpu: 0 };
  return entryArguments ? { ...setup, entryArguments } : setup;
}

/** What came of a run, with every check on. */
export function resultOf(run: Run, { source }: ExecOptions, interpreted: Interpreted = NOT_INTERPRETED): ExecResult {
  const r0 = run.after[0]!;
  const written = (world: World, place: Finding['place']) =>
    source && place && place.pc >= 0 ? source(place.subprog, writtenPc(world.programs[place.program]!, place)) : null;
  return {
    retval: Number(r0 & 0xffffffffn),
    r0: r0.toString(),
    ctx: Buffer.from(run.memory.get('ctx')!).toString('hex'),
    findings: findings(checkInput(run, ANYTHING, interpreted)).map((each, at) => findingReport(each, at, '', written)),
  };
}

/** Runs what was prepared once, with every check on. */
export function runPrepared(built: Built, options: ExecOptions, interpreted?: Interpreted): ExecResult {
  return resultOf(runScenario(setupOf(built, options)).runs[0]!, options, interpreted);
}

/** Compiles a program and runs it on each context. @throws JitError */
export function execute(
  name: string,
  whole: WholeProgram,
  contexts: readonly Uint8Array[],
  options: ExecOptions,
): ExecResult[] {
  return contexts.map((context) => runPrepared(prepare(name, whole, context, options), options));
}

/**
 * Answers one request of `exec --ndjson`. With `verifier_insns` the program may hold what only the verifier makes; with
 * `arena_vm_start` and `arena_user_vm_start` (as in the captures) it has an arena, of which the first `arena_pages` pages
 * (default 1) are allocated.
 * @throws RequestProblem or JitError: their messages are the answer
 */
export function answerExec(request: Request, policy: StackPolicy, config: KernelConfig = LINUX_6_18): ExecAnswer {
  const name = request.name ?? null;
  const options = { policy, config, arenaPages: arenaPages(request) };
  const whole = wholeProgram(request);
  const problem = whole.arena && arenaProblem(whole.arena, PAGE * options.arenaPages);
  if (problem !== undefined) throw new RequestProblem(problem);
  const runs = execute(String(name ?? 'prog'), whole, contexts(request), options);
  return { name, runs };
}
