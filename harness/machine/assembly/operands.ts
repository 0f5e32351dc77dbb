import { Register } from 'iced-x86';
import { refuse } from './errors';
import { isSegment, registerOf } from './registers';
import { parseNumber, type Token, type Tokens } from './tokens';

/** A label of the body, or `$`/`.` for the statement itself. */
export interface LabelUse {
  readonly name: string;
  readonly column: number;
}

export interface RegisterOperand {
  readonly kind: 'register';
  readonly register: Register;
  readonly column: number;
}

/** A number, or a label and a number on top. */
export interface ValueOperand {
  readonly kind: 'value';
  readonly value: bigint;
  readonly label?: LabelUse;
  /** `offset label`: the label's address as a number. */
  readonly offset: boolean;
  readonly column: number;
}

export interface MemoryOperand {
  readonly kind: 'memory';
  /** In bytes; undefined when the source leaves it to the other operand. */
  readonly size: number | undefined;
  readonly segment: Register;
  readonly base: Register;
  readonly index: Register;
  readonly scale: number;
  /** Signed. With base `rip` and no label, from the next instruction. */
  readonly displacement: bigint;
  readonly label?: LabelUse;
  readonly column: number;
}

export type Operand = RegisterOperand | ValueOperand | MemoryOperand;

/** The words before `ptr`, in bytes. */
export const SIZES: ReadonlyMap<string, number> = new Map([
  ['byte', 1],
  ['word', 2],
  ['dword', 4],
  ['fword', 6],
  ['qword', 8],
  ['tbyte', 10],
  ['xmmword', 16],
  ['ymmword', 32],
  ['zmmword', 64],
]);

/** One operand in Intel notation. */
export function parseOperand(tokens: Tokens): Operand {
  const { column } = tokens.peek();
  const size = takeSize(tokens);
  const segment = takeSegment(tokens);
  if (tokens.accept('[')) return parseMemory(tokens, column, size, segment);
  if (segment !== Register.None) {
    // `gs:0x28`, as disassemblers print it.
    const { value, label } = parseValue(tokens);
    return memory(column, size, segment, [], value, label);
  }
  if (size !== undefined) tokens.unexpected('`[`');
  const register = takeRegister(tokens);
  if (register !== undefined) return { kind: 'register', register, column };
  const offset = tokens.peek().text.toLowerCase() === 'offset' && tokens.peek(1).kind === 'word';
  if (offset) tokens.next();
  return { kind: 'value', ...parseValue(tokens), offset, column };
}

/** Numbers, and at most one label, with + and - between. */
export function parseValue(tokens: Tokens): { value: bigint; label?: LabelUse } {
  const sum = parseSum(tokens);
  if (sum.registers.length > 0) refuse(sum.registers[0]!.column, 'a register in a number', 'a number or a label');
  return { value: sum.value, ...(sum.label === undefined ? {} : { label: sum.label }) };
}

function takeSize(tokens: Tokens): number | undefined {
  const size = SIZES.get(tokens.peek().text.toLowerCase());
  if (size === undefined) return undefined;
  tokens.next();
  if (tokens.peek().text.toLowerCase() === 'ptr') tokens.next();
  return size;
}

function takeSegment(tokens: Tokens): Register {
  if (!isSegment(tokens.peek().text) || tokens.peek(1).text !== ':') return Register.None;
  const segment = registerOf(tokens.next().text)!;
  tokens.next();
  return segment;
}

function takeRegister(tokens: Tokens): Register | undefined {
  const word = tokens.peek();
  if (word.text.toLowerCase() === 'st' && tokens.peek(1).text === '(') {
    tokens.next();
    tokens.next();
    const digit = tokens.next();
    const register = registerOf(`st${digit.text}`);
    if (register === undefined) refuse(digit.column, `unknown register \`st(${digit.text})\``, 'st(0) to st(7)');
    tokens.expect(')');
    return register;
  }
  const register = registerOf(word.text);
  if (register !== undefined) tokens.next();
  return register;
}

interface Scaled {
  readonly register: Register;
  readonly scale: number;
  readonly column: number;
}

function parseMemory(tokens: Tokens, column: number, size: number | undefined, outer: Register): MemoryOperand {
  const inner = takeSegment(tokens);
  if (inner !== Register.None && outer !== Register.None) refuse(column, 'two segments for one operand');
  const sum = parseSum(tokens);
  tokens.expect(']');
  return memory(column, size, inner === Register.None ? outer : inner, sum.registers, sum.value, sum.label);
}

/** The terms of a sum: `rax + rbx*8 - 0x10`, `rip + name + 8`, `name - 1`. */
function parseSum(tokens: Tokens): { registers: Scaled[]; value: bigint; label?: LabelUse } {
  const registers: Scaled[] = [];
  let value = 0n;
  let label: LabelUse | undefined;
  let sign = tokens.accept('-') ? -1n : 1n;
  if (sign === 1n) tokens.accept('+');
  for (;;) {
    const token = tokens.peek();
    const register = takeRegister(tokens);
    if (register !== undefined) {
      if (sign < 0n) refuse(token.column, 'a register cannot be taken away');
      registers.push({ register, scale: tokens.accept('*') ? takeScale(tokens) : 1, column: token.column });
    } else if (token.kind === 'number') {
      const number = parseNumber(tokens.next());
      if (tokens.accept('*')) registers.push(takeScaled(tokens, number, token));
      else value += sign * number;
    } else if (token.kind === 'word') {
      tokens.next();
      if (label !== undefined || sign < 0n) refuse(token.column, 'one label may be added to a number, no more');
      label = { name: token.text === '.' ? '$' : token.text, column: token.column };
    } else {
      tokens.unexpected('a register, a number or a label');
    }
    if (tokens.accept('+')) sign = 1n;
    else if (tokens.accept('-')) sign = -1n;
    else return { registers, value, ...(label === undefined ? {} : { label }) };
  }
}

function takeScale(tokens: Tokens): number {
  const token = tokens.next();
  if (token.kind !== 'number') refuse(token.column, 'a scale is missing', '1, 2, 4 or 8');
  return scaleOf(parseNumber(token), token.column);
}

function takeScaled(tokens: Tokens, scale: bigint, first: Token): Scaled {
  const register = takeRegister(tokens);
  if (register === undefined) tokens.unexpected('a register');
  return { register, scale: scaleOf(scale, first.column), column: first.column };
}

function scaleOf(value: bigint, column: number): number {
  if (value !== 1n && value !== 2n && value !== 4n && value !== 8n)
    refuse(column, `a scale of ${value}`, '1, 2, 4 or 8');
  return Number(value);
}

function memory(
  column: number,
  size: number | undefined,
  segment: Register,
  registers: readonly Scaled[],
  value: bigint,
  label: LabelUse | undefined,
): MemoryOperand {
  const index = registers.find((each) => each.scale !== 1) ?? registers[1];
  const base = registers.find((each) => each !== index);
  if (registers.length > 2 || (base !== undefined && base.scale !== 1)) {
    refuse(column, 'an address has one base and one scaled index');
  }
  if (label !== undefined && base?.register !== Register.RIP) {
    refuse(label.column, `\`${label.name}\` is no register`, 'a register, or `[rip + label]` for a label');
  }
  if (base !== undefined && index !== undefined && [base, index].some((each) => each.register === Register.RIP)) {
    refuse(column, 'rip stands alone in an address', '`[rip + label]`');
  }
  const displacement = signedDisplacement(value, column);
  if (base !== undefined || index !== undefined) {
    if (!fits32(displacement)) refuse(column, 'the displacement does not fit 32 bits');
  }
  // `[rbx + rsp]` is `[rsp + rbx]`: rsp cannot be an index.
  const swap = index?.register === Register.RSP && index.scale === 1;
  return {
    kind: 'memory',
    size,
    segment,
    base: (swap ? index : base)?.register ?? Register.None,
    index: (swap ? base : index)?.register ?? Register.None,
    scale: index?.scale ?? 1,
    displacement,
    ...(label === undefined ? {} : { label }),
    column,
  };
}

/** `0xffffffff81000000` is -0x7f000000. */
function signedDisplacement(value: bigint, column: number): bigint {
  if (value < -(1n << 63n) || value >= 1n << 64n) refuse(column, 'the address has more than 64 bits');
  return BigInt.asIntN(64, value);
}

/** Whether a value can be a sign-extended 32-bit displacement. */
export function fits32(value: bigint): boolean {
  return BigInt.asIntN(32, value) === value;
}
