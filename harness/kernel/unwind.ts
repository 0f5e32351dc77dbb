import type { GuestMemory } from './helper-call';

/** A frame as the unwinder sees it: where it goes on, and its rsp and rbp there. */
export interface UnwoundFrame {
  readonly ip: bigint;
  readonly sp: bigint;
  readonly bp: bigint;
}

function load64(memory: GuestMemory, address: bigint): bigint | undefined {
  const bytes = memory.read(BigInt.asUintN(64, address), 8);
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true) : undefined;
}

/**
 * The frames of a stack, innermost first, as seen from the entry of a function that a program called. A frame's sp is
 * what remains when the return address of the frame below it is popped, so right before the call it was the same.
 * Functions without unwind tables, such as a JIT's, are walked along rbp (unwind_next_frame() with its fallback).
 */
export function* walkFrames(memory: GuestMemory, rsp: bigint, rbp: bigint): Generator<UnwoundFrame> {
  const ip = load64(memory, rsp);
  let frame = ip === undefined ? undefined : { ip, sp: rsp + 8n, bp: rbp };
  while (frame) {
    yield frame;
    const { bp }: UnwoundFrame = frame;
    const [callerBp, returnAddress] = [load64(memory, bp), load64(memory, bp + 8n)];
    frame =
      callerBp === undefined || returnAddress === undefined
        ? undefined
        : { ip: returnAddress, sp: BigInt.asUintN(64, bp + 16n), bp: callerBp };
  }
}

/** Most frames that are looked at: a broken chain may run in a circle. */
const MAX_FRAMES = 64;

/**
 * The frame of the exception boundary: the innermost one of a program's main subprog, as long as every frame before it
 * is a program's (bpf_stack_walker()). Null when something else stands in between.
 *
 * @param functionAt the program's function in which an address lies, its end included: a call may be its last instruction
 * @param isBoundary whether an exception goes no further than such a function
 */
export function findBoundary<T extends { readonly subprog: number }>(
  frames: Iterable<UnwoundFrame>,
  functionAt: (ip: bigint) => T | undefined,
  isBoundary: (of: T) => boolean = ({ subprog }) => subprog === 0,
): { readonly frame: UnwoundFrame; readonly of: T } | null {
  let seen = 0;
  for (const frame of frames) {
    const of = functionAt(frame.ip);
    if (!of || ++seen > MAX_FRAMES) return null;
    if (isBoundary(of)) return { frame, of };
  }
  return null;
}
