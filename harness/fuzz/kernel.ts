import type { Program } from '../../jit';
import { placeCapture } from '../capture/placed';
import { captureLive, KernelRefusal, measureMachine, permission, Unloadable } from '../kernel-image';
import type { FuzzProgram } from './program';

/** What the running kernel says of a program. */
export type Answer =
  /** `bytes`: whether its JIT made what ours makes of it for that machine; not compared on other releases than ours. */
  | { readonly kind: 'loaded'; readonly bytes: 'equal' | 'different' | 'not compared' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'not tried'; readonly reason: string };

/** Whoever is asked about programs. */
export type Answerer = (fuzz: FuzzProgram, program: Program) => Answer;

let machine: ReturnType<typeof measureMachine> | undefined;

/** The kernel whose bytes ours are. */
const RELEASE = /^6\.18[.-]/;

/**
 * Hands a generated program to the running kernel, which loads it or says why not, and compares the bytes. It is attached to
 * nothing, and never run. Only for those who ask for it: random programs find what is wrong in verifiers, too (docs/findings/).
 */
export const askKernel: Answerer = ({ type, exceptionCallback }, program) => {
  const reason = permission();
  if (reason !== null) return { kind: 'not tried', reason };
  try {
    const { capture } = captureLive({ name: program.name, program, type, exceptionCallback }, [], 0);
    machine ??= measureMachine();
    if (!RELEASE.test(machine.kernel)) return { kind: 'loaded', bytes: 'not compared' };
    const { image } = placeCapture({ capture, type, file: 'the running kernel', line: 1, machine });
    return { kind: 'loaded', bytes: image === null ? 'different' : 'equal' };
  } catch (error) {
    if (error instanceof Unloadable) return { kind: 'not tried', reason: error.message };
    if (error instanceof KernelRefusal) return { kind: 'refused', reason: lastLine(error.log) || error.errno };
    throw error;
  }
};

/** The line of a verifier's log that says why: statistics stand behind it. */
const lastLine = (log: string): string =>
  log
    .trimEnd()
    .split('\n')
    .filter((line) => !/^(processed \d|verification time|stack depth)/.test(line))
    .at(-1) ?? '';
