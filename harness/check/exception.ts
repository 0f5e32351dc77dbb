import { BPF_EXIT, BPF_JMP, GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import { kernelFrame } from '../run/frames';
import { handbacks } from '../run/handbacks';
import type { Entry, Run, Throw } from '../run/run';
import { lostRegisters } from './exception-registers';
import { type Check, type CheckInput, type Finding, hex } from './finding';
import { callerName } from './losses';

/** A throw, and what the run's activations say about it. */
interface Thrown {
  readonly thrown: Throw;
  /** The first event behind the call of bpf_throw(). */
  readonly event: number;
  readonly entry: Entry;
  /** Who called bpf_throw(), and the event of the call. */
  readonly thrower: Activation | null;
  readonly call: number;
  /** The innermost main subprog below, unless C code stands in between. */
  readonly boundary: Activation | null;
  readonly callback: Activation | null;
}

function throwsOf({ run, activations, activationOf, entryOf }: CheckInput): Thrown[] {
  const open: Entry[] = [];
  return run.marks.flatMap((mark): Thrown[] => {
    if (mark.kind === 'enter') open.push(mark.entry);
    if (mark.kind === 'leave') open.pop();
    if (mark.kind !== 'throw') return [];
    const { thrown, event } = mark;
    const entry = open[open.length - 1]!;
    let call = event - 1;
    while (call >= 0 && !(entryOf[call] === entry && run.trace.kind(call) === EventKind.INSN)) call--;
    const thrower = activationOf[call] ?? null;
    let boundary = thrower;
    while (boundary?.entry === entry && boundary.subprog !== 0) boundary = boundary.parent;
    if (boundary?.entry !== entry) boundary = null;
    const callback = activations.find((each) => each.entry === entry && each.start >= event) ?? null;
    return [{ thrown, event, entry, thrower, call, boundary, callback }];
  });
}

const nameOf = ({ world }: Run, program: number, subprog: number): string =>
  world.programs[program]!.program.subprogs[subprog]!.name;

/** What the unwinder finds. */
function unwound(input: CheckInput, each: Thrown): Finding[] {
  const { run, activationOf } = input;
  const { trace, world } = run;
  const { thrown, boundary, call, event } = each;
  const place = world.code.at(trace.rip(call)) ?? null;
  const finding = (message: string, want: string, got: string): Finding => {
    return { check: 'exception', event: Math.min(event - 1, trace.count - 1), place, message, want, got };
  };
  const wanted = boundary ? `the frame of ${nameOf(run, boundary.program, 0)}` : 'a main subprog that called';
  if (thrown.boundary === null) {
    return [finding('the unwinder finds no boundary, so nothing catches the exception', wanted, 'none')];
  }
  if (boundary?.program !== thrown.boundary) {
    return [finding('the unwinder finds another boundary', wanted, nameOf(run, thrown.boundary, 0))];
  }
  let last = call;
  while (activationOf[last] !== boundary || trace.kind(last) !== EventKind.INSN) last--;
  const name = nameOf(run, boundary.program, 0);
  const rows = [
    { what: 'rsp', want: trace.reg(last, Gpr.rsp), got: thrown.sp, of: `as at its call` },
    { what: 'rbp', want: kernelFrame(boundary), got: thrown.bp, of: `kernel_stack(${name})` },
  ];
  return rows.flatMap(({ what, want, got, of }) =>
    want === got
      ? []
      : [finding(`the callback is handed another ${what} than that of ${name}`, `${hex(want)} (${of})`, hex(got))],
  );
}

/** What the exception callback begins with: the boundary's frame, and the cookie. */
function begun(input: CheckInput, { thrown, boundary, callback }: Thrown): Finding[] {
  const { run, activationOf } = input;
  const { trace, world } = run;
  if (!callback || !boundary) return [];
  for (let event = callback.start; event < trace.count; event++) {
    if (activationOf[event] !== callback || trace.kind(event) !== EventKind.INSN) continue;
    const place = world.code.at(trace.rip(event));
    if (!place?.first || place.pc < 0) continue;
    const rows = [
      { register: Gpr.rbp, want: kernelFrame(boundary), message: 'does not take over the frame of the boundary' },
      { register: X86_64.bpf[1]!, want: thrown.cookie, message: 'is not handed the cookie' },
    ];
    return rows.flatMap(({ register, want, message }): Finding[] => {
      const got = trace.reg(event, register);
      if (got === want) return [];
      const shown = (value: bigint) => `${GPR_NAMES[register]} = ${hex(value)}`;
      const rest = { message: `${place.fn.name} ${message}`, want: shown(want), got: shown(got), register };
      return [{ check: 'exception', event, place, ...rest }];
    });
  }
  return [];
}

/** A callback that returns into bpf_throw() instead of to the boundary's caller. */
function behindThrow({ run }: CheckInput): Finding[] {
  const { trace, world } = run;
  const last = trace.count - 1;
  if (last < 0 || trace.kind(last) !== EventKind.HELPER) return [];
  if (world.helpers[trace.helper(last)]!.stub !== 'behind-throw') return [];
  let at = last;
  while (at > 0 && !(trace.kind(at) === EventKind.INSN && world.code.at(trace.rip(at)))) at--;
  const place = world.code.at(trace.rip(at)) ?? null;
  const message = 'the exception callback returns behind bpf_throw';
  const want = "a return to the boundary's caller";
  return [{ check: 'exception', event: last, place, message, want, got: 'a return to bpf_throw' }];
}

/** What the callback returns is what the boundary's caller gets. */
function returned(input: CheckInput): Finding[] {
  const { run, activationOf } = input;
  const { trace, world } = run;
  return handbacks(input).flatMap((handback): Finding[] => {
    const { thrown, returned, event } = handback;
    if (!thrown || !returned) return [];
    for (let i = Math.min(returned.end, trace.count) - 1; i >= returned.start; i--) {
      if (activationOf[i] !== returned || trace.kind(i) !== EventKind.INSN) continue;
      const place = world.code.at(trace.rip(i));
      if (!place?.first || place.insn?.code !== (BPF_JMP | BPF_EXIT)) continue;
      const [want, got] = [trace.reg(i, X86_64.returnValue), handback.after(X86_64.returnValue)];
      if (want === got) return [];
      const message = `${callerName(input, handback)} does not get what ${place.fn.name} returns`;
      const shown = (value: bigint) => `r0 = ${hex(value)}`;
      const rest = { message, want: shown(want), got: shown(got), register: X86_64.returnValue };
      return [{ check: 'exception', event, place, ...rest }];
    }
    return [];
  });
}

export const exception: Check = {
  id: 'exception',
  title: 'an exception ends in the callback, in the frame of the boundary, whose caller gets its registers and r0',
  run(input) {
    const thrown = throwsOf(input);
    return [
      ...thrown.flatMap((each) => unwound(input, each)),
      ...thrown.flatMap((each) => begun(input, each)),
      ...lostRegisters(input),
      ...behindThrow(input),
      ...returned(input),
    ];
  },
};
