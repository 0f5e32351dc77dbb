import { printAtt } from '../jit';
import type { PlacedProgram } from './run/run';
import type { ListingExpectation } from './spec';

/** The machine code of a program in the dialect of the kernel's selftests: AT&T, `func #N:`, labels for jumps. */
export function attListing({ image, addresses }: PlacedProgram): string[] {
  return image.functions.flatMap((fn, index) => {
    const rows = fn.listing();
    const targets = new Map<number, string>();
    for (const { insn } of rows) {
      const { target } = Object(insn.operands[0]) as { target?: { kind?: string; name?: string } };
      if (target?.kind === 'image') targets.set(fn.addrs[Number(target.name!.slice(3))]!, '');
    }
    [...targets.keys()]
      .sort((a, b) => a - b)
      .forEach((offset, i) => {
        targets.set(offset, `L${i}`);
      });
    const context = {
      target: ({ target }: { target: { kind: string; name?: string; index?: number; address?: bigint } }) => {
        if (target.kind === 'image') return targets.get(fn.addrs[Number(target.name!.slice(3))]!);
        return target.kind === 'subprog' ? addresses[target.index!] : (target.address ?? target.name);
      },
    };
    const lines = rows.map(({ offset, insn }) => {
      const label = targets.get(offset);
      const text = printAtt(insn.form, insn.operands, context as Parameters<typeof printAtt>[2]);
      return label ? `${label}: ${text}` : text;
    });
    return [`func #${index}:`, ...lines];
  });
}

const squeeze = (line: string): string => line.replace(/\s+/g, ' ').trim();

/** A line of a declared listing as a pattern: `{{...}}` is a regular expression, the rest is meant literally. */
function pattern(line: string): RegExp {
  const parts = squeeze(line).split(/(\{\{.*?\}\})/);
  const source = parts.map((part) =>
    part.startsWith('{{') && part.endsWith('}}') ? part.slice(2, -2) : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  );
  return new RegExp(source.join(''));
}

/**
 * Compares a program's code with a declared listing: its lines stand in this order, one below the other unless `...`
 * stands between them; the first may be anywhere.
 * @returns what differs, null when nothing does
 */
export function matchListing(program: PlacedProgram, declared: ListingExpectation): string | null {
  const lines = attListing(program).map(squeeze);
  let at = 0;
  let gap = true;
  const wanted = declared.text.split('\n');
  for (const [i, line] of wanted.entries()) {
    const want = squeeze(line);
    if (want === '') continue;
    if (want === '...') {
      gap = true;
      continue;
    }
    const matcher = pattern(want);
    const found = gap
      ? lines.findIndex((each, j) => j >= at && matcher.test(each))
      : matcher.test(lines[at] ?? '')
        ? at
        : -1;
    if (found < 0) {
      const { file, line: row } = declared.lines[i] ?? declared.position;
      const got = gap ? 'it does not come' : `\`${lines[at] ?? 'the end'}\` comes`;
      return `the listing differs at ${file}:${row}: \`${want}\` is declared, ${got}`;
    }
    at = found + 1;
    gap = false;
  }
  return null;
}
