import { formsOf, matchesFixed } from './compiled-form';
import { type Insn, isLdImm64 } from './insn';
import { jumpDistance } from './jump';
import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC } from './opcodes';
import type { PrintContext } from './operand';
import { type Program, pcsOf, type Subprog } from './program';

/**
 * One instruction as text, in the dialect of kernel/bpf/disasm.c and LLVM. Numbers without a name in `context` are
 * printed as numbers, and jumps without a label as distances.
 */
export function printInsn(insn: Insn, context: PrintContext = {}): string {
  const compiled = formsOf(insn.code).find((form) => matchesFixed(form, insn));
  if (!compiled) return printFields(insn);
  return compiled.pieces.map((piece) => (typeof piece === 'string' ? piece : piece.print(insn, context))).join('');
}

/** An instruction that there is not: its fields. */
const printFields = ({ code, dst, src, off, imm }: Insn): string =>
  `(${code.toString(16).padStart(2, '0')}) dst ${dst}, src ${src}, off ${off}, imm ${imm}`;

/**
 * A whole program as text, which the parser reads back as the same program: directives for its kfuncs and maps, then
 * each subprog under its label. Jumps go to labels `L0`, `L1` and so on, numbered in each subprog.
 */
export function printProgram(program: Program): string {
  const names = { kfuncs: program.kfuncs, maps: program.maps, subprogs: program.subprogs.map(({ name }) => name) };
  const tables = [...program.kfuncs.map((name) => `.kfunc ${name}\n`), ...program.maps.map((name) => `.map ${name}\n`)];
  const prefix = unusedPrefix(names.subprogs);
  const referenced = referencedSubprogs(program);
  const subprogs = program.subprogs.map((subprog, i) => {
    // What nothing refers to, such as an exception callback, would otherwise be a label inside its predecessor.
    const directive = subprog.isGlobal ? '.global' : i > 0 && !referenced.has(i) ? '.func' : undefined;
    return `${directive ? `${directive} ${subprog.name}\n` : ''}${printSubprog(subprog, names, prefix)}`;
  });
  return tables.join('') + subprogs.join('');
}

/** Indices of the subprogs that are called or whose address is taken. */
function referencedSubprogs({ subprogs }: Program): ReadonlySet<number> {
  const referenced = new Set<number>();
  for (const { insns } of subprogs)
    for (const insn of insns) {
      if (insn.code === (BPF_JMP | BPF_CALL) && insn.src === BPF_PSEUDO_CALL) referenced.add(insn.imm);
      if (isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC) referenced.add(Number(insn.imm64));
    }
  return referenced;
}

function printSubprog(subprog: Subprog, names: PrintContext, prefix: string): string {
  const pcs = pcsOf(subprog.insns);
  const labels = labelsOf(subprog, pcs, prefix);
  const lines = subprog.insns.map((insn, i) => {
    const pc = pcs[i]!;
    const label = labels.get(pc);
    const text = printInsn(insn, { ...names, label: (distance) => labels.get(pc + 1 + distance) });
    return `${label === undefined ? '' : `${label}:\n`}  ${text}\n`;
  });
  return `${subprog.name}:\n${lines.join('')}`;
}

/** A label for each instruction of the subprog that is jumped to, by pc. */
function labelsOf({ insns }: Subprog, pcs: readonly number[], prefix: string): ReadonlyMap<number, string> {
  const starts = new Set(pcs.slice(0, -1));
  const targets = new Set<number>();
  insns.forEach((insn, i) => {
    const distance = jumpDistance(insn);
    if (distance !== undefined && starts.has(pcs[i]! + 1 + distance)) targets.add(pcs[i]! + 1 + distance);
  });
  return new Map([...targets].sort((a, b) => a - b).map((pc, i) => [pc, `${prefix}${i}`]));
}

/** `L`, lengthened until no subprog is called like a label. */
function unusedPrefix(subprogs: readonly string[]): string {
  let prefix = 'L';
  while (subprogs.some((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))) prefix += '_';
  return prefix;
}
