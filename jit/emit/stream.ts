import { FORMS, type Form, type FormName } from '../x86/forms';
import { LocalLabel, type Operand } from '../x86/operands';
import type { Sink } from '../x86/sink';
import type { Condition } from './conditions';
import { PROLOGUE_PC, type Role, type Site } from './site';

/** One machine instruction whose size is known. */
export interface MachineInsn {
  readonly kind: 'insn';
  readonly form: Form;
  readonly operands: readonly Operand[];
  readonly site: Site;
  /** A load or store that may fault: the exception table skips it and zeroes this register, if any. */
  readonly onFault: { readonly zero: number | null } | null;
}

/** A jump to another BPF instruction: its size is settled by the pass loop. */
export interface BpfJump {
  readonly kind: 'jump';
  readonly condition: Condition;
  /** Slot number of the target. */
  readonly target: number;
  /** A jump to the next instruction disappears; the jumps of later exits to the first epilogue never do. */
  readonly elide: boolean;
  readonly site: Site;
}

interface LabelMark {
  readonly kind: 'label';
  readonly label: LocalLabel;
  readonly site: Site;
}

export type StreamItem = MachineInsn | BpfJump | LabelMark;

/** A map finds one of 170 names sooner than an object does. */
const BY_NAME = new Map(Object.entries(FORMS) as [FormName, Form][]);

/** The machine code of one subprog as values, in program order, before any of it has an address. */
export class Stream implements Sink {
  readonly items: StreamItem[] = [];
  private site: Site;
  private onFault: MachineInsn['onFault'] = null;

  constructor(readonly subprog: number) {
    this.site = { subprog, pc: PROLOGUE_PC, role: 'body' };
  }

  /** What follows belongs to this BPF instruction and is there for this. */
  at(pc: number, role: Role): void {
    this.site = { subprog: this.subprog, pc, role };
  }

  /** What follows is there for this; the BPF instruction stays. */
  role(role: Role): void {
    if (this.site.role !== role) this.at(this.site.pc, role);
  }

  put(form: FormName, ...operands: Operand[]): void {
    this.items.push({ kind: 'insn', form: BY_NAME.get(form)!, operands, site: this.site, onFault: this.onFault });
  }

  /** What `emit` puts gets an entry in the exception table. */
  mayFault(zero: number | null, emit: () => void): void {
    this.onFault = { zero };
    emit();
    this.onFault = null;
  }

  label(): LocalLabel {
    return new LocalLabel();
  }

  bind(label: LocalLabel): void {
    this.items.push({ kind: 'label', label, site: this.site });
  }

  jump(condition: Condition, target: number, elide: boolean): void {
    this.items.push({ kind: 'jump', condition, target, elide, site: this.site });
  }
}
