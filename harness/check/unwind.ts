import { Gpr } from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import { kernelFrame } from '../run/frames';
import { type Check, type CheckInput, type Finding, hex } from './finding';

/** Bytes of the saved rbp and the return address. */
const RECORD = 16n;

const nameOf = ({ run: { world } }: CheckInput, { program, subprog }: Activation): string =>
  world.programs[program]!.program.subprogs[subprog]!.name;

/** Where an activation is with its frame: rbp still as at the entry, its own, or given up again. */
class Frames {
  private readonly own = new Set<Activation>();

  constructor(private readonly input: CheckInput) {}

  /** What rbp must be before an instruction; null where it may be anything. */
  wanted(activation: Activation, { pc }: CodePlace, event: number): bigint | null {
    const { trace } = this.input.run;
    const frame = kernelFrame(activation);
    // Behind `leave` it is the caller's: whether it is the right one, the caller will see.
    if (trace.reg(event, Gpr.rsp) > frame && this.own.has(activation)) return null;
    if (trace.reg(event, Gpr.rbp) === frame) this.own.add(activation);
    if (this.own.has(activation) || pc >= 0) return frame;
    return trace.reg(activation.start, Gpr.rbp);
  }

  /** Whether an activation is still making its frame, which starts with saving rbp. */
  isMaking = (activation: Activation): boolean => !this.own.has(activation);
}

/** The live activation whose saved rbp or return address a store touches. */
function overwritten(own: Activation | null, lo: bigint, hi: bigint): Activation | null {
  for (let each = own; each; each = each.parent) {
    const record = kernelFrame(each);
    if (lo < record + RECORD && hi > record) return each;
  }
  return null;
}

/** T1: whatever interrupts a program can walk its frames along rbp, at every instruction. */
export const unwind: Check = {
  id: 'unwind',
  title: 'at every instruction the frames can be walked along rbp, and no saved rbp or return address is overwritten',
  run(input) {
    const { run, activationOf } = input;
    const { trace, world } = run;
    const frames = new Frames(input);
    const findings: Finding[] = [];
    for (let event = 0; event < trace.count; event++) {
      const kind = trace.kind(event);
      const activation = activationOf[event] ?? null;
      const place = world.code.at(trace.rip(event));
      if (kind === EventKind.INSN && activation && place) {
        const want = frames.wanted(activation, place, event);
        const got = trace.reg(event, Gpr.rbp);
        if (want === null || want === got) continue;
        findings.push({
          check: 'unwind',
          event,
          place,
          message: `rbp is not the frame of ${nameOf(input, activation)}`,
          want: `rbp = ${hex(want)}`,
          got: `rbp = ${hex(got)}`,
          register: Gpr.rbp,
        });
      } else if (kind === EventKind.WRITE && !trace.skipped(event)) {
        const lo = trace.address(event);
        const of = overwritten(activation, lo, lo + BigInt(trace.size(event)));
        if (!of || (of === activation && frames.isMaking(of) && lo === kernelFrame(of))) continue;
        const what = lo < kernelFrame(of) + 8n ? 'saved rbp' : 'return address';
        findings.push({
          check: 'unwind',
          event,
          place: place ?? null,
          message: `a store overwrites the ${what} of ${nameOf(input, of)}`,
          want: 'a store elsewhere',
          got: `${hex(trace.value(event))} at ${hex(lo)}`,
        });
      }
    }
    return findings;
  },
};
