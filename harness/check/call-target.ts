import { BPF_PSEUDO_CALL } from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import { calleeName } from '../run/names';
import type { Entry, Run, World } from '../run/run';
import { type Check, type Finding, hex } from './finding';

/** What a BPF call names, and where that is. */
function designated(world: World, { program, insn }: CodePlace): { name: string; address: bigint | undefined } {
  const placed = world.programs[program]!;
  const name = calleeName(placed.program, insn!);
  if (insn!.src === BPF_PSEUDO_CALL) return { name, address: placed.addresses[insn!.imm] };
  return { name, address: world.helpers.find((each) => each.name === name)?.address };
}

/** Where the last call of a run went, when nothing was seen of what it called; undefined when it never left. */
function whereTo({ status, trace }: Run, { event }: Call): bigint | undefined {
  if (status.kind === 'events-full' || status.rip === trace.rip(event)) return undefined;
  return status.kind === 'fault' && status.access === 'fetch' ? status.address : status.rip;
}

const isLive = (activation: Activation | null, at: Activation | null): boolean => {
  for (let each = at; each !== null; each = each.parent) if (each === activation) return true;
  return activation === at;
};

interface Call {
  readonly place: CodePlace;
  readonly event: number;
}

/** Calls arrive where the BPF instruction says, and come back to the instruction behind them. */
export const callTarget: Check = {
  id: 'call-target',
  title: 'every call arrives at what the BPF instruction names, and returns to the instruction behind it',
  run({ run, activationOf, entryOf }) {
    const { trace, world } = run;
    const findings: Finding[] = [];
    /** Calls that have not returned, and where they return to. */
    const open: (Call & { readonly next: bigint })[] = [];
    /** By entry from C, the call that was executed last: what interrupts it comes between it and where it goes. */
    const called = new Map<Entry, Call>();
    const arrived = ({ place, event }: Call, at: bigint) => {
      const { name, address } = designated(world, place);
      if (at === address) return;
      const message = `the call of ${name} goes elsewhere`;
      const want = `${name} at ${address === undefined ? 'no address' : hex(address)}`;
      findings.push({ check: 'call-target', event, place, message, want, got: hex(at) });
    };
    for (let event = 0; event < trace.count; event++) {
      if (!trace.hasRegisters(event)) continue;
      const rip = trace.rip(event);
      const entry = entryOf[event]!;
      const last = called.get(entry);
      if (last) arrived(last, rip);
      called.delete(entry);
      const place = trace.kind(event) === EventKind.INSN ? world.code.at(rip) : undefined;
      if (!place) continue;
      const activation = activationOf[event] ?? null;
      // Those of activations that are gone never will.
      while (open.length > 0 && !isLive(activationOf[open[open.length - 1]!.event]!, activation)) open.pop();
      const top = open[open.length - 1];
      if (top && activation === activationOf[top.event]) {
        open.pop();
        if (rip !== top.next) {
          const message = 'the call does not return to the instruction behind it';
          findings.push({ check: 'call-target', event, place: top.place, message, want: hex(top.next), got: hex(rip) });
        }
      }
      if (place.row.role !== 'call' || !place.insn) continue;
      called.set(entry, { place, event });
      open.push({ next: rip + BigInt(place.row.size), event, place });
    }
    const last = called.get(entryOf[trace.count - 1]!);
    const end = last && whereTo(run, last);
    if (last && end !== undefined) arrived(last, end);
    return findings;
  },
};
