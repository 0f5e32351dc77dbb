import {
  BPF_ATOMIC,
  BPF_CALL,
  BPF_DIV,
  BPF_END,
  BPF_JMP,
  BPF_MOD,
  BPF_MOV,
  BPF_STX,
  BPF_X,
  type Insn,
  isAlu,
  isLdImm64,
} from '../../jit';
import type { ConformanceCase } from './data-file';
import { CPU_VERSIONS, type CpuVersion, type Group, INSTRUCTIONS, type Instruction } from './instructions';
import { OPERANDS } from './operands';

/** An instruction of the instruction set and who uses it. */
export interface OpcodeRow {
  readonly version: CpuVersion;
  readonly group: Group;
  /** Opcode byte. */
  readonly code: number;
  /** The other fields that make it this instruction, where any do. */
  readonly fields: Readonly<Partial<Record<'src' | 'off' | 'imm', number>>>;
  /** `add %dst, imm`. */
  readonly text: string;
  /** Names of the cases with this instruction. */
  readonly usedBy: readonly string[];
}

/** Fields besides the opcode that tell instructions of one opcode apart, by a question about the opcode. */
const TELLING: readonly (readonly ['src' | 'off' | 'imm', (insn: Insn) => boolean])[] = [
  ['src', (insn) => isLdImm64(insn) || insn.code === (BPF_JMP | BPF_CALL)],
  ['off', (insn) => isAlu(insn) && [BPF_DIV, BPF_MOD, BPF_MOV].includes(insn.code & 0xf0)],
  ['imm', (insn) => (isAlu(insn) && (insn.code & 0xf0) === BPF_END) || (insn.code & 0xe7) === (BPF_STX | BPF_ATOMIC)],
];

const draft = (fields: Pick<Insn, 'code'> & Partial<Insn>): Insn => ({ dst: 0, src: 0, off: 0, imm: 0, ...fields });

function fieldsOf(insn: Insn): OpcodeRow['fields'] {
  return Object.fromEntries(TELLING.flatMap(([field, tells]) => (tells(insn) ? [[field, insn[field]]] : [])));
}

const keyOf = (insn: Insn): string => JSON.stringify([insn.code, fieldsOf(insn)]);

/** An instruction that takes a register or an immediate is two. */
function variants({ operands, insn }: Instruction): { insn: Insn; value: string }[] {
  const immediate = { insn: draft(insn), value: 'imm' };
  if (!operands.includes('value')) return [immediate];
  return [immediate, { insn: draft({ ...insn, code: insn.code | BPF_X }), value: '%src' }];
}

/** Names for what the dialect cannot write. */
function textOf({ head, operands, insn }: Instruction, value: string): string {
  if (head === null)
    return isLdImm64(insn) ? `lddw %dst, pseudo ${insn.src}` : `packet load 0x${insn.code.toString(16)}`;
  const usages = operands.map((name) => (name === 'value' ? value : OPERANDS[name].usage));
  return `${head} ${usages.join(', ')}`.trim();
}

/** Every instruction once, in the order of the versions and their opcodes, with the cases that contain it. */
export function opcodeTable(cases: readonly Pick<ConformanceCase, 'name' | 'insns'>[]): OpcodeRow[] {
  const users = new Map<string, Set<string>>();
  for (const { name, insns } of cases)
    for (const insn of insns) {
      const key = keyOf(insn);
      users.set(key, (users.get(key) ?? new Set()).add(name));
    }
  const rows = INSTRUCTIONS.filter(({ alias }) => !alias).flatMap((instruction) =>
    variants(instruction).map(
      ({ insn, value }): OpcodeRow => ({
        version: instruction.version,
        group: instruction.group,
        code: insn.code,
        fields: fieldsOf(insn),
        text: textOf(instruction, value),
        usedBy: [...(users.get(keyOf(insn)) ?? [])],
      }),
    ),
  );
  return rows.sort((a, b) => a.version.localeCompare(b.version) || a.code - b.code);
}

function rowText({ code, fields, group, text, usedBy }: OpcodeRow): string {
  const telling = Object.entries(fields).map(([field, value]) => `${field} 0x${value.toString(16)}`);
  const opcode = `0x${code.toString(16).padStart(2, '0')}`;
  return `  ${opcode}  ${telling.join(' ').padEnd(10)}  ${group.padEnd(8)}  ${text}${usedBy.length > 0 ? `  (${usedBy.length})` : ''}`;
}

/** The table as text: per CPU version what is used, with the number of cases, and what is not. */
export function formatOpcodeTable(rows: readonly OpcodeRow[]): string {
  return CPU_VERSIONS.flatMap((version) => {
    const own = rows.filter((row) => row.version === version);
    const used = own.filter(({ usedBy }) => usedBy.length > 0);
    const unused = own.filter(({ usedBy }) => usedBy.length === 0);
    return [
      `${version}: ${used.length} of ${own.length} instructions used`,
      ...used.map(rowText),
      ...(unused.length > 0 ? [`${version}: not used`, ...unused.map(rowText)] : []),
    ];
  }).join('\n');
}
