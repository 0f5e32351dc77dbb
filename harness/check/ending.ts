import { EventKind } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import type { Run } from '../run/run';
import { type Check, type CheckInput, type Finding, hex } from './finding';

/** The last event that an instruction caused, and the program's instruction that led there. */
function lastInstruction({ trace, world }: Run): { event: number; place: CodePlace | null; body: string | undefined } {
  let body: string | undefined;
  for (let event = trace.count - 1; event >= 0; event--) {
    if (trace.kind(event) !== EventKind.INSN) continue;
    const place = world.code.at(trace.rip(event));
    if (place) return { event: trace.count - 1, place, body };
    body ??= world.code.bodyAt(trace.rip(event));
  }
  return { event: trace.count - 1, place: null, body };
}

function finding(
  input: CheckInput,
  check: 'termination' | 'fault',
  message: string,
  want: string,
  got: string,
): Finding[] {
  const { event, place, body } = lastInstruction(input.run);
  const where = body === undefined ? '' : `, in the body of ${body}`;
  return [{ check, event: Math.max(0, event), place, message: message + where, want, got }];
}

export const termination: Check = {
  id: 'termination',
  title: 'the program ends',
  run(input) {
    const { kind, rip } = input.run.status;
    if (kind !== 'budget' && kind !== 'events-full') return [];
    const how = kind === 'budget' ? 'a million basic blocks' : `${input.run.trace.count} events`;
    return finding(input, 'termination', `the program has not ended after ${how}`, 'an exit', `rip = ${hex(rip)}`);
  },
};

/** SDM vol. 3, table 6-1. */
const VECTORS: Readonly<Record<number, string>> = {
  0: 'a division error',
  1: 'a debug exception',
  3: 'a breakpoint',
  4: 'an overflow',
  6: 'an invalid opcode',
  8: 'a double fault',
  13: 'a general protection fault',
  14: 'a page fault',
};

/** Why the kernel around the programs did not go on. */
function stopped({ trace, world, marks }: Run): string {
  const last = marks[marks.length - 1];
  if (last?.kind === 'throw' && last.thrown.boundary === null) return 'an exception that nothing catches';
  const end = trace.count - 1;
  const stub = end >= 0 && trace.kind(end) === EventKind.HELPER ? world.helpers[trace.helper(end)]!.stub : undefined;
  if (stub === 'behind-throw') return 'a return into bpf_throw, which cannot go on';
  return stub === 'return' ? 'a return to C code that did not call' : 'a stack pointer that points to no stack';
}

function explain(run: Run): string {
  const { status } = run;
  switch (status.kind) {
    case 'stopped':
      return stopped(run);
    case 'fault': {
      const verb = { read: 'a read of', write: 'a write to', fetch: 'an instruction fetch from' }[status.access];
      return `${verb} ${hex(status.address)}, which ${status.reason === 'unmapped' ? 'is not mapped' : 'forbids it'}`;
    }
    case 'trap':
      return VECTORS[status.vector] ?? `interrupt ${status.vector}`;
    case 'invalid-instruction':
      return 'an invalid instruction';
    case 'elsewhere':
      return 'a halt';
    case 'error':
      return status.message;
    default:
      return status.kind;
  }
}

export const fault: Check = {
  id: 'fault',
  title: 'no instruction faults',
  run(input) {
    const { status } = input.run;
    if (status.kind === 'ok' || status.kind === 'budget' || status.kind === 'events-full') return [];
    return finding(input, 'fault', explain(input.run), 'a return to the caller', `rip = ${hex(status.rip)}`);
  },
};
