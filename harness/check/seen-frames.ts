import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import type { CheckInput } from './finding';

/** The frame pointer that an activation started with. */
export interface SeenFrame {
  readonly activation: Activation;
  readonly framePointer: bigint;
  readonly event: number;
  readonly place: CodePlace | null;
}

/**
 * The first frame pointer of each activation: what its first use of r10 shows or, when it never uses it, the register
 * that holds r10 at the first BPF instruction.
 */
export function seenFrames({ run, activations, activationOf, uses }: CheckInput): SeenFrame[] {
  const seen = new Map<Activation, SeenFrame>();
  for (const { activation, framePointer, event, place } of uses) {
    if (!seen.has(activation)) seen.set(activation, { activation, framePointer, event, place });
  }
  const { trace, world } = run;
  for (let event = 0; event < trace.count; event++) {
    const activation = activationOf[event];
    if (!activation || seen.has(activation) || trace.kind(event) !== EventKind.INSN) continue;
    const place = world.code.at(trace.rip(event));
    if (!place || place.pc < 0) continue;
    const framePointer = trace.reg(event, place.fn.frame.register);
    seen.set(activation, { activation, framePointer, event, place });
  }
  return activations.flatMap((activation) => seen.get(activation) ?? []);
}
