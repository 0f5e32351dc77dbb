import { type KernelConfig, LINUX_6_18, notApplicable, type Program, type StackPolicy } from '../../jit';
import { type Built, buildWorld, calledHelpers, type NamedProgram } from '../build';
import { applied } from '../fault/apply';
import type { Mutation } from '../fault/mutation';
import type { KernelModel } from '../kernel/model';
import { calledHelperAddress, plainHelperAddress } from '../machine/reused-machine';
import { verify } from '../request-program';
import { BOUNDS } from './bounds';
import { isCalled } from './helpers';
import { type FuzzProgram, programOf } from './program';

/** A generated program as the verifier would be handed it, and as it is run under a policy. */
export interface Prepared {
  readonly fuzz: FuzzProgram;
  readonly program: Program;
  readonly verified: NamedProgram;
  readonly built: Built;
  /** What the program calls, in order of the first call: results of an input are in this order. */
  readonly callees: readonly string[];
  /** What the kernel around it decides. */
  readonly kernel: KernelModel;
}

/** Not to be run under this policy, and why. */
export interface Unfit {
  readonly unfit: 'refused' | 'not-applicable';
  readonly reason: string;
}

const helperAddress = (helper: { readonly name: string; readonly stub?: unknown }, index: number): bigint =>
  helper.stub !== undefined || isCalled(helper.name) ? calledHelperAddress(index) : plainHelperAddress(index);

/**
 * Does what the verifier does, and compiles.
 * @param mutation changed from outside, for those who want to see the fault found
 * @throws BuildError
 */
export function prepare(
  fuzz: FuzzProgram,
  sound: StackPolicy,
  config: KernelConfig = LINUX_6_18,
  program: Program = programOf(fuzz),
  mutation: Mutation = {},
): Prepared | Unfit {
  const { type, exceptionCallback } = fuzz;
  const changed = applied(mutation, sound);
  const { policy, kernel } = changed;
  const whole = { program, type, attachType: undefined, exceptionCallback, asyncCallbacks: [] };
  const done = verify(whole, policy, config, false);
  const analysis = mutation.analysis?.(done.analysis, 'prog') ?? done.analysis;
  const { origins, hidden } = done;
  const verified = {
    name: 'prog',
    type,
    throws: [],
    awareOf: undefined,
    program: done.program,
    analysis,
    hidden,
    origins,
  };
  const { refusal } = verified.analysis;
  if (refusal !== null) return { unfit: 'refused', reason: refusal };
  const reason = notApplicable(policy, verified.analysis);
  if (reason !== null) return { unfit: 'not-applicable', reason };
  const initial = { seed: 1, context: new Uint8Array(BOUNDS.context), maps: [] };
  const how = { policy, config, bodies: new Map(), helperAddress, applied: changed };
  const built = buildWorld([verified], initial, how);
  return { fuzz, program, verified, built, callees: calledHelpers([{ program }]), kernel };
}
