import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, HELPERS } from '../../jit';
import { EventKind } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import type { World } from '../run/run';
import { type Check, type Finding, hex } from './finding';

/** What a BPF call names, and where that is. */
function designated(world: World, { program, insn }: CodePlace): { name: string; address: bigint | undefined } {
  const placed = world.programs[program]!;
  const { src, imm } = insn!;
  if (src === BPF_PSEUDO_CALL) return { name: placed.program.subprogs[imm]!.name, address: placed.addresses[imm] };
  const name = src === BPF_HELPER_CALL ? (HELPERS.name(imm) ?? `func#${imm}`) : placed.program.kfuncs[imm]!;
  return { name, address: world.helpers.find((each) => each.name === name)?.address };
}

/** Calls arrive where the BPF instruction says, and come back to the instruction behind them. */
export const callTarget: Check = {
  id: 'call-target',
  title: 'every call arrives at what the BPF instruction names, and returns to the instruction behind it',
  run({ run, activationOf }) {
    const { trace, world } = run;
    const findings: Finding[] = [];
    /** Calls that have not returned: where they return to, and in which activation. */
    const open: { next: bigint; event: number; place: CodePlace }[] = [];
    let called: { place: CodePlace; event: number } | null = null;
    for (let event = 0; event < trace.count; event++) {
      if (!trace.hasRegisters(event)) continue;
      const rip = trace.rip(event);
      if (called) {
        const { name, address } = designated(world, called.place);
        if (rip !== address) {
          findings.push({
            check: 'call-target',
            event: called.event,
            place: called.place,
            message: `the call of ${name} goes elsewhere`,
            want: `${name} at ${address === undefined ? 'no address' : hex(address)}`,
            got: hex(rip),
          });
        }
        called = null;
      }
      const place = trace.kind(event) === EventKind.INSN ? world.code.at(rip) : undefined;
      if (!place) continue;
      const top = open[open.length - 1];
      const activation = activationOf[event];
      if (top && activation === activationOf[top.event]) {
        open.pop();
        if (rip !== top.next) {
          const message = 'the call does not return to the instruction behind it';
          findings.push({ check: 'call-target', event, place: top.place, message, want: hex(top.next), got: hex(rip) });
        }
      }
      if (place.row.insn.site.role !== 'call' || !place.insn) continue;
      called = { place, event };
      open.push({ next: rip + BigInt(place.row.size), event, place });
    }
    return findings;
  },
};
