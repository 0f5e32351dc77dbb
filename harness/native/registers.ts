/**
 * Places in the register block: the hardware numbers of the general registers (SDM vol. 2, table 2-4), then rip,
 * rflags and the GS base.
 */
export const REG = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
  rip: 16,
  rflags: 17,
  gsBase: 18,
} as const;

export type RegName = keyof typeof REG;

/** Words of the register block. */
export const REG_COUNT = 19;
