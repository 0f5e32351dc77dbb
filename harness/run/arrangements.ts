import { asyncCallbacksOf } from '../../jit';
import type { HelperCall, PendingCallback } from '../kernel/helper-call';
import { branch, CALL, JMP } from '../kernel/text-poke';
import { entryRsp } from '../machine/layout';
import { Action, type HelperAction, type Machine } from '../machine/machine';
import { type CodeSpan, spansOf } from '../machine/spans';
import type {
  EventPoint,
  InterruptEvent,
  PointRole,
  ReplaceEvent,
  RunEvent,
  ScenarioEvent,
  SubprogRef,
  ThrowEvent,
  TrampolineEvent,
} from '../spec';
import type { CodePlace } from './code-map';
import type { KernelSide } from './kernel-side';
import type { Arrangements, EntryRequest, Tracers, Work } from './kernel-work';
import { writtenPc } from './names';
import type { PlacedTrampoline, Run, World } from './run';

/** An event that is arranged for what follows it. */
type Arranged = Exclude<ScenarioEvent, RunEvent | { kind: 'fire' }>;

type LaterReplace = ReplaceEvent & { readonly at: EventPoint };

const isLater = (event: ReplaceEvent): event is LaterReplace => event.at !== undefined;

/** An arrangement that waits for its moment. */
interface Waiting {
  readonly event: InterruptEvent | LaterReplace;
  armed: boolean;
  /** Whether what it brings about is going on: that is not interrupted by itself. */
  running: boolean;
  /** Of the calls that it might be at, how many went by. */
  calls: number;
  /** Addresses at which it has happened. */
  readonly done: Set<bigint>;
}

const waiting = (event: Waiting['event']): Waiting => {
  return { event, armed: false, running: false, calls: 0, done: new Set() };
};

/** The CPU that is not this one, by CPU. */
const OTHER_CPU = [1, 0] as const;

/** The subprogs that events put a trampoline at, each once. */
export function tracedSubprogs(events: readonly ScenarioEvent[]): SubprogRef[] {
  const targets = events.flatMap((event) => (event.kind === 'fentry' || event.kind === 'fexit' ? [event.target] : []));
  const byName = new Map(targets.map((target) => [`${target.program}.${target.subprog}`, target]));
  return [...byName.values()];
}

/** What a scenario arranges: replaced subprogs, trampolines, throws, interruptions; and whether each came to happen. */
export class ScenarioArrangements implements Arrangements {
  private readonly happened = new Set<ScenarioEvent>();
  private readonly added: Arranged[] = [];
  private readonly waiting: Waiting[];
  private readonly byAddress = new Map<bigint, Waiting[]>();
  private readonly tracing: { readonly event: TrampolineEvent; readonly program: number; readonly subprog: number }[] =
    [];
  /** The instruction that is executed after it was interrupted. */
  private resumed: bigint | null = null;

  constructor(
    private readonly world: World,
    events: readonly ScenarioEvent[],
    private readonly machine: () => Machine,
    private readonly kernel: () => KernelSide,
  ) {
    this.waiting = events.flatMap((event): Waiting[] => {
      if (event.kind === 'interrupt') return [waiting(event)];
      if (event.kind !== 'replace' || !isLater(event)) return [];
      return [waiting(event)];
    });
    for (const each of this.waiting) {
      for (const address of addressesOf(world, each.event.at)) {
        this.byAddress.set(address, [...(this.byAddress.get(address) ?? []), each]);
      }
    }
  }

  /** Where the instructions stand before which something may happen: neighbours together. */
  get watched(): CodeSpan[] {
    return spansOf([...this.byAddress.keys()].map((at) => ({ lo: at, hi: at })));
  }

  private readonly arrange: { readonly [K in Arranged['kind']]: (event: Extract<Arranged, { kind: K }>) => void } = {
    replace: (event) => {
      if (event.at === undefined) this.replace(event);
      else this.arm(event);
    },
    interrupt: (event) => this.arm(event),
    throw: (event) => this.throwLater(event),
    fentry: (event) => this.trace(event),
    fexit: (event) => this.trace(event),
  };

  /** Does what an event asks for, as far as that is possible before a run. */
  add(event: Arranged): void {
    this.added.push(event);
    (this.arrange[event.kind] as (event: Arranged) => void)(event);
  }

  private arm(event: InterruptEvent | ReplaceEvent): void {
    for (const each of this.waiting) if (each.event === event) each.armed = true;
  }

  private find({ program, subprog }: SubprogRef): [program: number, subprog: number] {
    return find(this.world, { program, subprog });
  }

  /** Rewrites the nop at a subprog's entry. */
  private poke(target: SubprogRef, opcode: number, to: bigint): void {
    const [program, subprog] = this.find(target);
    const { functions, addresses } = this.world.programs[program]!;
    const row = functions[subprog]!.rows().find(({ size }) => size === 5)!;
    const at = addresses[subprog]! + BigInt(row.offset);
    this.machine().patch(at, branch(opcode, at, to));
  }

  private replace({ target, extension }: ReplaceEvent): void {
    const program = this.world.programs.findIndex(({ name }) => name === extension);
    this.poke(target, JMP, this.world.programs[program]!.addresses[0]!);
  }

  private trace(event: TrampolineEvent): void {
    const [program, subprog] = this.find(event.target);
    this.tracing.push({ event, program, subprog });
    const { helper } = this.world.trampolines.find((each) => each.program === program && each.subprog === subprog)!;
    this.poke(event.target, CALL, this.world.helpers[helper]!.address);
  }

  tracers({ program, subprog }: PlacedTrampoline): Tracers {
    const here = this.tracing.filter((each) => each.program === program && each.subprog === subprog);
    for (const { event } of here) this.happened.add(event);
    const programs = (kind: 'fentry' | 'fexit') =>
      here.flatMap(({ event }) =>
        event.kind === kind && event.program !== undefined ? [this.programIndex(event.program)] : [],
      );
    return {
      fentry: programs('fentry'),
      fexit: programs('fexit'),
      calls: here.some(({ event }) => event.kind === 'fexit'),
    };
  }

  private programIndex(name: string): number {
    return this.world.programs.findIndex((each) => each.name === name);
  }

  private throwLater({ target, nth, cookie }: ThrowEvent): void {
    const [program, subprog] = this.find(target);
    for (const address of this.throwSites(program, subprog)) {
      this.machine().write64(address, BigInt(nth));
      this.machine().write64(address + 8n, cookie);
    }
  }

  private throwSites(program: number, subprog: number): bigint[] {
    return this.world.programs[program]!.throws.flatMap((site) => {
      if (site.subprog !== subprog) return [];
      return [this.world.data.find(({ name }) => name === site.map)!.address + BigInt(site.offset)];
    });
  }

  /** A throw has happened when its count has run down. */
  thrown(event: ThrowEvent): boolean {
    return this.throwSites(...this.find(event.target)).some((address) => this.machine().read64(address) === 0n);
  }

  /** What was arranged and never came to happen, though the runs were there for it. */
  missed(runs: readonly Run[]): ScenarioEvent[] {
    const ran = (program: string) =>
      runs.some((run) => run.activations.some((each) => this.world.programs[each.program]!.name === program));
    return this.added.filter((event) => {
      if (event.kind === 'throw') return !this.thrown(event);
      if (event.kind === 'replace' && event.at === undefined) return !ran(event.extension);
      return !this.happened.has(event);
    });
  }

  /** What happens in a call of a helper, before the helper does anything. */
  inCall({ name }: HelperCall, returnAddress: bigint): Work | null {
    const hits = this.waiting.filter(({ event: { at }, armed, running }) => {
      return armed && !running && at.kind === 'call' && at.callee === name;
    });
    const caller = hits.length > 0 ? this.world.code.functionAt(returnAddress) : undefined;
    const now = hits.filter((each) => {
      const { at } = each.event;
      if (at.kind !== 'call') return false;
      if (at.subprog) {
        const [program, subprog] = this.find(at.subprog);
        if (caller?.program !== program || caller.subprog !== subprog) return false;
      }
      return ++each.calls === (at.nth ?? 1);
    });
    return now.length > 0 ? this.happen(now) : null;
  }

  /** What happens before an instruction. */
  beforeInstruction(rip: bigint): HelperAction {
    if (this.resumed === rip) {
      this.resumed = null;
      return Action.CONTINUE;
    }
    const now = (this.byAddress.get(rip) ?? []).filter(({ armed, running, done, event }) => {
      return armed && !running && !done.has(rip) && (event.at.kind === 'every' || done.size === 0);
    });
    if (now.length === 0) return Action.CONTINUE;
    for (const each of now) each.done.add(rip);
    return this.kernel().interrupt(this.happen(now), () => {
      this.resumed = rip;
    });
  }

  private *happen(now: readonly Waiting[]): Work {
    for (const each of now) {
      const { event } = each;
      this.happened.add(event);
      each.running = true;
      if (event.kind === 'replace') this.replace(event);
      else yield* this.interrupting(event);
      each.running = false;
    }
    return 0n;
  }

  private *interrupting({ by, cpu: where, guard }: InterruptEvent): Work {
    const kernel = this.kernel();
    const cpu = where === 'same' ? kernel.cpu : OTHER_CPU[kernel.cpu]!;
    if (by.kind === 'fire') {
      const request = this.fire(by.callback, cpu);
      if (request) yield request;
      return 0n;
    }
    const index = this.programIndex(by.program);
    const { name, type, addresses } = this.world.programs[index]!;
    if (guard === 'kernel' && kernel.guard.blocks(name, type, cpu)) return 0n;
    const context = this.world.data.find((area) => area.name === 'ctx')!.address;
    yield { kind: 'interrupt', by: 'an interrupt', cpu, address: addresses[0]!, arguments: [context], runs: index };
    return 0n;
  }

  /** What a callback is given that no program hands over: a spec says that C code knows it. */
  private declared(program: number, subprog: number): PendingCallback | null {
    if (asyncCallbacksOf(this.world.programs[program]!.program).includes(subprog)) return null;
    const map = this.world.data.find((area) => area.pointer !== undefined) ?? this.world.data[0]!;
    return { map: map.pointer ?? map.address, value: map.address };
  }

  /** The call of an async callback: one that a program hands over must have been handed over by now. */
  fire(callback: SubprogRef, cpu: number): EntryRequest | null {
    const [program, subprog] = this.find(callback);
    const address = this.world.programs[program]!.addresses[subprog]!;
    const pending = this.kernel().pending.get(address) ?? this.declared(program, subprog);
    if (!pending) return null;
    // The key is on the stack of the C code that calls.
    const key = entryRsp(cpu) + 0x40n;
    this.machine().write64(key, 0n);
    return { kind: 'callback', by: 'the timer', cpu, address, arguments: [pending.map, key, pending.value] };
  }
}

function find(world: World, ref: SubprogRef): [program: number, subprog: number] {
  const program = world.programs.findIndex(({ name }) => name === ref.program);
  return [program, world.programs[program]!.program.subprogs.findIndex(({ name }) => name === ref.subprog)];
}

/** Whether an instruction is there for what a point names. */
const ROLES: Readonly<Record<PointRole, (place: CodePlace) => boolean>> = {
  call: ({ row }) => row.role === 'call',
  'frame-pointer': ({ row }) => row.role === 'frame-pointer',
  epilogue: ({ row }) => row.role === 'epilogue',
};

/** Addresses of the instructions that a point means; none when it is a call. */
function addressesOf(world: World, at: EventPoint): bigint[] {
  if (at.kind === 'call') return [];
  const [program, subprog] = find(world, at.subprog);
  const { functions, addresses } = world.programs[program]!;
  const places = functions[subprog]!.rows().map((row) => {
    return {
      address: addresses[subprog]! + BigInt(row.offset),
      place: world.code.at(addresses[subprog]! + BigInt(row.offset))!,
    };
  });
  const matching = places.filter(({ place }, index) => matches(world, at, place, index));
  const chosen = at.kind === 'role' ? matching.slice(at.nth - 1, at.nth) : matching;
  // A frame on the kernel stack needs no load of its pointer: the end of the prologue is the same moment.
  const end = at.kind === 'role' && at.role === 'frame-pointer' ? places.filter(({ place }) => place.pc >= 0) : [];
  return (chosen.length > 0 ? chosen : end.slice(0, 1)).map(({ address }) => address);
}

function matches(world: World, at: Exclude<EventPoint, { kind: 'call' }>, place: CodePlace, index: number): boolean {
  if (at.kind === 'every') return true;
  if (at.kind === 'instruction') return index === at.index;
  if (at.kind === 'role') return ROLES[at.role](place);
  return place.first && writtenPc(world.programs[place.program]!, place) === at.pc;
}
