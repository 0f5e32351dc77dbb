import { decodeInsns, type Insn } from '../../jit';
import { type DataError, integer, type SourceLine, wordsOf } from './position';

/** Values of a section, or what is wrong with it. */
export interface Values<T> {
  readonly value: T;
  readonly errors: readonly DataError[];
}

/** `-- mem`: bytes in hexadecimal, with spaces between. */
export function readMemory(lines: readonly SourceLine[]): Values<Uint8Array> {
  const bytes: number[] = [];
  const errors: DataError[] = [];
  for (const { text, line, column } of lines.flatMap(wordsOf)) {
    const digits = text.replace(/^0[xX]/, '');
    if (/^(?:[0-9a-fA-F]|(?:[0-9a-fA-F]{2})+)$/.test(digits))
      bytes.push(...digits.match(/..?/g)!.map((byte) => Number.parseInt(byte, 16)));
    else errors.push({ line, column, message: `\`${text}\` is not a byte in hexadecimal` });
  }
  return { value: Uint8Array.from(bytes), errors };
}

/** `-- raw`: instructions as 64-bit numbers. Their lines are those of the instructions, not of their slots. */
export function readRaw(lines: readonly SourceLine[]): Values<{ insns: readonly Insn[]; lines: readonly number[] }> {
  const errors: DataError[] = [];
  const slots = lines.flatMap(wordsOf);
  const view = new DataView(new ArrayBuffer(8 * slots.length));
  slots.forEach(({ text, line, column }, i) => {
    const value = integer(text);
    if (value !== undefined && value >= 0n && value < 2n ** 64n) view.setBigUint64(8 * i, value, true);
    else errors.push({ line, column, message: `\`${text}\` is not a 64-bit number` });
  });
  const none = { insns: [], lines: [] };
  if (errors.length > 0) return { value: none, errors };
  const decoded = decodeInsns(new Uint8Array(view.buffer));
  if (!decoded.ok)
    return { value: none, errors: decoded.errors.map(({ index, message }) => ({ ...at(slots[index]!), message })) };
  let slot = 0;
  const places = decoded.insns.map((insn) => {
    const { line } = slots[slot]!;
    slot += insn.imm64 === undefined ? 1 : 2;
    return line;
  });
  return { value: { insns: decoded.insns, lines: places }, errors };
}

const at = ({ line, column }: { line: number; column: number }) => ({ line, column });

/** `-- result`: the whole of r0. */
export function readResult(lines: readonly SourceLine[]): Values<bigint | undefined> {
  const words = lines.flatMap(wordsOf);
  const [first, second] = words;
  if (!first) return { value: undefined, errors: [] };
  if (second) return { value: undefined, errors: [{ ...at(second), message: 'a result is one number' }] };
  const value = integer(first.text);
  if (value === undefined || value < -(2n ** 63n) || value >= 2n ** 64n)
    return { value: undefined, errors: [{ ...at(first), message: `\`${first.text}\` is not a 64-bit number` }] };
  return { value: BigInt.asUintN(64, value), errors: [] };
}
