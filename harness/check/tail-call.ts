import { BPF_CALL, BPF_HELPER_CALL, BPF_JMP, GPR_NAMES, Gpr, type Insn, X86_64 } from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import { countedWith } from '../run/entries';
import { kernelFrame } from '../run/frames';
import { placeName } from '../run/names';
import type { Entry, ProgramArray, World } from '../run/run';
import { type Check, type CheckInput, type Finding, hex } from './finding';

/** bpf_tail_call() (include/uapi/linux/bpf.h). */
const TAIL_CALL = 12;

export const isTailCall = ({ code, src, imm }: Insn): boolean =>
  code === (BPF_JMP | BPF_CALL) && src === BPF_HELPER_CALL && imm === TAIL_CALL;

/** A tail call that a program came to. */
interface TailCall {
  readonly event: number;
  readonly place: CodePlace;
  readonly activation: Activation;
  readonly array: ProgramArray;
  readonly index: number;
}

function tailCallAt({ run, activationOf }: CheckInput, event: number): TailCall | null {
  const { trace, world } = run;
  const activation = activationOf[event];
  const place = trace.kind(event) === EventKind.INSN ? world.code.at(trace.rip(event)) : undefined;
  if (!activation || !place?.first || !place.insn || !isTailCall(place.insn)) return null;
  const array = world.programArrays.find(({ pointer }) => pointer === trace.reg(event, X86_64.bpf[2]!));
  const index = Number(BigInt.asUintN(32, trace.reg(event, X86_64.bpf[3]!)));
  return array ? { event, place, activation, array, index } : null;
}

/** The first instruction behind those of the tail call; -1 when there is none. */
function nextInstruction({ run, activationOf, entryOf }: CheckInput, { event, place, activation }: TailCall): number {
  const { trace, world } = run;
  for (let i = event + 1; i < trace.count; i++) {
    if (entryOf[i] !== entryOf[event] || trace.kind(i) !== EventKind.INSN) continue;
    const next = world.code.at(trace.rip(i));
    if (next && (activationOf[i] !== activation || next.pc !== place.pc)) return i;
  }
  return -1;
}

/** Where a tail call must go: to the program of its slot, or nowhere. */
function target({ programs, tailCallLimit }: World, { array, index }: TailCall, before: number) {
  const program = index < array.entries ? array.slots.get(index) : undefined;
  if (program === undefined || before >= tailCallLimit) return null;
  const { name, functions, addresses } = programs[program]!;
  return { name, address: addresses[0]! + BigInt(functions[0]!.landing) };
}

/** Why it must not happen, or that it must. */
function reason({ tailCallLimit }: World, { array: { entries, slots }, index }: TailCall, before: number): string {
  if (index >= entries) return `index ${index} is not below ${entries}`;
  if (!slots.has(index)) return `slot ${index} is empty`;
  return before >= tailCallLimit ? `there were ${before} tail calls before it` : `slot ${index} is full`;
}

export const tailCall: Check = {
  id: 'tail-call',
  title:
    'a tail call goes to the program of its slot, in the frame of its caller, or falls through, and 33 are the most',
  run(input) {
    const { run, activationOf, entryOf } = input;
    const { trace, world } = run;
    if (world.programArrays.length === 0) return [];
    /** By entry from C, how many there were. */
    const counts = new Map<Entry, number>();
    const findings: Finding[] = [];
    for (let event = 0; event < trace.count; event++) {
      const call = tailCallAt(input, event);
      const next = call ? nextInstruction(input, call) : -1;
      if (!call || next < 0) continue;
      const { place, activation } = call;
      const complain = (message: string, want: string, got: string, at = event) =>
        findings.push({ check: 'tail-call', event: at, place, message, want, got });
      const entry = countedWith(run, entryOf[event]!);
      const before = counts.get(entry) ?? 0;
      const wanted = target(world, call, before);
      const there = world.code.at(trace.rip(next))!;
      const got = `${hex(trace.rip(next))} (${placeName(world, there)})`;
      const through = activationOf[next] === activation && there.first && there.pc === place.pc + 1;
      if (!through) counts.set(entry, before + 1);
      const why = reason(world, call, before);
      if (!wanted) {
        if (!through) complain(`the tail call happens, though ${why}`, 'the instruction behind it', got);
        continue;
      }
      const want = `${hex(wanted.address)} (${wanted.name}, where tail calls land)`;
      if (through) complain(`the tail call does not happen, though ${why}`, want, got);
      else if (trace.rip(next) !== wanted.address) complain('the tail call lands elsewhere', want, got);
      else {
        const frame = kernelFrame(activation);
        for (const register of [Gpr.rsp, Gpr.rbp]) {
          const value = trace.reg(next, register);
          const name = GPR_NAMES[register]!;
          const message = `the tail call lands with another ${name} than that of the frame it takes over`;
          if (value !== frame) complain(message, `${name} = ${hex(frame)}`, `${name} = ${hex(value)}`, next);
        }
      }
    }
    return findings;
  },
};
