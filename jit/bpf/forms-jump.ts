import type { Form } from './form';
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_K,
  BPF_X,
} from './opcodes';

const CONDITIONS = [
  ['==', BPF_JEQ],
  ['!=', BPF_JNE],
  ['>', BPF_JGT],
  ['>=', BPF_JGE],
  ['<', BPF_JLT],
  ['<=', BPF_JLE],
  ['s>', BPF_JSGT],
  ['s>=', BPF_JSGE],
  ['s<', BPF_JSLT],
  ['s<=', BPF_JSLE],
  ['&', BPF_JSET],
] as const;

const conditional: Form[] = CONDITIONS.flatMap(([condition, op]) => [
  { text: `if {dst} ${condition} {src} goto {target}`, code: BPF_JMP | op | BPF_X },
  { text: `if {dst} ${condition} {imm} goto {target}`, code: BPF_JMP | op | BPF_K },
  { text: `if {wdst} ${condition} {wsrc} goto {target}`, code: BPF_JMP32 | op | BPF_X },
  { text: `if {wdst} ${condition} {imm32} goto {target}`, code: BPF_JMP32 | op | BPF_K },
]);

/** Jumps, calls and returns. */
export const JUMP_FORMS: readonly Form[] = [
  ...conditional,
  { text: 'goto {target}', code: BPF_JMP | BPF_JA },
  { text: 'gotol {target32}', code: BPF_JMP32 | BPF_JA },
  { text: 'may_goto {target}', code: BPF_JMP | BPF_JCOND },
  { text: 'call {callee}', code: BPF_JMP | BPF_CALL },
  // The kernel keeps the distance to a subprog beside its index, as the JIT wants both.
  { text: 'call {callee} {off}', code: BPF_JMP | BPF_CALL, kernel: true },
  { text: 'exit', code: BPF_JMP | BPF_EXIT },
];
