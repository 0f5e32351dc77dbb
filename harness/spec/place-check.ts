import type { LowerContext, Placed } from './context';
import type { Path } from './issues';
import { BPF_CALL, BPF_HELPER_CALL, BPF_JMP, BPF_PSEUDO_CALL, HELPERS, type Program, pcsOf, suggest } from './jit';
import { type Place, parsePlace } from './places';
import type { LoweredPrograms } from './programs';
import { oneOf } from './words';

/** The place that is written at `path`; reports one that there is not. */
export function lowerPlace(
  text: string,
  path: Path,
  { programs, names }: LoweredPrograms,
  context: LowerContext,
): Placed<Place> | undefined {
  const parsed = parsePlace(text, names);
  if (!parsed.ok) return context.report(path, parsed.message, parsed);
  const { place } = parsed;
  const { program } = programs.find((each) => each.name === place.subprog.program)!;
  const problem = placeProblem(place, program);
  return problem ? context.report(path, problem.message, problem) : context.place(place, path);
}

function placeProblem(place: Place, program: Program) {
  const { name, insns } = program.subprogs.find((each) => each.name === place.subprog.subprog)!;
  if (place.kind === 'pc') {
    const pcs = pcsOf(insns).slice(0, -1);
    if (pcs.includes(place.pc)) return undefined;
    const expected = `the start of an instruction, 0 to ${pcs[pcs.length - 1]}`;
    return { message: `no instruction at pc ${place.pc} of ${name}`, expected };
  }
  if (place.kind === 'after-call') {
    const { callee, nth = 1 } = place;
    const called = insns.filter(({ code }) => code === (BPF_JMP | BPF_CALL)).map((call) => calleeName(call, program));
    const times = called.filter((each) => each === callee).length;
    if (times >= nth) return undefined;
    if (times > 0) return { message: `${name} calls ${callee} in ${times} places`, expected: `at most ${times}` };
    const expected = called.length === 0 ? undefined : oneOf(new Set(called));
    return { message: `${name} does not call ${callee}`, expected, suggestion: suggest(callee, called) };
  }
  return undefined;
}

function calleeName({ src, imm }: { src: number; imm: number }, program: Program): string {
  if (src === BPF_PSEUDO_CALL) return program.subprogs[imm]!.name;
  return (src === BPF_HELPER_CALL ? HELPERS.name(imm) : program.kfuncs[imm]) ?? `${imm}`;
}
