import { Gpr, r64 } from '../x86';
import type { CallbackChoice } from './policy';

/** The callback trusts the stack pointer that it is given (6.13). */
export const noPop: CallbackChoice = { name: 'no-pop', onExceptionCallback() {} };

/** The callback pops one word when it has a private frame itself (v3). */
export const popIfOwn: CallbackChoice = {
  name: 'pop-if-own',
  onExceptionCallback(out, callback) {
    if (callback.private) out.put('pop r64', r64(Gpr.r9));
  },
};
