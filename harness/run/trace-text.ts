import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { EventKind } from '../machine/trace';
import { arenaViolations } from './arena-violations';
import { bpfText, helperAt, machineText, placeName, writtenPc } from './names';
import type { Run } from './run';

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** Every event of a run, a line each: where, BPF and machine instruction, the frame register, what memory saw. */
export function traceText(run: Run): string[] {
  const { trace, world } = run;
  const lines: string[] = [];
  for (let i = 0; i < trace.count; i++) {
    const kind = trace.kind(i);
    if (kind === EventKind.INSN) {
      const place = world.code.at(trace.rip(i));
      const register = place?.fn.frame.isPrivate ? place.fn.frame.register : Gpr.r9;
      const value = `${GPR_NAMES[register]}=${hex(trace.reg(i, register))}`;
      if (!place) {
        lines.push(`${`${helperAt(run, i) ?? '?'} ${hex(trace.rip(i))}`.padEnd(62)} ${value}`);
        continue;
      }
      const bpf = place.first ? bpfText(world, place) : null;
      if (bpf !== null) lines.push(`${place.fn.name} pc ${writtenPc(world.programs[place.program]!, place)}: ${bpf}`);
      lines.push(`  ${placeName(world, place).padEnd(30)} ${machineText(place).padEnd(44)} ${value}`);
    } else if (kind === EventKind.HELPER) {
      const args = X86_64.arguments.slice(0, 5).map((register) => hex(trace.reg(i, register)));
      lines.push(`  -> ${helperAt(run, i)}(${args.join(', ')}): destroys ${destroyed(run, i)}`);
    } else {
      const verb = kind === EventKind.WRITE ? 'store' : 'load';
      const faults = trace.skipped(i) ? ' FAULTS, skipped' : trace.faults(i) ? ' FAULTS' : '';
      lines.push(`       ${verb} ${trace.size(i)} bytes at ${hex(trace.address(i))}: ${hex(trace.value(i))}${faults}`);
    }
  }
  for (const { address, write } of arenaViolations(run)) {
    lines.push(`  reported: ${write ? 'WRITE' : 'READ'} of the arena at ${hex(address)}, where it has no page`);
  }
  return lines;
}

/** The registers that differ behind a helper from what they were at its entry. */
function destroyed({ trace }: Run, event: number): string {
  let next = event + 1;
  while (next < trace.count && !trace.hasRegisters(next)) next++;
  if (next === trace.count) return 'everything it may';
  return GPR_NAMES.filter((name) => name !== 'rsp' && trace.reg(event, Gpr[name]) !== trace.reg(next, Gpr[name])).join(
    ' ',
  );
}
