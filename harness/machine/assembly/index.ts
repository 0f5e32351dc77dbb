import type { AssemblyResult } from './result';

export { keystoneVersion, loadedVersion } from './engine';
export { type AssemblyError, MAX_BODY_TEXT, MAX_STATEMENTS } from './errors';
export type { AssemblyResult, AssemblyRow } from './result';

/**
 * x86-64 assembly in Intel notation to bytes at an address. Keystone encodes, iced-x86 decodes, and where the two
 * disagree the statement is refused: the first is known to be wrong without a word. Both start at the first call.
 */
export async function assemble(text: string, address: bigint): Promise<AssemblyResult> {
  const { assembleBody } = require('./assemble') as typeof import('./assemble');
  try {
    return await assembleBody(text, address);
  } catch (error) {
    const message = `the assembler does not work: ${error instanceof Error ? error.message : String(error)}`;
    return { ok: false, errors: [{ line: 1, column: 1, message }] };
  }
}
