import { CONTEXT_BASE } from '../machine/layout';
import { type InterpreterResult, interpret, KERNEL_HELPERS } from '../oracle';
import type { FuzzInput } from './input';
import type { Prepared } from './prepare';

/** Instructions after which the interpreter gives up: far more than the generator plans for. */
export const BUDGET = 2_000_000;

/** What the program does by itself, without a machine. */
export function expected({ program, fuzz, callees }: Prepared, input: FuzzInput): InterpreterResult {
  return interpret(program, {
    regions: [{ name: 'ctx', base: CONTEXT_BASE, bytes: input.context }],
    args: [CONTEXT_BASE],
    helper: (name, args, state) => {
      if (name === 'bpf_loop') return KERNEL_HELPERS.bpf_loop!(args, state);
      return input.returns[callees.indexOf(name)];
    },
    budget: BUDGET,
    seed: input.seed,
    exceptionCallback: () => fuzz.exceptionCallback,
  });
}
