import type { Insn } from './insn';
import { HELPERS, type HelperTable } from './names';
import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL } from './opcodes';
import { isProblem, type Operand, type PrintContext, type Rules } from './operand';
import type { TokenClass } from './tokens';

/** The name of what is called, if a parser would take the name for that. */
const CALL_NAMES: Readonly<Record<number, (imm: number, context: PrintContext, helpers: HelperTable) => string>> = {
  [BPF_HELPER_CALL]: (imm, { subprogs }, helpers) => {
    const name = helpers.name(imm);
    return name === undefined || subprogs?.includes(name) ? `${imm}` : name;
  },
  [BPF_PSEUDO_CALL]: (imm, { subprogs }) => subprogs?.[imm] ?? `func#${imm}`,
  [BPF_PSEUDO_KFUNC_CALL]: (imm, { kfuncs, subprogs }, helpers) => {
    const name = kfuncs?.[imm];
    const taken = name === undefined || subprogs?.includes(name) || helpers.id(name) !== undefined;
    return taken ? `kfunc#${imm}` : name;
  },
};

const CALL_CHECKS: Readonly<Record<number, (imm: number, rules: Rules) => string | undefined>> = {
  [BPF_HELPER_CALL]: (imm, { helpers }) => (helpers.name(imm) === undefined ? `unknown helper ${imm}` : undefined),
  [BPF_PSEUDO_CALL]: (imm, { subprogs }) => outOf(imm, subprogs, 'subprog'),
  [BPF_PSEUDO_KFUNC_CALL]: (imm, { kfuncs }) => outOf(imm, kfuncs, 'kfunc'),
};

function outOf(index: number | bigint, count: number | undefined, what: string): string | undefined {
  if (count === undefined || (index >= 0 && index < count)) return undefined;
  return `unknown ${what} ${index}: the program has ${count}`;
}

/** Whom a call calls: a name, or where none is known `5`, `func#1`, `kfunc#2`. */
export const CALLEE: Operand = {
  token: 'callee',
  fields: ['src', 'imm'],
  print: (insn, context) =>
    CALL_NAMES[insn.src]?.(insn.imm, context, context.helpers ?? HELPERS) ?? `kind${insn.src}#${insn.imm}`,
  read: (captured, insn, context) => {
    const callee = context.callee(captured);
    if (isProblem(callee)) return callee;
    insn.src = callee.src;
    insn.imm = callee.imm;
    return undefined;
  },
  check: (insn, rules) => {
    const check = CALL_CHECKS[insn.src];
    if (!check) return `unknown kind of call: \`src\` is ${insn.src}, must be 0, 1 or 2`;
    return rules.kernelInternal ? undefined : check(insn.imm, rules);
  },
};

const imm64 = (insn: Insn): bigint => insn.imm64 ?? 0n;
const low = (insn: Insn): bigint => BigInt.asUintN(32, imm64(insn));
const high = (insn: Insn): bigint => imm64(insn) >> 32n;

/** An index that has a name; where the name is unknown the number itself stands in the text. */
function reference(
  what: 'subprog' | 'map',
  token: TokenClass,
  names: (context: PrintContext) => readonly string[] | undefined,
  get: (insn: Insn) => bigint,
  set: (insn: Insn, index: bigint) => bigint,
): Operand {
  return {
    token,
    fields: ['imm64'],
    print: (insn, context) => names(context)?.[Number(get(insn))] ?? `0x${get(insn).toString(16)}`,
    read: (captured, insn, context) => {
      const index = captured.name === undefined ? captured.number! : context[what](captured);
      if (isProblem(index)) return index;
      if (BigInt.asUintN(64, BigInt(index)) !== BigInt(index)) return { message: `${index} is not an index` };
      insn.imm64 = set(insn, BigInt(index));
      return undefined;
    },
    check: (insn, rules) => (rules.kernelInternal ? undefined : outOf(get(insn), rules[`${what}s`], what)),
  };
}

const whole = (_: Insn, index: bigint): bigint => index;
const lowHalf = (insn: Insn, index: bigint): bigint => (high(insn) << 32n) | BigInt.asUintN(32, index);

/** The map of an ld_imm64 that loads its address. */
export const MAP = reference('map', 'entry', (context) => context.maps, imm64, whole);
/** The map of an ld_imm64 that loads an address inside its value. */
export const MAP_BASE = reference('map', 'entry', (context) => context.maps, low, lowHalf);
/** The subprog of an ld_imm64 that loads a callback's address. */
export const FUNC = reference('subprog', 'entry', (context) => context.subprogs, imm64, whole);
/** The same where a number would mean itself. */
export const FUNC_NAME = reference('subprog', 'name', (context) => context.subprogs, imm64, whole);

/** The offset into a map's value: the second slot's immediate, 32 bits and unsigned. */
export const VALUE_OFFSET: Operand = {
  token: 'offset',
  fields: ['imm64'],
  print: (insn) => `+${high(insn)}`,
  read: ({ number }, insn) => {
    if (number! < 0n || number! >= 2n ** 32n)
      return { message: `offset ${number} into a map's value: 0 to 4294967295` };
    insn.imm64 = (number! << 32n) | low(insn);
    return undefined;
  },
};
