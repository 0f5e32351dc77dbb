import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, type Insn, policyNamed, printInsn } from '../jit';
import { assembleBodies } from './bodies';
import { type Built, buildWorld, type HelperBodies, verifyAll } from './build';
import type { LocatedCapture } from './capture/capture';
import { configOf } from './capture/machine';
import { placeCapture } from './capture/placed';
import { requestInsns } from './capture/program';
import { readCaptureFile } from './capture/read';
import { lowerLoaded, nameOf } from './cases';
import { judgeCase } from './judge';
import { formatIssue, type LoweredSpec, loadFiles, type SpecCase } from './spec';

const FOLDER = join(__dirname, '..', 'specs', 'findings');
const POLICY = policyNamed('linux-6.18')!;

const SPECS = loadFiles([FOLDER]).specs.flatMap((loaded): readonly LoweredSpec[] => {
  const lowered = lowerLoaded(loaded);
  if (!lowered.ok) throw new Error(lowered.issues.map(formatIssue).join('\n'));
  return lowered.value;
});

/** `specs/findings/a-exceptions.yaml/main64_catch264 of "..."`: programs of all findings have different names. */
const programName = (name: string): string => /\.yaml\/(\w+)/.exec(name)![1]!;

const CAPTURES = new Map(
  readdirSync(join(FOLDER, 'captures')).flatMap((file) => {
    const { captures, problems } = readCaptureFile(join(FOLDER, 'captures', file));
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return captures.map((each) => [programName(each.capture.name), each] as const);
  }),
);

const captureOf = (name: string): LocatedCapture => CAPTURES.get(name)!;
const configFor = (spec: LoweredSpec) => configOf(captureOf(spec.programs[0]!.name).machine);
const verifiedAll = (spec: LoweredSpec) => verifyAll(spec.programs, POLICY, configFor(spec), { maps: spec.maps });

/** Whose code the kernel makes of other instructions than ours: finding E. */
const OTHER_INSNS = 'e_seen';

/** What is the same in every kernel: no address of a function or of a map. */
function withoutAddresses({ code, dst, src, off, imm, imm64 }: Insn): object {
  const pair = imm64 !== undefined;
  if (code === (BPF_JMP | BPF_CALL)) return { code, subprog: src === BPF_PSEUDO_CALL };
  return { code, dst, src, off, ...(!pair && { imm }), ...(pair && src === 0 && { imm64 }) };
}

/** Programs that a scenario runs: the first one where it names none. */
function runBy({ programs }: LoweredSpec, { scenario: { events } }: SpecCase): ReadonlySet<string> {
  const run = events.flatMap((event) => (event.kind === 'run' ? [event.program] : []));
  const meanwhile = events.flatMap((each) =>
    each.kind === 'interrupt' && each.by.kind === 'run' ? [each.by.program] : [],
  );
  return new Set([...(run.length > 0 ? run : [programs[0]!.name]), ...meanwhile]);
}

/**
 * The world of a case with the kernel's own images in the place of ours. What does not run stays ours: the kernel had
 * the captured programs one after the other, in the same places.
 */
function withImages(spec: LoweredSpec, each: SpecCase, bodies: HelperBodies): Built {
  const running = runBy(spec, each);
  const programs = verifiedAll(spec).map((own) => {
    // Arrays of programs are ours: the kernel's was empty.
    if (!running.has(own.name) || own.analysis.pokes.some(({ length }) => length > 0)) return own;
    const captured = placeCapture(captureOf(own.name));
    const subprogs = captured.program.subprogs.map((each, i) => ({ ...each, name: own.program.subprogs[i]!.name }));
    const program = { ...captured.program, subprogs };
    const functions = captured.functions.map((fn, i) => ({ ...fn, name: subprogs[i]!.name, rows: () => fn.rows() }));
    return {
      ...own,
      program,
      analysis: captured.analysis,
      origins: captured.origins,
      captured: { ...captured, functions },
    };
  });
  const maps = spec.maps.filter((map) => map.programs);
  const initial = { seed: spec.seed, context: each.scenario.context, maps };
  return buildWorld(programs, initial, { policy: POLICY, config: configFor(spec), bodies });
}

/** Judges a case on the kernel's images. */
async function onImages(spec: LoweredSpec, each: SpecCase) {
  const { bodies, issues } = await assembleBodies(each.scenario.helpers);
  expect(issues).toEqual([]);
  const alter = () => withImages(spec, each, bodies);
  const judged = judgeCase(spec, each, 0, { config: configFor(spec), bodies, alter, replay: () => '' });
  if (!judged.ok) throw new Error(formatIssue(judged.issue));
  return judged.report;
}

const CASES = SPECS.flatMap((spec) =>
  spec.cases
    .filter((each) => nameOf(each) === POLICY.name)
    .map((each) => [`${spec.name} · ${each.scenario.name}`, spec, each] as const),
);
const isOther = ({ programs }: LoweredSpec): boolean => programs[0]!.name === OTHER_INSNS;

describe("what the findings' specs say of linux-6.18 is so on Linux's own images", () => {
  it.each(CASES.filter(([, spec]) => !isOther(spec)))('%s', async (_, spec, each) => {
    const { verdict, asDeclared, reason, findings } = await onImages(spec, each);
    expect({ verdict, asDeclared, reason, findings: asDeclared ? [] : findings }).toEqual({
      verdict: each.expectation.verdict.value.kind,
      asDeclared: true,
      reason: null,
      findings: [],
    });
  });
});

const PROGRAMS = SPECS.flatMap((spec) => spec.programs.map(({ name }) => [name, spec] as const));

/** Instructions as our rewrites leave them, and as the kernel's verifier does. */
function instructions(name: string) {
  const [, spec] = PROGRAMS.find(([each]) => each === name)!;
  const kernel = requestInsns(captureOf(name).capture);
  const own = verifiedAll(spec).find((each) => each.name === name)!;
  // The kernel does not show its default exception callback.
  const ours = own.program.subprogs.slice(0, kernel.length).map(({ insns }) => insns);
  return { kernel, ours };
}

describe("the programs of the findings' specs have the kernel's bytes", () => {
  it.each(PROGRAMS)('%s: of the same instructions', (name) => {
    expect(placeCapture(captureOf(name)).image).not.toBeNull();
  });

  it.each(PROGRAMS.filter(([name]) => name !== OTHER_INSNS))('%s: the same instructions', (name) => {
    const { kernel, ours } = instructions(name);
    const plain = (functions: readonly (readonly Insn[])[]) => functions.map((insns) => insns.map(withoutAddresses));
    expect(plain(ours)).toEqual(plain(kernel));
  });
});

describe('r0 after a compare and exchange of 32 bits', () => {
  const texts = (insns: readonly Insn[]) => insns.map((insn) => printInsn(insn));
  const exchange = (text: string) => text.includes('cmpxchg');

  it('is cut to 32 bits by the rewrites, and by the kernel where it is read at once', () => {
    const { ours } = instructions(OTHER_INSNS);
    const { kernel } = instructions('e_at_once');
    for (const [main] of [ours, kernel]) {
      const insns = texts(main!);
      expect(insns[insns.findIndex(exchange) + 1]).toMatch(/^w0 = w0/);
    }
  });

  it('is not, by the kernel, where another path to the reader was followed before', () => {
    const [main] = instructions(OTHER_INSNS).kernel;
    const insns = texts(main!);
    expect(insns[insns.findIndex(exchange) + 1]).toBe('*(u64 *)(r6 + 0) = r0');
    expect(insns.some((text) => /^w0 = w0/.test(text))).toBe(false);
  });

  // Unicorn 2.0 cuts it to 32 bits where a processor does not.
  it('is what it should be in the emulator, so that only the listing tells', async () => {
    for (const [, own, each] of CASES.filter(([, spec]) => isOther(spec))) {
      const { verdict, asDeclared, reason } = await onImages(own, each);
      expect({ verdict, asDeclared, reason }).toEqual({
        verdict: 'holds',
        asDeclared: false,
        reason: expect.stringContaining('movl %eax, %eax'),
      });
    }
  });
});
