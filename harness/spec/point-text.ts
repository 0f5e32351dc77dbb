import type { EventPoint, PointRole } from './event-points';
import { callCount, calledKernelNames, type Problem, pcProblem } from './instructions';
import { type Subprog, suggest } from './jit';
import type { LoweredProgram, LoweredPrograms } from './programs';
import type { SubprogRef } from './subprogs';
import { oneOf } from './words';

/** The subprog that a point names. */
interface Where {
  readonly ref: SubprogRef;
  readonly program: LoweredProgram;
  readonly subprog: Subprog;
  readonly index: number;
}

type Groups = Readonly<Record<string, string | undefined>>;

/** One way to write a point. `where` is undefined where the text names no subprog. */
interface Form {
  readonly shown: string;
  readonly pattern: RegExp;
  read(groups: Groups, where: Where | undefined, programs: LoweredPrograms): EventPoint | Problem;
}

const NAME = '[A-Za-z_$.][\\w$.]*';
const NTH = '(?<nth>[1-9]\\d{0,5})';
const SUBPROG = `(?<subprog>${NAME})`;

const role = (
  shown: string,
  pattern: string,
  kind: PointRole,
  problem?: (groups: Groups, where: Where) => Problem | undefined,
): Form => ({
  shown,
  pattern: new RegExp(`^${pattern} of ${SUBPROG}$`),
  read: (groups, where) =>
    problem?.(groups, where!) ?? { kind: 'role', subprog: where!.ref, role: kind, nth: Number(groups.nth ?? 1) },
});

const FORMS: readonly Form[] = [
  {
    shown: 'call 2 of bpf_ktime_get_ns in prog.main',
    pattern: new RegExp(`^call( ${NTH})? of (?<callee>${NAME})( in ${SUBPROG})?$`),
    read: ({ nth, callee }, where, programs) =>
      calleeProblem(callee!, where, programs) ?? {
        kind: 'call',
        callee: callee!,
        ...(nth !== undefined && { nth: Number(nth) }),
        ...(where && { subprog: where.ref }),
      },
  },
  {
    shown: 'prog.main pc 3',
    pattern: new RegExp(`^${SUBPROG} pc (?<pc>\\d{1,6})$`),
    read: ({ pc }, where) =>
      pcProblem(where!.subprog, Number(pc)) ?? { kind: 'pc', subprog: where!.ref, pc: Number(pc) },
  },
  {
    shown: 'prog.main label NAME',
    pattern: new RegExp(`^${SUBPROG} label (?<label>${NAME})$`),
    read: ({ label }, where) => labelPoint(label!, where!),
  },
  {
    shown: 'instruction 5 of prog.main',
    pattern: new RegExp(`^instruction (?<at>\\d{1,6}) of ${SUBPROG}$`),
    read: ({ at }, where) => ({ kind: 'instruction', subprog: where!.ref, index: Number(at) }),
  },
  role('between push and call 2 of prog.main', `between push and call( ${NTH})?`, 'call', nthProblem),
  role('before call 2 of prog.main', `before call( ${NTH})?`, 'call', nthProblem),
  role('before the frame pointer of prog.main', 'before the frame pointer', 'frame-pointer'),
  role('epilogue of prog.main', 'epilogue', 'epilogue'),
  {
    shown: 'every instruction of prog.main',
    pattern: new RegExp(`^every instruction of ${SUBPROG}$`),
    read: (_, where) => ({ kind: 'every', subprog: where!.ref }),
  },
];

/** Reads a point, and checks that there is what it names. */
export function parsePoint(text: string, lowered: LoweredPrograms): EventPoint | Problem {
  const words = text.trim().replace(/\s+/g, ' ');
  for (const form of FORMS) {
    const groups = form.pattern.exec(words)?.groups;
    if (!groups) continue;
    if (groups.subprog === undefined) return form.read(groups, undefined, lowered);
    const found = lowered.names.resolve(groups.subprog);
    return found.ok ? form.read(groups, whereOf(found.ref, lowered), lowered) : found;
  }
  const expected = oneOf(FORMS.map(({ shown }) => `\`${shown}\``));
  return { message: `${JSON.stringify(text)} is no point of a run`, expected };
}

function whereOf(ref: SubprogRef, { programs }: LoweredPrograms): Where {
  const program = programs.find((each) => each.name === ref.program)!;
  const index = program.program.subprogs.findIndex((each) => each.name === ref.subprog);
  return { ref, program, subprog: program.program.subprogs[index]!, index };
}

function calleeProblem(callee: string, where: Where | undefined, { programs }: LoweredPrograms): Problem | undefined {
  const called = where
    ? calledKernelNames(where.subprog, where.program.program)
    : programs.flatMap(({ program }) => program.subprogs.flatMap((subprog) => calledKernelNames(subprog, program)));
  if (called.includes(callee)) return undefined;
  const message = where ? `${where.ref.subprog} does not call ${callee}` : `no program calls ${callee}`;
  const expected = called.length === 0 ? 'a helper or kfunc that is called' : oneOf(new Set(called));
  return { message, expected, suggestion: suggest(callee, called) };
}

function nthProblem({ nth }: Groups, { subprog }: Where): Problem | undefined {
  const calls = callCount(subprog);
  if (Number(nth ?? 1) <= calls) return undefined;
  if (calls === 0) return { message: `${subprog.name} makes no calls` };
  return { message: `${subprog.name} makes ${calls} calls`, expected: `call 1 to ${calls}` };
}

function labelPoint(label: string, { ref, program, subprog, index }: Where): EventPoint | Problem {
  const labels = program.labels[index] ?? new Map<string, number>();
  const pc = labels.get(label);
  if (pc === undefined) {
    const expected = labels.size === 0 ? 'a label in its assembly' : oneOf(labels.keys());
    return { message: `${ref.subprog} has no label \`${label}\``, expected, suggestion: suggest(label, labels.keys()) };
  }
  return pcProblem(subprog, pc) ?? { kind: 'pc', subprog: ref, pc };
}
