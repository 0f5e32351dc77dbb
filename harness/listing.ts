import { type JitFunction, type Operand, printAtt } from '../jit';
import type { World } from './run/run';
import type { ListingExpectation } from './spec';

type Target = Extract<Operand, { kind: 'rel' }>['target'];

/** Labels of a function's jump targets, by offset: L0, L1, ... from the top. */
function labels(fn: JitFunction): Map<number, string> {
  const offsets = new Set<number>();
  for (const { insn } of fn.listing()) {
    const [operand] = insn.operands;
    if (operand?.kind !== 'rel' || operand.target.kind !== 'image') continue;
    offsets.add(fn.addrs[operand.target.index!]!);
  }
  return new Map([...offsets].sort((a, b) => a - b).map((offset, i) => [offset, `L${i}`]));
}

/** The machine code of a program in the dialect of the kernel's selftests: AT&T, `func #N:`, labels for jumps. */
export function attListing(world: World, program: number): string[] {
  const { image, addresses } = world.programs[program]!;
  if (!image) return [];
  return image.functions.flatMap((fn, index) => {
    const names = labels(fn);
    const target = (to: Target): string | bigint | undefined => {
      if (to.kind === 'label') return undefined;
      if (to.kind === 'image') return names.get(fn.addrs[to.index!]!);
      if (to.kind === 'subprog') return addresses[to.index!];
      return to.address ?? world.helpers.find(({ name }) => name === to.name)?.address ?? to.name;
    };
    const lines = fn.listing().map(({ offset, insn }) => {
      const text = printAtt(insn.form, insn.operands, { target: (rel) => target(rel.target) });
      const label = names.get(offset);
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
export function matchListing(world: World, program: number, declared: ListingExpectation): string | null {
  const lines = attListing(world, program).map(squeeze);
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
