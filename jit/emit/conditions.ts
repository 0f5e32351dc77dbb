import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
} from '../bpf/opcodes';

/** When a jump is taken: always, or on an x86 condition. */
export type Condition = 'jmp' | 'je' | 'jne' | 'ja' | 'jb' | 'jae' | 'jbe' | 'jg' | 'jl' | 'jge' | 'jle';

/** The x86 condition of each of BPF's, after `cmp dst, src` (or `test` for JSET). */
export const CONDITIONS: Readonly<Record<number, Condition>> = {
  [BPF_JEQ]: 'je',
  [BPF_JNE]: 'jne',
  [BPF_JSET]: 'jne',
  [BPF_JGT]: 'ja',
  [BPF_JLT]: 'jb',
  [BPF_JGE]: 'jae',
  [BPF_JLE]: 'jbe',
  [BPF_JSGT]: 'jg',
  [BPF_JSLT]: 'jl',
  [BPF_JSGE]: 'jge',
  [BPF_JSLE]: 'jle',
};
