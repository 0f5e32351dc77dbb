import { release } from 'node:os';
import { bpfAllowed } from '../native';
import { type Difference, differences, incomparable, type Opcode, type OurImage } from './compare';
import { type Generated, generate } from './generate';
import { loadAndRead } from './load';
import { privateFramePointer } from './private-frame';
import type { KernelImage } from './read-image';

const RELEASE = /^6\.18[.-]/;

/** The JIT that is compared with the kernel's. */
export interface JitUnderTest {
  /** Addresses of the kernel that its code has without help: they are compared, too. */
  readonly symbols: readonly bigint[];
  /** Compiles a program for the addresses at which the kernel put it. */
  compile(program: Generated, ksyms: readonly bigint[], frames: readonly (bigint | null)[]): OurImage;
  /** The program as it is handed to the JIT, slot by slot. */
  rewritten(program: Generated): readonly Opcode[];
  /** The BPF instruction that the machine code at an offset of a function belongs to. */
  instructionAt(program: Generated, fn: number, offset: number): string;
}

export type Outcome = { readonly seed: number; readonly program: Generated } & (
  | { readonly kind: 'equal'; readonly functions: number; readonly privates: number }
  | { readonly kind: 'different'; readonly differences: readonly (Difference & { readonly insn?: string })[] }
  | { readonly kind: 'not-comparable'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
);

/** Why nothing can be compared here; null when it can. */
export function whyNot(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the kernel is not Linux on x86-64';
  if (!RELEASE.test(release())) return `the kernel is ${release()}, not 6.18`;
  const { allowed, reason } = bpfAllowed();
  return allowed ? null : reason;
}

/** The last line that says why: statistics follow it. */
const lastLine = (log: string): string =>
  log
    .trimEnd()
    .split('\n')
    .filter((line) => !/^(processed \d|verification time|stack depth)/.test(line))
    .at(-1) ?? '';

function judge(program: Generated, image: KernelImage, depths: readonly number[], jit: JitUnderTest): Outcome {
  const { seed } = program;
  const frames = image.functions.map(privateFramePointer);
  const ours = jit.compile(program, image.ksyms, frames);
  const found = differences(ours, image, depths, jit.symbols);
  if (found.length === 0) {
    const { length: functions } = frames;
    const privates = frames.filter((frame) => frame !== null).length;
    return { seed, program, kind: 'equal', functions, privates };
  }
  const reason = incomparable(jit.rewritten(program), image.xlated);
  if (reason !== null) return { seed, program, kind: 'not-comparable', reason };
  return {
    seed,
    program,
    kind: 'different',
    differences: found.map((each) => ({
      ...each,
      ...(each.offset !== undefined && { insn: jit.instructionAt(program, each.fn, each.offset) }),
    })),
  };
}

/** Generates the program of a seed, loads it, and compares what the kernel made of it with what we make of it. */
export function compareSeed(seed: number, jit: JitUnderTest): Outcome {
  const program = generate(seed);
  const loaded = loadAndRead(program);
  if (!loaded.ok) return { seed, program, kind: 'refused', reason: `${loaded.errno}: ${lastLine(loaded.log)}` };
  return judge(program, loaded.image, loaded.depths, jit);
}

const describe = (outcome: Outcome & { kind: 'different' }): string[] =>
  outcome.differences.flatMap(({ fn, what, offset, insn, want, got }) => [
    `seed ${outcome.seed} (${outcome.program.type}), function ${fn}: ${what}${offset === undefined ? '' : ` at +0x${offset.toString(16)}, ${insn}`}`,
    `  kernel ${want}`,
    `  ours   ${got}`,
  ]);

/** The outcome of many programs, in lines. */
export function parityLines(outcomes: readonly Outcome[], milliseconds: number): string[] {
  const of = <K extends Outcome['kind']>(kind: K) =>
    outcomes.filter((each): each is Outcome & { kind: K } => each.kind === kind);
  const equal = of('equal');
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const reasons = (list: readonly { readonly seed: number; readonly reason: string }[]) =>
    list.map(({ seed, reason }) => `  seed ${seed}: ${reason}`);
  const functions = sum(equal.map((each) => each.functions));
  const privates = sum(equal.map((each) => each.privates));
  return [
    ...of('different').flatMap(describe),
    `${outcomes.length} programs in ${(milliseconds / 1000).toFixed(1)} s`,
    `equal: ${equal.length}, with ${functions} functions, ${privates} of them with a private frame`,
    `different: ${of('different').length}`,
    `not comparable: ${of('not-comparable').length}`,
    ...reasons(of('not-comparable')),
    `refused by the verifier: ${of('refused').length}`,
    ...reasons(of('refused')),
  ];
}
