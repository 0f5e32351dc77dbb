/**
 * The same arithmetic once more, for tests: bit by bit on strings of binary digits, as one would do it on paper, so that
 * it shares nothing with {@link ./arithmetic} but the definitions of RFC 9669.
 */

/** The lowest bit first. */
type Bits = readonly boolean[];

export const toBits = (value: bigint, width: number): Bits =>
  [...value.toString(2).padStart(64, '0')]
    .reverse()
    .slice(0, width)
    .map((digit) => digit === '1');

export const fromBits = (bits: Bits): bigint => {
  const digits = bits.map((bit) => (bit ? '1' : '0')).reverse();
  return BigInt(`0b${digits.join('')}`);
};

const each = (a: Bits, b: Bits, operation: (x: boolean, y: boolean) => boolean): Bits =>
  a.map((bit, i) => operation(bit, b[i]!));
const not = (a: Bits): Bits => a.map((bit) => !bit);
const zero = (a: Bits): Bits => a.map(() => false);
const one = (a: Bits): Bits => a.map((_, i) => i === 0);
const isZero = (a: Bits): boolean => a.every((bit) => !bit);
const isNegative = (a: Bits): boolean => a[a.length - 1]!;

function add(a: Bits, b: Bits): Bits {
  let carry = false;
  return a.map((x, i) => {
    const y = b[i]!;
    const sum = (x !== y) !== carry;
    carry = (x && y) || (carry && (x || y));
    return sum;
  });
}

const negate = (a: Bits): Bits => add(not(a), one(a));
const subtract = (a: Bits, b: Bits): Bits => add(a, negate(b));
const magnitude = (a: Bits): Bits => (isNegative(a) ? negate(a) : a);

const shiftLeft = (a: Bits): Bits => [false, ...a.slice(0, -1)];
const shiftRight = (a: Bits, top: boolean): Bits => [...a.slice(1), top];

function repeat(a: Bits, count: Bits, shift: (bits: Bits) => Bits): Bits {
  // The count's lower 6 or 5 bits, as the width is 64 or 32.
  const times = Number(fromBits(count.slice(0, Math.log2(a.length))));
  let bits = a;
  for (let i = 0; i < times; i++) bits = shift(bits);
  return bits;
}

function multiply(a: Bits, b: Bits): Bits {
  let product = zero(a);
  let shifted = a;
  for (const bit of b) {
    if (bit) product = add(product, shifted);
    shifted = shiftLeft(shifted);
  }
  return product;
}

/** Unsigned comparison: the highest bit that differs decides. */
function less(a: Bits, b: Bits): boolean {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return b[i]!;
  return false;
}

/** Turning the sign bits over turns the signed order into the unsigned one. */
const turned = (a: Bits): Bits => a.map((bit, i) => (i === a.length - 1 ? !bit : bit));
const lessSigned = (a: Bits, b: Bits): boolean => less(turned(a), turned(b));

/** Long division; the divisor is not zero. */
function divide(a: Bits, b: Bits): { readonly quotient: Bits; readonly rest: Bits } {
  const quotient = [...zero(a)];
  let rest: Bits = [...zero(a), false];
  const divisor = [...b, false];
  for (let i = a.length - 1; i >= 0; i--) {
    rest = [a[i]!, ...rest.slice(0, -1)];
    if (less(rest, divisor)) continue;
    rest = subtract(rest, divisor);
    quotient[i] = true;
  }
  return { quotient, rest: rest.slice(0, -1) };
}

const withSign = (negative: boolean, a: Bits): Bits => (negative ? negate(a) : a);

type Operation = (dst: Bits, operand: Bits) => Bits;

/** By the name of the operation. */
export const NAIVE: Readonly<Record<string, Operation>> = {
  mov: (_, b) => b,
  add,
  sub: subtract,
  mul: multiply,
  div: (a, b) => (isZero(b) ? zero(a) : divide(a, b).quotient),
  mod: (a, b) => (isZero(b) ? a : divide(a, b).rest),
  sdiv: (a, b) =>
    isZero(b) ? zero(a) : withSign(isNegative(a) !== isNegative(b), divide(magnitude(a), magnitude(b)).quotient),
  smod: (a, b) => (isZero(b) ? a : withSign(isNegative(a), divide(magnitude(a), magnitude(b)).rest)),
  or: (a, b) => each(a, b, (x, y) => x || y),
  and: (a, b) => each(a, b, (x, y) => x && y),
  xor: (a, b) => each(a, b, (x, y) => x !== y),
  lsh: (a, b) => repeat(a, b, shiftLeft),
  rsh: (a, b) => repeat(a, b, (bits) => shiftRight(bits, false)),
  arsh: (a, b) => repeat(a, b, (bits) => shiftRight(bits, isNegative(a))),
};

export const NAIVE_CONDITIONS: Readonly<Record<string, (dst: Bits, operand: Bits) => boolean>> = {
  jeq: (a, b) => isZero(subtract(a, b)),
  jne: (a, b) => !isZero(subtract(a, b)),
  jgt: (a, b) => less(b, a),
  jge: (a, b) => !less(a, b),
  jlt: less,
  jle: (a, b) => !less(b, a),
  jsgt: (a, b) => lessSigned(b, a),
  jsge: (a, b) => !lessSigned(a, b),
  jslt: lessSigned,
  jsle: (a, b) => !lessSigned(b, a),
  jset: (a, b) => a.some((bit, i) => bit && b[i]!),
};

/** The lower `from` bits, the highest of them repeated up to `to`. */
export const naiveSignExtend = (a: Bits, from: number, to: number): Bits =>
  Array.from({ length: to }, (_, i) => a[Math.min(i, from - 1)]!);

/** The lower `width` bits, their bytes in the other order. */
export const naiveSwap = (a: Bits, width: number): Bits =>
  Array.from({ length: 64 }, (_, i) => i < width && a[width - 8 - (i & ~7) + (i & 7)]!);
