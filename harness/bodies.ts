import type { HelperBodies } from './build';
import { assemble } from './machine/assembly';
import { HELPER_BODY_BASE, pages } from './machine/layout';
import type { HelperBody, Issue } from './spec';

/** Assembles the helper bodies of a scenario, each on pages of its own. Errors are issues at the line of the body. */
export async function assembleBodies(
  helpers: readonly HelperBody[],
): Promise<{ readonly bodies: HelperBodies; readonly issues: readonly Issue[] }> {
  const bodies = new Map<string, { address: bigint; bytes: Uint8Array }>();
  const issues: Issue[] = [];
  let address = HELPER_BODY_BASE;
  for (const { name, asm, position } of helpers) {
    if (!asm) continue;
    const result = await assemble(asm.text, address);
    if (result.ok) {
      bodies.set(name, { address, bytes: result.bytes });
      address += BigInt(pages(result.bytes.length));
      continue;
    }
    for (const { line, column, message, expected } of result.errors) {
      const start = asm.lines[line - 1];
      // Of an escaped text only the place where it begins is known.
      const escaped = asm.lines.length > 1 && asm.lines.every((each) => each.line === asm.lines[0]!.line);
      const place = start ? { ...start, column: start.column + (escaped ? 0 : column - 1) } : position;
      issues.push({ ...place, path: `helpers.${name}.asm`, message, ...(expected !== undefined && { expected }) });
    }
  }
  return { bodies, issues };
}
