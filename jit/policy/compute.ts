import { emitAluImm } from '../idioms';
import type { ComputeChoice, PrivateFrameView } from './policy';

/** Every private subprog loads its own frame's address (6.13). */
export const absolute: ComputeChoice = {
  name: 'absolute',
  onPrologue: (view) => view.loadAbsolute(),
};

/** Moves the frame pointer by a depth; a frame of no bytes moves nothing. */
function move({ out, register }: PrivateFrameView, mnemonic: 'add' | 'sub', depth: number): void {
  if (depth > 0) emitAluImm(out, mnemonic, true, register, depth);
}

/** The root of a call tree loads, inner subprogs add their depth to the caller's pointer (v3). */
export const calleeAdd: ComputeChoice = {
  name: 'callee-add',
  onPrologue(view) {
    if (view.frame.role === 'root') view.loadAbsolute();
    else move(view, 'add', view.depth);
  },
};

/** As {@link calleeAdd}, and inner subprogs subtract it again when they return; a throw goes past that. */
export const calleeAddSub: ComputeChoice = {
  ...calleeAdd,
  name: 'callee-add-sub',
  onEpilogue(view) {
    if (view.frame.role === 'inner') move(view, 'sub', view.depth);
  },
};

/**
 * The root loads; whoever calls an inner subprog hands it its frame pointer, also where the subprog counts as another tree's:
 * it cannot find its frame by itself.
 */
export const callerAdd: ComputeChoice = {
  name: 'caller-add',
  onPrologue(view) {
    if (view.frame.role === 'root') view.loadAbsolute();
  },
  beforeCall(view, { frame, depth }) {
    if (frame.role === 'inner') move(view, 'add', depth);
  },
};
