import { emitAluImm } from '../idioms';
import type { ComputeChoice } from './policy';

/** Every private subprog loads its own frame's address (6.13). */
export const absolute: ComputeChoice = {
  name: 'absolute',
  onPrologue: (view) => view.loadAbsolute(),
};

/** The root of a call tree loads, inner subprogs add their depth to the caller's pointer (v3). */
export const calleeAdd: ComputeChoice = {
  name: 'callee-add',
  onPrologue: (view) => {
    if (view.frame.role === 'root') view.loadAbsolute();
    else if (view.depth > 0) emitAluImm(view.out, 'add', true, view.register, view.depth);
  },
};
