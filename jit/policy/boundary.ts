import { r64 } from '../x86';
import type { BoundaryChoice } from './policy';

export const none: BoundaryChoice = { name: 'none' };

/** One word below the saved registers for as long as the boundary runs, so that a callback always finds one to pop. */
export const pushOnce: BoundaryChoice = {
  name: 'push-once',
  onPrologue: ({ out, register }) => out.put('push r64', r64(register)),
  onEpilogue: ({ out, register }) => out.put('pop r64', r64(register)),
};
