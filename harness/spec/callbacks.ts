import { argumentRead } from './arguments';
import type { LoweredBody } from './bodies';
import type { LowerContext } from './context';
import type { Path } from './issues';
import { asyncCallbacksOf, handedOver, type Program, pcsOf, suggest } from './jit';
import type { ProgramSpec } from './schema-program';
import { oneOf } from './words';

/** How many arguments helpers give to the callbacks that they are handed. */
const CALLBACK_ARGUMENTS: Readonly<Record<string, number>> = {
  bpf_loop: 2,
  bpf_for_each_map_elem: 4,
  bpf_find_vma: 3,
  bpf_user_ringbuf_drain: 2,
  bpf_timer_set_callback: 3,
  bpf_wq_set_callback_impl: 3,
};

/** Subprogs that C code calls, by index. */
export interface Callbacks {
  readonly exceptionCallback?: number;
  readonly asyncCallbacks: readonly number[];
}

/** The callbacks of a program: those that it declares, and those that it hands to a timer or work queue. */
export function lowerCallbacks(written: ProgramSpec, path: Path, body: LoweredBody, context: LowerContext): Callbacks {
  const { program, flagged } = body;
  const exceptionPath = [...path, 'exception_callback'];
  const named = written.exception_callback;
  const exceptionCallback =
    named === undefined
      ? flaggedIndex(flagged.exceptionCallback, program)
      : callback(named, exceptionPath, program, context);
  if (named !== undefined && flagged.exceptionCallback !== undefined && named !== flagged.exceptionCallback) {
    const message = `the ${written.file === undefined ? 'tree' : 'object'} flags \`${flagged.exceptionCallback}\` as the exception callback`;
    context.report(exceptionPath, message, { expected: 'one exception callback' });
  }
  checkHandedOver(body, path, context);
  if (exceptionCallback !== undefined) checkShape(exceptionCallback, written, exceptionPath, program, context);
  const declared = (written.async_callbacks ?? []).flatMap((name, at) => {
    const here = [...path, 'async_callbacks', at];
    const index = callback(name, here, program, context);
    if (index === undefined || index !== exceptionCallback) return index ?? [];
    context.report(here, `${name} is the exception callback`, { expected: 'another subprog' });
    return [];
  });
  return {
    ...(exceptionCallback !== undefined && { exceptionCallback }),
    asyncCallbacks: [
      ...new Set([
        ...declared,
        ...flagged.asyncCallbacks.map((name) => flaggedIndex(name, program)!),
        ...asyncCallbacksOf(program),
      ]),
    ],
  };
}

const flaggedIndex = (name: string | undefined, { subprogs }: Program): number | undefined =>
  name === undefined ? undefined : subprogs.findIndex((each) => each.name === name);

/** The index of a subprog that is not the main one. */
function callback(name: string, path: Path, { subprogs }: Program, context: LowerContext): number | undefined {
  const names = subprogs.map((each) => each.name);
  const index = names.indexOf(name);
  if (index > 0) return index;
  if (index === 0) {
    return context.report(path, `${name} is the main subprog`, { expected: 'another subprog' });
  }
  const known = names.slice(1);
  return context.report(path, `unknown subprog \`${name}\``, {
    expected: known.length > 0 ? oneOf(known) : 'a subprog beside the main one',
    suggestion: suggest(name, known),
  });
}

/** What is handed to a helper must be static (check_ld_imm()), and read no more arguments than it is given. */
function checkHandedOver({ program, sources }: LoweredBody, path: Path, context: LowerContext): void {
  program.subprogs.forEach(({ insns }, subprog) => {
    for (const { pc, callee = '', callback } of handedOver(program, subprog)) {
      const { name, isGlobal, insns: body } = program.subprogs[callback]!;
      const position = sources[subprog]![pcsOf(insns).indexOf(pc)]!;
      const count = Object.hasOwn(CALLBACK_ARGUMENTS, callee) ? CALLBACK_ARGUMENTS[callee]! : 5;
      const read = argumentRead(body, count);
      if (isGlobal)
        context.reportAt(position, path, 'callback function not static', { expected: `${name} not to be global` });
      if (read === undefined) continue;
      const expected = `a callback of ${callee} to take r1 to r${count}; ${name} reads r${read}`;
      context.reportAt(position, path, `R${read} !read_ok`, { expected });
    }
  });
}

/** The verifier takes nothing but a global function of a single integer (bpf_find_exception_callback_insn_off()). */
function checkShape(
  index: number,
  written: ProgramSpec,
  path: Path,
  { subprogs }: Program,
  context: LowerContext,
): void {
  const { name, isGlobal, insns } = subprogs[index]!;
  // The wire form does not say what is global.
  if (!isGlobal && written.hex === undefined) {
    context.report(path, 'exception callback must be a global function taking a single integer argument', {
      expected: `\`.global ${name}\` in the assembly, or the flag \`exception_callback\` in the tree`,
    });
  }
  const read = argumentRead(insns, 1);
  if (read === undefined) return;
  context.report(path, 'exception callback must be a global function taking a single integer argument', {
    expected: `${name} to take r1 alone; it reads r${read}`,
  });
}
