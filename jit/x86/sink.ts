import type { FormName } from './forms';
import type { LocalLabel, Operand } from './operands';

/** Where machine instructions go, in program order. */
export interface Sink {
  put(form: FormName, ...operands: Operand[]): void;
  /** Places `label` before the next instruction. */
  bind(label: LocalLabel): void;
}
