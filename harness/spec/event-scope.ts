import type { LowerContext } from './context';
import type { EventPoint } from './event-points';
import type { Hints, Path, Position } from './issues';
import { type Subprog, suggest } from './jit';
import { parsePoint } from './point-text';
import type { LoweredProgram, LoweredPrograms } from './programs';
import type { Spec } from './schema';
import type { SubprogRef } from './subprogs';
import { oneOf } from './words';

/** A subprog that an event names, and all that is known of it. */
export interface Target {
  readonly ref: SubprogRef;
  readonly program: LoweredProgram;
  readonly subprog: Subprog;
  /** Of the subprog in its program. */
  readonly index: number;
}

/** Finds what events name. What there is not is reported, and undefined. */
export class EventScope {
  constructor(
    private readonly spec: Spec,
    private readonly lowered: LoweredPrograms,
    private readonly context: LowerContext,
  ) {}

  position(path: Path): Position {
    return this.context.position(path);
  }

  report(path: Path, message: string, hints: Hints = {}): undefined {
    return this.context.report(path, message, hints);
  }

  program(name: string, path: Path): LoweredProgram | undefined {
    const found = this.lowered.programs.find((each) => each.name === name);
    if (found) return found;
    const known = this.lowered.programs.map((each) => each.name);
    return this.report(path, `unknown program \`${name}\``, {
      expected: oneOf(known),
      suggestion: suggest(name, known),
    });
  }

  /** A program of that type. */
  programOf(type: string, name: string, path: Path): LoweredProgram | undefined {
    const program = this.program(name, path);
    if (!program || program.type === type) return program;
    return this.report(path, `\`${name}\` is a program of type ${program.type}`, { expected: `one of type ${type}` });
  }

  target(name: string, path: Path): Target | undefined {
    const found = this.lowered.names.resolve(name);
    if (!found.ok) return this.report(path, found.message, found);
    const program = this.lowered.programs.find((each) => each.name === found.ref.program)!;
    const index = program.program.subprogs.findIndex((each) => each.name === found.ref.subprog);
    return { ref: found.ref, program, subprog: program.program.subprogs[index]!, index };
  }

  /** An async callback. */
  callback(name: string, path: Path): SubprogRef | undefined {
    const target = this.target(name, path);
    if (!target || target.program.asyncCallbacks.includes(target.index)) return target?.ref;
    const { program, ref } = target;
    const known = program.asyncCallbacks.map((index) => program.program.subprogs[index]!.name);
    return this.report(path, `${ref.subprog} is no async callback of ${ref.program}`, {
      expected: known.length > 0 ? oneOf(known) : 'a subprog that is handed to a timer, or is in `async_callbacks`',
    });
  }

  /** Whether a generated body throws there when it is told to. */
  throws({ ref, program, index }: Target, path: Path): boolean {
    if (program.throws.some(({ subprog }) => subprog === index)) return true;
    const generated = this.spec.programs[program.name]!.tree !== undefined;
    const throwing = program.throws.map(({ subprog }) => program.program.subprogs[subprog]!.name);
    const message = generated
      ? `${ref.subprog} has no \`bpf_throw\``
      : 'what is not generated from a tree throws by itself';
    const expected = throwing.length > 0 ? oneOf(throwing) : 'a subprog of a tree that has a line `bpf_throw`';
    this.report(path, message, { expected });
    return false;
  }

  /** A subprog that something may be attached to by `attacher`. */
  attachable(name: string, path: Path, attacher: string | undefined): Target | undefined {
    const target = this.target(name, path);
    if (!target) return undefined;
    const { program, index } = target;
    if (index === program.exceptionCallback) return this.report(path, 'programs cannot attach to exception callback');
    if (program.name === attacher) return this.report(path, `${attacher} cannot attach to itself`);
    return target;
  }

  point(text: string, path: Path): EventPoint | undefined {
    const point = parsePoint(text, this.lowered);
    return 'message' in point ? this.report(path, point.message, point) : point;
  }
}
