import type { Interpreted, InterpretedArea, InterpretedCall } from '../run/interpreted';
import { type Executed, type ExecutedRun, Execution, type Surroundings } from './execution';
import { type LeftOut, leftOut } from './quiet';
import { Incomparable, type ReferenceSetup } from './setup';

export type { ReferenceProgram, ReferenceSetup } from './setup';

/**
 * Junk of one kind, its complement, and junk of another kind; frames and functions at addresses that differ in every
 * byte, frames in another order. All of them end in multiples of 8, in the upper half of the address space, as in a
 * kernel.
 */
const SURROUNDINGS: readonly Surroundings[] = [
  {
    seed: 1,
    inverted: false,
    addresses: { frames: 0xffff_f4a3_1064_2800n, stride: 0x1_0240n, functions: 0xffff_ca11_3000_4700n },
  },
  {
    seed: 1,
    inverted: true,
    addresses: { frames: 0xffff_8b5c_ef9b_d758n, stride: -0x1_0240n, functions: 0xffff_95ee_cfff_b8a8n },
  },
  {
    seed: 2,
    inverted: false,
    addresses: { frames: 0xffff_a771_5d2e_61b0n, stride: 0x1_0608n, functions: 0xffff_b84c_8a71_1d50n },
  },
];

const same = (values: readonly (bigint | number | undefined)[]): boolean =>
  values.every((value) => value === values[0]);

/** What all of some values are; null where they differ. */
const agreed = (values: readonly bigint[]): bigint | null => (same(values) ? values[0]! : null);

const WORD = 8;

/** Bytes that are the same in all memories; what is in one word with another one is a part of the same address. */
function agreedArea(memories: readonly Uint8Array[]): InterpretedArea {
  const [first] = memories as [Uint8Array, ...Uint8Array[]];
  const words = Array.from({ length: Math.ceil(first.length / WORD) }, () => true);
  first.forEach((byte, i) => {
    if (memories.some((each) => each[i] !== byte)) words[Math.floor(i / WORD)] = false;
  });
  return { bytes: first, known: Array.from(first, (_, i) => words[Math.floor(i / WORD)]!) };
}

/** A run in all surroundings; null where something else than the program decides where it goes. */
function agreedRun(runs: readonly ExecutedRun[], uninterrupted: boolean): Interpreted | null {
  const [first] = runs as [ExecutedRun, ...ExecutedRun[]];
  const alike = runs.every(
    ({ path, log }) =>
      path.length === first.path.length &&
      path.every((value, i) => value === first.path[i]) &&
      log.length === first.log.length &&
      log.every(({ name }, i) => name === first.log[i]!.name),
  );
  if (!alike) return null;
  const calls = first.log.map(
    ({ name, args }, i): InterpretedCall => ({
      name,
      args: args.map((_, j) => agreed(runs.map(({ log }) => log[i]!.args[j]!))),
    }),
  );
  const memory = new Map(
    [...first.memory.keys()].map((name) => [name, agreedArea(runs.map((run) => run.memory.get(name)!))]),
  );
  return { kind: 'exit', r0: agreed(runs.map(({ r0 }) => r0)), calls, memory, uninterrupted };
}

/** What is the same in all surroundings, run by run; the last one is of all that follow, where one has no end. */
function agreedRuns(all: readonly Executed[], uninterrupted: boolean): Interpreted[] {
  const [first] = all as [Executed, ...Executed[]];
  const runs: Interpreted[] = [];
  for (let i = 0; all.every((each) => i < each.runs.length); i++) {
    const run = agreedRun(
      all.map((each) => each.runs[i]!),
      uninterrupted,
    );
    if (!run) return [...runs, { kind: 'none', reason: 'where the run goes depends on a value that means nothing' }];
    runs.push(run);
  }
  const reason = all.map((each) => each.reason).find((each) => each !== null);
  if (reason !== undefined && reason !== null) return [...runs, { kind: 'none', reason }];
  return all.every((each) => each.runs.length === first.runs.length) ? runs : [...runs, UNEVEN];
}

const UNEVEN: Interpreted = { kind: 'none', reason: 'whether a callback is set depends on a value that means nothing' };

/**
 * Runs a scenario in the reference interpreter, in several surroundings: programs as they are written, in a kernel that is
 * the machine's, without a JIT.
 * @returns each run in order. After one of kind `none` there are no more: nothing is known of them either
 */
export function interpretScenario(setup: ReferenceSetup): Interpreted[] {
  let without: LeftOut;
  try {
    without = leftOut(setup);
  } catch (error) {
    if (error instanceof Incomparable) return [{ kind: 'none', reason: error.reason }];
    throw error;
  }
  const all: Executed[] = [];
  for (const surroundings of SURROUNDINGS) {
    const executed = new Execution(setup, without, surroundings).run();
    if (executed.runs.length === 0 && executed.reason !== null) return [{ kind: 'none', reason: executed.reason }];
    all.push(executed);
  }
  return agreedRuns(all, without.interrupts);
}
