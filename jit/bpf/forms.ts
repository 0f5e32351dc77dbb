import type { Form } from './form';
import { ALU_FORMS } from './forms-alu';
import { ATOMIC_FORMS } from './forms-atomic';
import { JUMP_FORMS } from './forms-jump';
import { MEMORY_FORMS } from './forms-memory';

/** Every instruction of Linux 6.18, in the dialect of kernel/bpf/disasm.c and LLVM. */
export const FORMS: readonly Form[] = [...ALU_FORMS, ...MEMORY_FORMS, ...ATOMIC_FORMS, ...JUMP_FORMS];
