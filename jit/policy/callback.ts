import { emitAluImm, memOperand } from '../idioms';
import { Gpr, r64 } from '../x86';
import type { CallbackChoice } from './policy';

const WORD = 8;

/** The callback trusts the stack pointer that it is given (6.13). */
export const noPop: CallbackChoice = { name: 'no-pop', onExceptionCallback() {} };

/** The callback pops one word when it has a private frame itself (v3). */
export const popIfOwn: CallbackChoice = {
  name: 'pop-if-own',
  onExceptionCallback({ out, callback, register }) {
    if (callback.private) out.put('pop r64', r64(register));
  },
};

/** It pops one word when the boundary has a private frame: it was the boundary that pushed. */
export const popIfBoundary: CallbackChoice = {
  name: 'pop-if-boundary',
  onExceptionCallback({ out, boundary, register }) {
    if (boundary.private) out.put('pop r64', r64(register));
  },
};

/** As {@link popIfBoundary}, but the word is dropped: whoever runs next has a frame pointer of its own. */
export const skip: CallbackChoice = {
  name: 'skip',
  onExceptionCallback({ out, boundary }) {
    if (boundary.private) emitAluImm(out, 'add', true, Gpr.rsp, WORD);
  },
};

/** It finds the saved registers from the boundary's rbp, whatever lies below them. */
export const fromRbp: CallbackChoice = {
  name: 'from-rbp',
  onExceptionCallback: ({ out, saveArea }) => out.put('lea r64, m64', r64(Gpr.rsp), memOperand(Gpr.rbp, -saveArea)),
};
