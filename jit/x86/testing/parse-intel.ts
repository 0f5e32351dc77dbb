import { FORMS, type FormName, type OperandKind } from '../forms';
import { gs, type Imm, imm8, imm16, imm32, imm64, isImm8, type Mem, mem0, type Operand, type Rel } from '../operands';
import { printIntel } from '../print';
import { GPR_NAMES, type GprName, r8, r16, r32, r64 } from '../registers';
import { addressed, type Instruction } from './assemble';

const BANKS = { r8, r16, r32, r64 } as const;
const IMMEDIATES = { imm8, imm16, imm32 } as const;

/** `0x2a`, `-0x8`. */
const number = (text: string): bigint => (text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text));

function register(kind: keyof typeof BANKS, text: string): Operand {
  const bank = Array.from({ length: 16 }, (_, num) => BANKS[kind](num));
  const found = bank.find(({ name }) => name === text);
  if (!found) throw new Error(`${text} is no ${kind}`);
  return found;
}

/** `[base+index*scale+disp]`; a displacement takes the shortest width that is possible, or 32 bits where told. */
function memory(text: string, wide: boolean): Mem {
  const match = /\[(\w+?)(?:\+(\w+)\*([1248]))?([+-]0x[0-9a-f]+)?\]$/.exec(text);
  if (!match) throw new Error(`${text} is no memory operand`);
  const numberOf = (name: string): number => GPR_NAMES.indexOf(name as GprName);
  const base = mem0(numberOf(match[1]!));
  const index = match[2] === undefined ? null : numberOf(match[2]);
  const scale = Number(match[3] ?? 1) as Mem['scale'];
  const disp = match[4] === undefined ? 0 : Number(number(match[4].replace('+', '')));
  const dispWidth = wide || !isImm8(disp) ? 32 : match[4] === undefined ? 0 : 8;
  return { ...base, index, scale, disp, dispWidth };
}

function operand(kind: OperandKind, text: string, wide: boolean): Operand {
  if (kind in BANKS) return register(kind as keyof typeof BANKS, text);
  if (kind === 'imm64') return imm64(number(text));
  if (kind in IMMEDIATES) return IMMEDIATES[kind as keyof typeof IMMEDIATES](Number(number(text))) satisfies Imm;
  if (kind === 'gs') return gs(Number(BigInt.asIntN(32, number(/\[(.*)\]/.exec(text)![1]!))));
  if (kind.startsWith('m')) return memory(text, wide);
  return { kind: 'rel', width: kind === 'rel8' ? 8 : 32, target: addressed(number(text)) } satisfies Rel;
}

/**
 * Reads Intel text as an instruction of row `name`, which settles the widths of immediates and branches.
 * `{disp32} ` before it asks for the wide displacement where a narrow one would do, as in the GNU assembler.
 * @throws Error where the text is not of that row
 */
export function parseIntel(name: FormName, line: string): Instruction {
  const form = FORMS[name];
  const wide = line.startsWith('{disp32} ');
  const text = line.replace('{disp32} ', '');
  if (form.kinds.length === 0) {
    if (printIntel(form, []) !== text) throw new Error(`${text} is no ${name}`);
    return { form, operands: [] };
  }
  const mnemonic = name === 'mov r64, imm64' ? 'movabs' : form.mnemonic;
  const texts = text.slice(mnemonic.length + 1).split(', ');
  if (!text.startsWith(`${mnemonic} `) || texts.length !== form.parts.length) throw new Error(`${text} is no ${name}`);
  const operands = form.parts.flatMap((part, i) => {
    if (typeof part === 'string') return [operand(part, texts[i]!, wide)];
    if (part.fixed !== texts[i]) throw new Error(`${text}: ${texts[i]} is not ${part.fixed}`);
    return [];
  });
  return { form, operands };
}
