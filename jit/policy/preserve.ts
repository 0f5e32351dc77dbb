import { emitLdx, emitStx, memOperand } from '../idioms';
import { Gpr, r64, X86_64 } from '../x86';
import type { CallKind, PreserveChoice, PrivateFrameView } from './policy';

/** The frame pointer in the register that the kernel has it in, and nothing on the kernel stack. */
const plain = { register: X86_64.privateFramePointer, reserve: 0 } as const;

/** Nothing: the frame pointer is lost at the first call that destroys it. */
export const none: PreserveChoice = {
  ...plain,
  name: 'none',
  chosen: { kind: 'none' },
  aroundCall: (_kind, _view, emitCall) => emitCall(),
};

/** `push` before and `pop` after the calls of the given kinds. */
export function pushPop(...kinds: CallKind[]): PreserveChoice {
  const wrapped = new Set(kinds);
  return {
    ...plain,
    name: `push-pop ${kinds.join(', ')}`,
    chosen: { kind: 'push-pop', calls: kinds },
    aroundCall(kind, view, emitCall) {
      if (!wrapped.has(kind)) return emitCall();
      view.out.put('push r64', r64(view.register));
      emitCall();
      view.out.put('pop r64', r64(view.register));
    },
  };
}

export const pushPopAll = pushPop('subprog', 'helper', 'kfunc', 'throw');

/** Emits `restore` after each call that returns. */
const after =
  (restore: (view: PrivateFrameView) => void): PreserveChoice['aroundCall'] =>
  (kind, view, emitCall) => {
    emitCall();
    if (kind !== 'throw') restore(view);
  };

const SLOT = memOperand(Gpr.rbp, -8);

/** A word right below rbp: stored once, loaded after each call. rsp never moves. */
export const spillSlot: PreserveChoice = {
  ...plain,
  name: 'spill-slot',
  chosen: { kind: 'spill-slot' },
  reserve: 8,
  onPrologue: ({ out, register }) => emitStx(out, 8, SLOT, register),
  aroundCall: after(({ out, register }) => emitLdx(out, 8, register, SLOT)),
};

/** The address is loaded again after each call, as in the prologue: nothing is stored anywhere. */
export const reload: PreserveChoice = {
  ...plain,
  name: 'reload',
  chosen: { kind: 'reload' },
  aroundCall: after((view) => view.loadAbsolute()),
};

/** A register that every function preserves, and so must every subprog that uses it. The base of an arena has the same. */
export const calleeSaved: PreserveChoice = {
  name: 'callee-saved',
  chosen: { kind: 'callee-saved' },
  register: Gpr.r12,
  reserve: 0,
  aroundCall: (_kind, _view, emitCall) => emitCall(),
};
