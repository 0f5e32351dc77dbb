import type { ExceptionEntry, Insn } from '../../jit';
import { BPF_PROBE_ATOMIC, BPF_PROBE_MEM32, BPF_PROBE_MEM32SX, insnMode } from '../../jit';
import type { Run } from './run';

/** An access to a page of an arena that is not there. */
export interface ArenaViolation {
  /** Event of the trace. */
  readonly event: number;
  /** As the user sees it. */
  readonly address: bigint;
  readonly write: boolean;
}

const MODES = new Set([BPF_PROBE_MEM32, BPF_PROBE_MEM32SX, BPF_PROBE_ATOMIC]);

const isArena = (insn: Insn | null): boolean => insn !== null && MODES.has(insnMode(insn));

/** To the kernel, what clears no register is a write, an atomic too (ex_handler_bpf()). */
const isWrite = (entry: ExceptionEntry | undefined): boolean => entry?.zero === null;

/**
 * What the kernel tells of a run's accesses to pages of an arena that are not there
 * (bpf_prog_report_arena_violation()): the program goes on, and a line goes to its stderr stream.
 */
export function arenaViolations({ trace, world }: Run): ArenaViolation[] {
  const found: ArenaViolation[] = [];
  for (let event = 0; event < trace.count; event++) {
    // A store over the edge of a page is several events of one instruction.
    if (!trace.skipped(event) || (event > 0 && trace.skipped(event - 1))) continue;
    const place = world.code.at(trace.rip(event));
    const arena = place && world.programs[place.program]!.analysis.subprogs[place.subprog]!.arena;
    if (!place || !arena || !isArena(place.insn)) continue;
    const high = (arena.userVmStart >> 32n) << 32n;
    const address = high | BigInt.asUintN(32, trace.address(event) - arena.kernVmStart);
    const entry = place.fn.exceptionTable.find(({ offset }) => offset === place.row.offset);
    found.push({ event, address, write: isWrite(entry) });
  }
  return found;
}
