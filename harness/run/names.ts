import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, HELPERS, type Insn, type Program, pcsOf, printInsn } from '../../jit';
import { EventKind } from '../machine/trace';
import type { CodePlace } from './code-map';
import type { PlacedProgram, Run, World } from './run';

/** What a BPF call goes to, by name. */
export function calleeName(program: Program, { src, imm }: Insn): string {
  if (src === BPF_PSEUDO_CALL) return program.subprogs[imm]!.name;
  return src === BPF_HELPER_CALL ? (HELPERS.name(imm) ?? `func#${imm}`) : program.kfuncs[imm]!;
}

/** A BPF instruction as text, names filled in. */
export function bpfText(world: World, { program, insn }: CodePlace): string | null {
  if (insn === null) return null;
  const { subprogs, kfuncs, maps } = world.programs[program]!.program;
  return printInsn(insn, { subprogs: subprogs.map(({ name }) => name), kfuncs, maps });
}

/** A machine instruction as text. */
export function machineText({ row }: CodePlace): string {
  return row.text;
}

/** The slot of the program as it was written: the verifier's rewrites shift what follows them. */
export function writtenPc(
  { program, origins }: Pick<PlacedProgram, 'program' | 'origins'>,
  { subprog, pc }: { readonly subprog: number; readonly pc: number },
): number {
  if (pc < 0) return pc;
  return origins[subprog]?.[pcsOf(program.subprogs[subprog]!.insns).indexOf(pc)] ?? pc;
}

/** `sub pc 3 +0x2f`: where an instruction stands. */
export function placeName(world: World, place: CodePlace): string {
  const { fn, pc, row } = place;
  return `${fn.name} ${pc < 0 ? 'prologue' : `pc ${writtenPc(world.programs[place.program]!, place)}`} +0x${row.offset.toString(16)}`;
}

/** Name of the helper or kfunc at an event, whichever way it is modelled. */
export function helperAt({ trace, world }: Run, event: number): string | undefined {
  if (trace.kind(event) === EventKind.HELPER) return world.helpers[trace.helper(event)]!.name;
  return world.code.bodyAt(trace.rip(event));
}
