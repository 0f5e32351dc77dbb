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
import { plannedFrame } from '../run/frames';
import { type Check, type CheckInput, type Finding, hex } from './finding';
import { describe, type Region, regionAt, regionsOf } from './regions';

/** A read or write by a program's own code that has happened. */
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
    if (!trace.isAccess(event) || trace.skipped(event)) continue;
    const place = world.code.at(trace.rip(event));
    if (!place) continue;
    const address = trace.address(event);
    const write = trace.kind(event) === EventKind.WRITE;
    found.push({ event, place, address, size: trace.size(event), write, region: regionAt(regions, address) });
  }
  return found;
}

/** Whether it is a load through a pointer that the verifier does not vouch for: it may read anything of the kernel's. */
const isProbe = (insn: Insn | null): boolean =>
  insn !== null && insnClass(insn) === BPF_LDX && [BPF_PROBE_MEM, BPF_PROBE_MEMSX].includes(insnMode(insn));

/** The register that an access goes through: whoever set it is to blame. */
function baseRegister({ row }: CodePlace): { register?: number } {
  const mem = row.insn.operands.find((operand) => operand.kind === 'mem');
  return mem?.kind === 'mem' ? { register: mem.base } : {};
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
      if (isProbe(place.insn) || !region || region.cpu === null || region.cpu === input.run.cpu) return [];
      return [
        {
          check: 'cpu-isolation',
          event,
          place,
          message: `${what(access)} on CPU ${input.run.cpu} touches CPU ${region.cpu}`,
          want: `memory of CPU ${input.run.cpu}`,
          got: `${hex(address)} (${describe(regions, address)})`,
          ...baseRegister(place),
        },
      ];
    });
  },
};

/** Whether it is a load or store of the program, not one that its machine code makes for itself. */
function ofProgram({ place: { insn, row } }: Access): boolean {
  if (insn === null || row.insn.site.role !== 'body' || isStackInsn(row.insn.form.mnemonic)) return false;
  return [BPF_LDX, BPF_ST, BPF_STX].includes(insnClass(insn));
}

const isStackInsn = (mnemonic: string): boolean => /^(push|pop|call|leave|ret)/.test(mnemonic);

/** Whether an instruction may write right below rsp: a push does, and a trampoline's call that stands over a nop. */
const grows = ({ row: { insn } }: CodePlace): boolean =>
  isStackInsn(insn.form.mnemonic) || insn.site.role === 'patch-site';

/** The frame of an activation, by the analysis. */
function frameOf({ run }: CheckInput, activation: Activation): { readonly lo: bigint; readonly hi: bigint } {
  const { program, subprog } = activation;
  const { stackDepth } = run.world.programs[program]!.analysis.subprogs[subprog]!;
  const hi = plannedFrame(run.world, activation);
  return { lo: hi - BigInt(stackDepth), hi };
}

/** Why a load or store of the program is not where it may be: in its own frame through r10, else in any that is alive. */
function outsideFrames(input: CheckInput, access: Access, throughFrame: boolean): string | undefined {
  const { address, size, event } = access;
  const own = input.activationOf[event] ?? null;
  const last = throughFrame ? (own?.parent ?? null) : null;
  for (let each = own; each !== last; each = each!.parent) {
    const { lo, hi } = frameOf(input, each!);
    if (address >= lo && address + BigInt(size) <= hi) return undefined;
  }
  return throughFrame ? 'is outside its own frame' : 'is outside every frame that is alive';
}

/** Why an access is out of bounds; undefined when it is not. */
function outOfBounds(input: CheckInput, access: Access, throughFrame: boolean): string | undefined {
  const { run } = input;
  const { region, place, address, size, event } = access;
  const end = address + BigInt(size);
  if (isProbe(place.insn) && !throughFrame && !isStackInsn(place.row.insn.form.mnemonic)) return undefined;
  if (!region) return ofProgram(access) ? 'goes to memory that belongs to nobody' : undefined;
  if (region.cpu !== null && region.cpu !== run.cpu) return undefined;
  if (region.kind === 'variable') return access.write ? `goes to a variable of the kernel, ${region.name}` : undefined;
  if (region.kind === 'guard') return `goes to the ${region.name}`;
  if (end > region.hi) return `runs past the end of ${region.name}`;
  if (region.kind === 'percpu') return ofProgram(access) ? 'goes to per-CPU memory that belongs to nobody' : undefined;
  if (region.kind === 'stack') {
    const top = run.activations[0]?.entryRsp;
    if (access.write && top !== undefined && end > top) return "goes to the caller's stack";
    const rsp = stackPointerAt(input, event);
    const below = rsp !== undefined && address < rsp && !grows(place);
    if (below) return 'goes below the stack pointer, where interrupts write';
  }
  return region.kind !== 'data' && ofProgram(access) ? outsideFrames(input, access, throughFrame) : undefined;
}

function stackPointerAt({ run: { trace } }: CheckInput, event: number): bigint | undefined {
  for (let i = event; i >= 0; i--) if (trace.hasRegisters(i)) return trace.reg(i, Gpr.rsp);
  return undefined;
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
