import type { Program } from '../../jit';
import type { Entrance, FunctionRef, HelperState, KernelState } from '../oracle';
import type {
  EventPoint,
  FireEvent,
  InterruptEvent,
  ReplaceEvent,
  RunEvent,
  ScenarioEvent,
  SubprogRef,
  TrampolineEvent,
} from '../spec';
import type { ReferenceKernel } from './kernel';
import { Incomparable, type ReferenceProgram } from './setup';

/** An event that is arranged for what follows it. */
export type Arranged = Exclude<ScenarioEvent, RunEvent | FireEvent>;

type Later = (InterruptEvent | ReplaceEvent) & { readonly at: EventPoint };

/** An arrangement that waits for its moment. */
interface Waiting {
  readonly event: Later;
  armed: boolean;
  /** Whether what it brings about is going on: that is not interrupted by itself. */
  running: boolean;
  done: boolean;
  /** Of the calls that it might be at, how many went by. */
  calls: number;
}

/** Points that are there without machine code. */
const hasMeaning = ({ kind }: EventPoint): boolean => kind === 'call' || kind === 'pc';

const OTHER_CPU = [1, 0] as const;

/** Runs an async callback that a program has set, on a CPU. */
export type Fire = (callback: SubprogRef, cpu: number, state: KernelState) => void;

/** What a scenario arranges, at the level of BPF: see ScenarioArrangements for the same in the machine. */
export class ReferenceArrangements {
  private readonly waiting: readonly Waiting[];
  private readonly replaced = new Map<string, ReferenceProgram>();
  private readonly traced: TrampolineEvent[] = [];
  /** What stands at an entry: whoever came last. */
  private readonly poked = new Map<string, 'replaced' | 'traced'>();
  private readonly byProgram: ReadonlyMap<Program, ReferenceProgram>;

  /** @param uninterrupted whether programs that interrupt are left out */
  constructor(
    private readonly programs: readonly ReferenceProgram[],
    events: readonly ScenarioEvent[],
    private readonly uninterrupted: boolean,
    private readonly kernel: () => ReferenceKernel,
    private readonly fire: Fire,
  ) {
    this.byProgram = new Map(programs.map((each) => [each.program, each]));
    this.waiting = events.flatMap((event): Waiting[] => {
      const later = event.kind === 'interrupt' || (event.kind === 'replace' && event.at !== undefined);
      return later ? [{ event: event as Later, armed: false, running: false, done: false, calls: 0 }] : [];
    });
  }

  /** An event whose time has come; a throw has another way. */
  add(event: Exclude<Arranged, { kind: 'throw' }>): void {
    if (event.kind === 'fentry' || event.kind === 'fexit') {
      this.traced.push(event);
      this.poked.set(keyOf(event.target), 'traced');
    } else if (event.kind === 'replace' && event.at === undefined) this.replace(event);
    else for (const each of this.waiting) if (each.event === event) each.armed = true;
  }

  private replace({ target, extension }: ReplaceEvent): void {
    this.replaced.set(keyOf(target), this.program(extension));
    this.poked.set(keyOf(target), 'replaced');
  }

  private program(name: string): ReferenceProgram {
    return this.programs.find((each) => each.name === name)!;
  }

  private refOf({ program, subprog }: FunctionRef): SubprogRef {
    return { program: this.byProgram.get(program)!.name, subprog: program.subprogs[subprog]!.name };
  }

  entrance(program: Program, subprog: number): Entrance | undefined {
    const key = keyOf(this.refOf({ program, subprog }));
    const poked = this.poked.get(key);
    if (poked === undefined) return undefined;
    if (poked === 'replaced') return { kind: 'replaced', by: this.replaced.get(key)!.program };
    const here = this.traced.filter(({ target }) => keyOf(target) === key);
    const trace = (kind: TrampolineEvent['kind']) => (state: KernelState) => {
      const programs = here.flatMap((each) =>
        each.kind === kind && each.program !== undefined ? [this.program(each.program)] : [],
      );
      this.kernel().trace(programs, state);
    };
    const after = here.some(({ kind }) => kind === 'fexit') ? { after: trace('fexit') } : {};
    return { kind: 'traced', before: trace('fentry'), ...after };
  }

  /** What may happen before an instruction; undefined where nothing ever does. */
  before(program: Program, subprog: number, pc: number): ((state: KernelState) => void) | undefined {
    const key = keyOf(this.refOf({ program, subprog }));
    const here = this.waiting.filter(
      ({ event: { at } }) => at.kind === 'pc' && keyOf(at.subprog) === key && at.pc === pc,
    );
    if (here.length === 0) return undefined;
    return (state) => {
      this.happen(
        here.filter(({ armed, running, done }) => armed && !running && !done),
        state,
      );
    };
  }

  /** What happens in a call of a helper before the helper does anything. @returns whether something did */
  inCall(name: string, state: HelperState): boolean {
    const caller = keyOf(this.refOf(state.caller));
    const now = this.waiting.filter((each) => {
      const { at } = each.event;
      if (!each.armed || each.running || at.kind !== 'call' || at.callee !== name) return false;
      if (at.subprog && keyOf(at.subprog) !== caller) return false;
      return ++each.calls === (at.nth ?? 1);
    });
    this.happen(now, state);
    return now.length > 0;
  }

  private happen(now: readonly Waiting[], state: KernelState): void {
    for (const each of now) each.done = true;
    for (const each of now) {
      each.running = true;
      if (each.event.kind === 'replace') this.replace(each.event);
      else if (!this.uninterrupted) this.interrupt(each.event, state);
      each.running = false;
    }
  }

  private interrupt({ by, cpu: where, guard }: InterruptEvent, state: KernelState): void {
    const kernel = this.kernel();
    const cpu = where === 'same' ? kernel.cpu : OTHER_CPU[kernel.cpu]!;
    if (by.kind === 'fire') return this.fire(by.callback, cpu, state);
    const program = this.program(by.program);
    if (guard === 'kernel' && kernel.blocks(program, cpu)) return;
    kernel.interrupt(program, cpu, state);
  }
}

const keyOf = ({ program, subprog }: SubprogRef): string => `${program}.${subprog}`;

/**
 * The events that only machine code has a place for.
 * @throws Incomparable where one of them is no mere interruption by a program
 */
export function machineOnly(events: readonly ScenarioEvent[]): InterruptEvent[] {
  return events.flatMap((event): InterruptEvent[] => {
    if (event.kind === 'replace' && event.at && !hasMeaning(event.at)) {
      throw new Incomparable('a subprog is replaced at a machine instruction');
    }
    return event.kind === 'interrupt' && !hasMeaning(event.at) ? [event] : [];
  });
}
