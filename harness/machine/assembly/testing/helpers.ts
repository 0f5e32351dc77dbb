import { assemble } from '../index';

/** Where a kernel module's text stands. */
export const BASE = 0xffffffffa0000000n;

/** The bytes of a body, spaced by statement: `48 89 c8|c3`. */
export async function hexOf(text: string, address = BASE): Promise<string> {
  const result = await assemble(text, address);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  const hex = (from: number, size: number) =>
    [...result.bytes.subarray(from, from + size)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return result.rows.map(({ offset, size }) => hex(offset, size)).join('|');
}

/** Every error of a body as `line:column message`, with what was expected in brackets. */
export async function errorsOf(text: string, address = BASE): Promise<string[]> {
  const result = await assemble(text, address);
  if (result.ok) throw new Error(`assembles as ${Buffer.from(result.bytes).toString('hex')}`);
  return result.errors.map(({ line, column, message, expected }) => {
    return `${line}:${column} ${message}${expected === undefined ? '' : ` (${expected})`}`;
  });
}
