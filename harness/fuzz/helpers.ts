import { CALLBACK_MODELS } from '../kernel/callbacks';
import { THUNKS } from '../kernel/may-goto';

/** Whether a helper or kfunc does more than return something and destroy what it may. */
export const isCalled = (name: string): boolean =>
  name === 'bpf_throw' || Object.hasOwn(CALLBACK_MODELS, name) || Object.hasOwn(THUNKS, name);
