import { X86_64 } from '../../jit';
import { THUNKS } from '../kernel/may-goto';
import { EventKind } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import type { InterpretedArea, InterpretedCall } from '../run/interpreted';
import type { Run } from '../run/run';
import { AT_END, type Check, type Finding, hex } from './finding';

/** A call of a helper or kfunc, in the machine. */
interface Call {
  readonly event: number;
  readonly name: string;
}

/** Events in which an entry of that kind has not returned. */
function within({ marks, trace }: Run, kind: string): boolean[] {
  const open: boolean[] = [];
  const inside: boolean[] = [];
  let next = 0;
  for (let event = 0; event < trace.count; event++) {
    for (let mark = marks[next]; mark && mark.event <= event; mark = marks[++next]) {
      if (mark.kind === 'enter') open.push(mark.entry.kind === kind);
      else if (mark.kind === 'leave') open.pop();
    }
    inside.push(open.includes(true));
  }
  return inside;
}

/** Calls that a program makes: not what only the JIT calls, nor stubs of the kernel. */
function callsOf(run: Run, uninterrupted: boolean): Call[] {
  const { trace, world } = run;
  const interrupting = uninterrupted ? within(run, 'interrupt') : [];
  const calls: Call[] = [];
  for (let event = 0; event < trace.count; event++) {
    if (trace.kind(event) !== EventKind.HELPER || interrupting[event]) continue;
    const { name, stub } = world.helpers[trace.helper(event)]!;
    if (!stub && !Object.hasOwn(THUNKS, name)) calls.push({ event, name });
  }
  return calls;
}

/** The program's instruction that was executed last up to an event. */
function instructionAt({ trace, world }: Run, event: number): CodePlace | null {
  for (let i = event; i >= 0; i--) {
    const place = trace.kind(i) === EventKind.INSN ? world.code.at(trace.rip(i)) : undefined;
    if (place) return place;
  }
  return null;
}

const finding = (rest: Omit<Finding, 'check'>): Finding => ({ check: 'interpreter', ...rest });

const callText = (call: { readonly name: string } | undefined): string =>
  call ? `call ${call.name}` : 'no more calls';

/** The first call that is another one, or has another argument; nothing more, since all that follows may follow from it. */
function callFindings(run: Run, calls: readonly Call[], wanted: readonly InterpretedCall[]): Finding[] {
  for (let i = 0; i < Math.max(calls.length, wanted.length); i++) {
    const [call, want] = [calls[i], wanted[i]];
    if (!call && run.status.kind !== 'ok') return [];
    const event = call?.event ?? AT_END;
    const place = call ? instructionAt(run, event) : null;
    if (!call || call.name !== want?.name) {
      const message = 'the program makes other calls than in the interpreter';
      return [finding({ event, place, message, want: callText(want), got: callText(call) })];
    }
    const found = want.args.findIndex((value, at) => value !== null && run.trace.reg(event, argument(at)) !== value);
    if (found < 0) continue;
    const [value, seen] = [want.args[found]!, run.trace.reg(event, argument(found))];
    const message = `argument ${found + 1} of ${call.name} is not what it is in the interpreter`;
    const [wants, gets] = [value, seen].map((each) => `r${found + 1} = ${hex(each)}`) as [string, string];
    return [finding({ event, place, message, want: wants, got: gets, register: argument(found) })];
  }
  return [];
}

/** Machine register of a BPF argument, counted from 0. */
const argument = (at: number): number => X86_64.bpf[at + 1]!;

function resultFindings({ after }: Run, want: bigint | null): Finding[] {
  const register = X86_64.returnValue;
  const got = after[register]!;
  if (want === null || got === want) return [];
  const message = 'the program returns another value than in the interpreter';
  const [wants, gets] = [want, got].map((each) => `r0 = ${hex(each)}`) as [string, string];
  return [finding({ event: AT_END, place: null, message, want: wants, got: gets, register })];
}

/** The program's instruction that wrote to an address last. */
function writer({ trace, world }: Run, address: bigint): CodePlace | null {
  for (let i = trace.count - 1; i >= 0; i--) {
    if (trace.kind(i) !== EventKind.WRITE) continue;
    const offset = address - trace.address(i);
    if (offset >= 0n && offset < BigInt(trace.size(i))) return world.code.at(trace.rip(i)) ?? null;
  }
  return null;
}

const WORD = 8;
const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function memoryFindings(run: Run, name: string, { bytes, known }: InterpretedArea): Finding[] {
  const got = run.memory.get(name)!;
  const first = bytes.findIndex((byte, i) => known[i] === true && byte !== got[i]);
  if (first < 0) return [];
  const address = run.world.data.find((area) => area.name === name)!.address + BigInt(first);
  const message = `${name} differs from the interpreter's at byte ${first}`;
  const [want, seen] = [bytes, got].map((each) => hexBytes(each.subarray(first, first + WORD))) as [string, string];
  return [finding({ event: AT_END, place: writer(run, address), message, want, got: seen })];
}

export const interpreter: Check = {
  id: 'interpreter',
  title: 'helpers get, and the program leaves in r0, context and maps, what an interpreter of BPF comes to',
  run({ run, interpreted }) {
    if (interpreted.kind === 'none') return [];
    const { calls, r0, memory, uninterrupted } = interpreted;
    const called = callFindings(run, callsOf(run, uninterrupted), calls);
    if (run.status.kind !== 'ok') return called;
    const left = [...memory].flatMap(([name, area]) => memoryFindings(run, name, area));
    return [...called, ...resultFindings(run, r0), ...left];
  },
};
