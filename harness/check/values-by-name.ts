import { GPR_NAMES, type GprName, X86_64 } from '../../jit';
import { EventKind, type Trace } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import { registersBefore } from '../run/entries';
import { kernelFrame, privateFramePointer } from '../run/frames';
import type { Handback } from '../run/handbacks';
import { machineText, placeName } from '../run/names';
import type { CheckInput } from './finding';
import { callerName } from './losses';

/** A caller's register in words: a term of specs where it is the caller of the run. */
export function callersRegister(input: CheckInput, handback: Handback, register: number): string {
  const name = GPR_NAMES[register]!;
  if (handback.caller || handback.entry.kind !== 'run') return `${name} of ${callerName(input, handback)}`;
  return `caller.${name}`;
}

/** What a value is in a run, of all that has a name: a register of the caller's, a frame pointer, an address of code. */
export function valueName(input: CheckInput, handback: Handback, value: bigint): string | null {
  const { world } = input.run;
  const register = X86_64.calleeSaved.find((each) => handback.before(each) === value);
  if (register !== undefined) return callersRegister(input, handback, register);
  const { cpu } = handback.entry;
  for (const [program, { program: code }] of world.programs.entries()) {
    for (const [subprog, { name }] of code.subprogs.entries()) {
      if (privateFramePointer(world, program, subprog, cpu) === value) return `fp(${name})`;
    }
  }
  const frame = input.activations.find((each) => each.cpu === cpu && kernelFrame(each) === value);
  if (frame) return `kernel_stack(${world.programs[frame.program]!.program.subprogs[frame.subprog]!.name})`;
  const at = world.code.functionAt(value);
  return at ? `an address in ${world.programs[at.program]!.program.subprogs[at.subprog]!.name}` : null;
}

/** The word that an instruction loaded: which push or store left it there. */
export interface LoadedWord {
  /** The instruction that loaded it. */
  readonly place: CodePlace;
  readonly address: bigint;
  /** The instruction that had stored it; null when no program did. */
  readonly stored: CodePlace | null;
  /** The event of its store; -1 when no program did. */
  readonly event: number;
  /** The register that it pushed, if it is a push. */
  readonly pushed: GprName | null;
}

/** The word that the instruction before an event loaded; null when it loaded none. */
export function loadedWord({ run, entryOf }: CheckInput, event: number): LoadedWord | null {
  const { trace, world } = run;
  const at = registersBefore(run, entryOf, event);
  const place = at < 0 || trace.kind(at) !== EventKind.INSN ? undefined : world.code.at(trace.rip(at));
  if (!place) return null;
  for (let i = at + 1; i < trace.count && !trace.hasRegisters(i); i++) {
    if (trace.kind(i) !== EventKind.READ) continue;
    const address = trace.address(i);
    const stored = lastStore(trace, i, address);
    const by = (stored >= 0 && world.code.at(trace.rip(stored))) || null;
    return { place, address, stored: by, event: stored, pushed: by && pushedBy(by) };
  }
  return null;
}

/** The last store before an event that touched a word; -1 when there is none. */
function lastStore(trace: Trace, before: number, address: bigint): number {
  for (let i = before - 1; i >= 0; i--) {
    if (trace.kind(i) !== EventKind.WRITE || trace.skipped(i)) continue;
    const lo = trace.address(i);
    if (lo < address + 8n && lo + BigInt(trace.size(i)) > address) return i;
  }
  return -1;
}

const pushedBy = ({ row }: CodePlace): GprName | null =>
  row.pushes === null ? null : ((GPR_NAMES[row.pushes] as GprName | undefined) ?? null);

/** Where a word comes from, in a few words: `pushed by push r9 at main pc 6 +0x4c`. */
export function storedText({ run: { world } }: CheckInput, { stored, pushed }: LoadedWord): string | null {
  if (!stored) return null;
  return `${pushed ? 'pushed' : 'stored'} by \`${machineText(stored)}\` at ${placeName(world, stored)}`;
}
