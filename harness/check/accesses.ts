import { Gpr } from '../../jit';
import { EventKind } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import { plannedFrame } from '../run/frames';
import { type Check, type CheckInput, type Finding, hex } from './finding';
import { describe, type Region, regionAt, regionsOf } from './regions';

/** A read or write by a program's own code. */
interface Access {
  readonly event: number;
  readonly place: CodePlace;
  readonly address: bigint;
  readonly size: number;
  readonly write: boolean;
  readonly region: Region | undefined;
}

function accesses({ run }: CheckInput, regions: readonly Region[]): Access[] {
  const { trace, world } = run;
  const found: Access[] = [];
  for (let event = 0; event < trace.count; event++) {
    if (!trace.isAccess(event)) continue;
    const place = world.code.at(trace.rip(event));
    if (!place) continue;
    const address = trace.address(event);
    const write = trace.kind(event) === EventKind.WRITE;
    found.push({ event, place, address, size: trace.size(event), write, region: regionAt(regions, address) });
  }
  return found;
}

const what = ({ write, size }: Access): string => `${write ? 'a store' : 'a load'} of ${size} bytes`;

/** Memory of another CPU is never a program's business. */
export const cpuIsolation: Check = {
  id: 'cpu-isolation',
  title: "no program touches another CPU's stack or per-CPU memory",
  run(input) {
    const regions = regionsOf(input.run);
    return accesses(input, regions).flatMap((access): Finding[] => {
      const { region, place, event, address } = access;
      if (!region || region.cpu === null || region.cpu === input.run.cpu) return [];
      return [
        {
          check: 'cpu-isolation',
          event,
          place,
          message: `${what(access)} on CPU ${input.run.cpu} touches CPU ${region.cpu}`,
          want: `memory of CPU ${input.run.cpu}`,
          got: `${hex(address)} (${describe(regions, address)})`,
          register: place.fn.frame.register,
        },
      ];
    });
  },
};

/** Why an access is out of bounds; undefined when it is not. */
function outOfBounds(input: CheckInput, access: Access): string | undefined {
  const { run, activationOf } = input;
  const { region, place, address, size, event } = access;
  const end = address + BigInt(size);
  if (!region) return place.row.insn.site.role === 'body' ? 'memory that belongs to nobody' : undefined;
  if (region.cpu !== null && region.cpu !== run.cpu) return undefined;
  if (region.kind === 'guard') return `the ${region.name}`;
  if (end > region.hi) return `past the end of ${region.name}`;
  const activation = activationOf[event];
  if (region.kind === 'block' && activation) {
    const owner = input.run.world.programs[activation.program]!.analysis.subprogs[activation.subprog]!;
    if (owner.private === null) return undefined;
    const frame = plannedFrame(run.world, activation, run.cpu);
    const own = place.insn !== null && input.uses.some((use) => use.event === event && use.access !== null);
    if (own && use10Outside(frame, owner.stackDepth, address, end)) return 'outside its own frame';
    return undefined;
  }
  if (region.kind === 'stack') {
    const top = run.activations[0]?.entryRsp;
    if (access.write && top !== undefined && end > top) return "the caller's stack";
    const rsp = stackPointerAt(input, event);
    const implicit = /^(push|call)/.test(place.row.insn.form.mnemonic);
    if (!implicit && rsp !== undefined && address < rsp) return 'below the stack pointer, where interrupts write';
  }
  return undefined;
}

const use10Outside = (frame: bigint, depth: number, address: bigint, end: bigint): boolean =>
  address < frame - BigInt(depth) || end > frame;

function stackPointerAt({ run: { trace } }: CheckInput, event: number): bigint | undefined {
  for (let i = event; i >= 0; i--) if (trace.hasRegisters(i)) return trace.reg(i, Gpr.rsp);
  return undefined;
}

export const frameBounds: Check = {
  id: 'frame-bounds',
  title: "programs touch their own frames, their arguments' memory, and nothing else",
  run(input) {
    const regions = regionsOf(input.run);
    return accesses(input, regions).flatMap((access): Finding[] => {
      const why = outOfBounds(input, access);
      if (why === undefined) return [];
      const { event, place, address } = access;
      return [
        {
          check: 'frame-bounds',
          event,
          place,
          message: `${what(access)} goes to ${why}`,
          want: 'own frame, context or map',
          got: `${hex(address)} (${describe(regions, address)})`,
          register: place.fn.frame.register,
        },
      ];
    });
  },
};
