import {
  BPF_LDX,
  BPF_PROBE_MEM,
  BPF_PROBE_MEMSX,
  BPF_ST,
  BPF_STX,
  Gpr,
  type Insn,
  insnClass,
  insnMode,
} from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import { countedWith } from '../run/entries';
import type { Entry } from '../run/run';
import { type Check, type CheckInput, type Finding, hex } from './finding';
import { describe, type Region, regionAt, regionsOf } from './regions';
import { isTailCall } from './tail-call';

/** A read or write by a program's own code that has happened. */
interface Access {
  readonly event: number;
  readonly place: CodePlace;
  readonly address: bigint;
  readonly size: number;
  readonly write: boolean;
  readonly region: Region | undefined;
  /** The CPU that makes it. */
  readonly cpu: number;
}

function accesses({ run, entryOf }: CheckInput, regions: readonly Region[]): Access[] {
  const { trace, world } = run;
  const found: Access[] = [];
  for (let event = 0; event < trace.count; event++) {
    if (!trace.isAccess(event) || trace.skipped(event)) continue;
    const place = world.code.at(trace.rip(event));
    if (!place) continue;
    const address = trace.address(event);
    const write = trace.kind(event) === EventKind.WRITE;
    const { cpu } = entryOf[event]!;
    found.push({ event, place, address, size: trace.size(event), write, region: regionAt(regions, address), cpu });
  }
  return found;
}

/** Whether it is a load through a pointer that the verifier does not vouch for: it may read anything of the kernel's. */
const isProbe = (insn: Insn | null): boolean =>
  insn !== null && insnClass(insn) === BPF_LDX && [BPF_PROBE_MEM, BPF_PROBE_MEMSX].includes(insnMode(insn));

/** The register that an access goes through: whoever set it is to blame. */
function baseRegister({ row }: CodePlace): { register?: number } {
  return row.base === null ? {} : { register: row.base };
}

const what = ({ write, size }: Access): string => `${write ? 'a store' : 'a load'} of ${size} bytes`;

/** Memory of another CPU is never a program's business. */
export const cpuIsolation: Check = {
  id: 'cpu-isolation',
  title: "no program touches another CPU's stack or per-CPU memory",
  run(input) {
    const regions = regionsOf(input.run);
    return accesses(input, regions).flatMap((access): Finding[] => {
      const { region, place, event, address, cpu } = access;
      if (isProbe(place.insn) || !region || region.cpu === null || region.cpu === cpu) return [];
      return [
        {
          check: 'cpu-isolation',
          event,
          place,
          message: `${what(access)} on CPU ${cpu} touches CPU ${region.cpu}`,
          want: `memory of CPU ${cpu}`,
          got: `${hex(address)} (${describe(regions, address)})`,
          ...baseRegister(place),
        },
      ];
    });
  },
};

/** Whether it is a load or store of the program, not one that its machine code makes for itself. */
function ofProgram({ place: { insn, row } }: Access): boolean {
  if (insn === null || row.role !== 'body' || movesStack({ row })) return false;
  return [BPF_LDX, BPF_ST, BPF_STX].includes(insnClass(insn));
}

/** Whether it moves rsp over what it stores or loads; what is patched at an entry may be a call. */
const movesStack = ({ row }: Pick<CodePlace, 'row'>): boolean =>
  row.role === 'patch-site' || /^(push|pop|call|leave|ret)/.test(row.mnemonic);

/** The frame of an activation; null where nobody knows of it. */
function frameBytes({ run, frameOf }: CheckInput, activation: Activation): { lo: bigint; hi: bigint } | null {
  const { program, subprog } = activation;
  const { stackDepth } = run.world.programs[program]!.analysis.subprogs[subprog]!;
  const hi = frameOf(activation);
  return hi === null ? null : { lo: hi - BigInt(stackDepth), hi };
}

/** Whether an access is in a frame that is alive: of the activation itself or of whatever runs on below it. */
function inFrame(input: CheckInput, { address, size, event }: Access, throughFrame: boolean): boolean {
  const own = input.activationOf[event] ?? null;
  const last = throughFrame ? (own?.parent ?? null) : null;
  for (let each = own; each !== last; each = each!.parent) {
    const frame = frameBytes(input, each!);
    if (frame && address >= frame.lo && address + BigInt(size) <= frame.hi) return true;
  }
  return false;
}

/** Whether C code hands over pointers to its own frame; a program's context stands elsewhere. */
const givesPointers = ({ kind, subprog }: Entry): boolean => kind === 'tracer' || subprog !== 0;

/**
 * Whether an access is in a frame of C code that waits: a callback is given the key of a map's element there, a traced
 * program its context. Such a frame lies between what C was called from, or interrupted, and what it calls.
 */
function inFrameOfC(input: CheckInput, access: Access): boolean {
  const {
    run: { activations, marks },
    entryOf,
  } = input;
  for (let entry: Entry | undefined = entryOf[access.event]; entry; ) {
    const lo = entry.before[Gpr.rsp]!;
    const { event } = marks.find((mark) => mark.kind === 'enter' && mark.entry === entry)!;
    const below = activations.find((each) => each.entry === entry)?.parent ?? null;
    const rsp = below?.cpu === entry.cpu ? rspOf(input, below.entry, event - 1) : undefined;
    if (givesPointers(entry) && access.address >= lo && (rsp === undefined || access.address < rsp)) return true;
    entry = below?.entry;
  }
  return false;
}

/** rsp of an entry when the event came. */
function rspOf({ run: { trace }, entryOf }: CheckInput, entry: Entry | undefined, event: number): bigint | undefined {
  for (let i = Math.min(event, trace.count - 1); i >= 0; i--) {
    if (entryOf[i] === entry && trace.hasRegisters(i)) return trace.reg(i, Gpr.rsp);
  }
  return undefined;
}

/** Why an access to a kernel stack is out of bounds. */
function outOfStack(input: CheckInput, access: Access, throughFrame: boolean): string | undefined {
  const { address, size, event, place, write } = access;
  const entry = input.entryOf[event]!;
  const rsp = rspOf(input, entry, event);
  if (rsp !== undefined && address < rsp && !movesStack(place)) {
    return 'goes below the stack pointer, where interrupts write';
  }
  if (ofProgram(access) && inFrame(input, access, throughFrame)) return undefined;
  // The counter of tail calls stands where the outermost program has it.
  const { before } = place.insn && isTailCall(place.insn) ? countedWith(input.run, entry) : entry;
  // The return address is the caller's, too.
  if (write && address + BigInt(size) > before[Gpr.rsp]! - 8n) return "goes to the caller's stack";
  if (!ofProgram(access) || inFrameOfC(input, access)) return undefined;
  return outside(throughFrame);
}

const outside = (throughFrame: boolean): string =>
  throughFrame ? 'is outside its own frame' : 'is outside every frame that is alive';

/** Why an access is out of bounds; undefined when it is not. */
function outOfBounds(input: CheckInput, access: Access, throughFrame: boolean): string | undefined {
  const { region, place, address, size, cpu } = access;
  const end = address + BigInt(size);
  if (isProbe(place.insn) && !throughFrame && !movesStack(place)) return undefined;
  if (!region) return ofProgram(access) ? 'goes to memory that belongs to nobody' : undefined;
  if (region.cpu !== null && region.cpu !== cpu) return undefined;
  if (region.kind === 'variable') return access.write ? `goes to a variable of the kernel, ${region.name}` : undefined;
  if (region.kind === 'guard') return `goes to the ${region.name}`;
  if (end > region.hi) return `runs past the end of ${region.name}`;
  if (region.kind === 'percpu') return ofProgram(access) ? 'goes to per-CPU memory that belongs to nobody' : undefined;
  if (region.kind === 'stack') return outOfStack(input, access, throughFrame);
  return region.kind !== 'data' && ofProgram(access) && !inFrame(input, access, throughFrame)
    ? outside(throughFrame)
    : undefined;
}

export const frameBounds: Check = {
  id: 'frame-bounds',
  title: 'programs touch frames that are alive, through r10 only their own, context and maps, and nothing else',
  run(input) {
    const regions = regionsOf(input.run);
    const throughFrame = new Set(input.uses.flatMap(({ event, access }) => (access ? [event] : [])));
    return accesses(input, regions).flatMap((access): Finding[] => {
      const why = outOfBounds(input, access, throughFrame.has(access.event));
      if (why === undefined) return [];
      const { event, place, address } = access;
      return [
        {
          check: 'frame-bounds',
          event,
          place,
          message: `${what(access)} ${why}`,
          want: 'own frame, context or map',
          got: `${hex(address)} (${describe(regions, address)})`,
          ...baseRegister(place),
        },
      ];
    });
  },
};
