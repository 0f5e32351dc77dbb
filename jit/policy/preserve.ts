import { r64 } from '../x86';
import type { CallKind, PreserveChoice } from './policy';

/** Nothing: the frame pointer is lost at the first call that destroys it. */
export const none: PreserveChoice = {
  name: 'none',
  aroundCall: (_kind, _view, emitCall) => emitCall(),
};

/** `push` before and `pop` after the calls of the given kinds. */
export function pushPop(...kinds: CallKind[]): PreserveChoice {
  const wrapped = new Set(kinds);
  return {
    name: `push-pop ${kinds.join(', ')}`,
    aroundCall(kind, view, emitCall) {
      if (!wrapped.has(kind)) return emitCall();
      view.out.put('push r64', r64(view.register));
      emitCall();
      view.out.put('pop r64', r64(view.register));
    },
  };
}

export const pushPopAll = pushPop('subprog', 'helper', 'kfunc', 'throw');
