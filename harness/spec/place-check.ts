import type { LowerContext, Placed } from './context';
import { calledNames, type Problem, pcProblem } from './instructions';
import type { Path } from './issues';
import { type Program, suggest } from './jit';
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

function placeProblem(place: Place, program: Program): Problem | undefined {
  const subprog = program.subprogs.find((each) => each.name === place.subprog.subprog)!;
  if (place.kind === 'pc') return pcProblem(subprog, place.pc);
  if (place.kind === 'after-call') {
    const { callee, nth = 1 } = place;
    const { name } = subprog;
    const called = calledNames(subprog, program);
    const times = called.filter((each) => each === callee).length;
    if (times >= nth) return undefined;
    if (times > 0) return { message: `${name} calls ${callee} in ${times} places`, expected: `at most ${times}` };
    const expected = called.length === 0 ? undefined : oneOf(new Set(called));
    return { message: `${name} does not call ${callee}`, expected, suggestion: suggest(callee, called) };
  }
  return undefined;
}
