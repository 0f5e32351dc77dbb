import { compile, pcsOf } from '../../../jit';
import { compileInput, type Capture as Shipped } from '../../../jit/testing/captures';
import type { Capture } from '../capture';

/** Slot and offset of each instruction of each function, as a kernel tells them: the first one begins with its function. */
export function linesOf(capture: Shipped): [number, number][][] {
  const input = compileInput(capture);
  return compile(input).functions.map(({ addrs }, i) => {
    const slots = pcsOf(input.subprogs[i]!.insns).slice(0, -1);
    return slots.map((slot) => [slot, slot === 0 ? 0 : addrs[slot]!]);
  });
}

/** A capture of the repository's with the line map that its kernel would have given. */
export function withLines(capture: Shipped): Capture {
  const lines = linesOf(capture);
  const want = capture.want.map((image, i) => ({ ...image, lines: lines[i]! }));
  return { ...(capture as unknown as Capture), want };
}
