import { Gpr, roundUp } from '../../jit';
import type { Activation } from '../run/activations';
import type { FrameUse } from '../run/frame-uses';
import { kernelFrame } from '../run/frames';
import type { Run } from '../run/run';
import { type Check, type Finding, hex } from './finding';
import { sharesFrame } from './recursion';
import { describe, type Region, regionAt, regionsOf } from './regions';

const depthOf = ({ world }: Run, { program, subprog }: Activation): bigint =>
  BigInt(roundUp(world.programs[program]!.analysis.subprogs[subprog]!.stackDepth, 8));

/**
 * Whether the frame of an activation below is still there. What interrupts it where it has not made its frame on the
 * kernel stack, or has given it up, runs right on that place.
 */
function hasFrame(run: Run, below: Activation, frame: bigint, { entry, cpu }: Activation): boolean {
  if (below.entry === entry || below.cpu !== cpu || frame !== kernelFrame(below)) return true;
  return entry.before[Gpr.rsp]! <= frame - depthOf(run, below);
}

/** The live activation whose frame overlaps the one of this use. One that has the same frame is `recursion`'s. */
function overlapped(run: Run, use: FrameUse, known: ReadonlyMap<Activation, bigint>): Activation | undefined {
  const lo = use.framePointer - depthOf(run, use.activation);
  for (let each = use.activation.parent; each !== null; each = each.parent) {
    const frame = known.get(each);
    if (frame === undefined || !hasFrame(run, each, frame, use.activation)) continue;
    if (sharesFrame(run.world, use.activation, each)) continue;
    if (use.framePointer > frame - depthOf(run, each) && lo < frame) return each;
  }
  return undefined;
}

const place = (regions: readonly Region[], address: bigint): string => {
  const region = regionAt(regions, address);
  return region ? `in the ${region.name}` : 'in no region';
};

/** Where a frame lies that is not as a whole in one region of this CPU. */
function misplaced(run: Run, use: FrameUse, regions: readonly Region[]): string | undefined {
  const depth = depthOf(run, use.activation);
  if (depth === 0n) return undefined;
  const region = regionAt(regions, use.framePointer - 1n);
  if (!region || (region.kind !== 'stack' && region.kind !== 'block')) return place(regions, use.framePointer - 1n);
  if (region.cpu !== use.activation.cpu) return `in the ${region.name}`;
  return use.framePointer - depth >= region.lo ? undefined : `partly below the ${region.name}`;
}

/**
 * Every use of r10 shows where the frame is. That must be the planned place and, what needs no plan: one place for each
 * activation, apart from the frames of its callers, inside one region of the right CPU.
 */
export const frameAddress: Check = {
  id: 'frame-address',
  title: 'every access through r10, and every copy of it, finds the frame of its own activation',
  run({ run, uses, frameOf }) {
    const findings: Finding[] = [];
    const known = new Map<Activation, bigint>();
    const regions = regionsOf(run);
    for (const use of uses) {
      const { activation, framePointer, place } = use;
      const name = place.fn.name;
      const complain = (message: string, want: string) =>
        findings.push({
          check: 'frame-address',
          event: use.event,
          place,
          message,
          want,
          got: `r10 = ${hex(framePointer)} (${describe(regions, framePointer)})`,
          register: place.fn.frame.register,
        });
      const planned = frameOf(activation);
      const before = known.get(activation);
      const live = overlapped(run, use, known);
      const where = misplaced(run, use, regions);
      if (planned !== null && framePointer !== planned) {
        complain(
          `the frame of ${name} is not where it belongs`,
          `r10 = ${hex(planned)} (${describe(regions, planned)})`,
        );
      } else if (before !== undefined && before !== framePointer) {
        complain(`the frame of ${name} has moved`, `r10 = ${hex(before)}, as before in this activation`);
      } else if (live) complain(`the frame of ${name} overlaps a caller's that is still alive`, 'frames apart');
      else if (where) complain(`the frame of ${name} lies ${where}`, `a frame in one region of CPU ${activation.cpu}`);
      if (before === undefined) known.set(activation, framePointer);
    }
    return findings;
  },
};
