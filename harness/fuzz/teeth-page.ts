import type { Fault } from '../fault/fault';
import { SEEDS, type TeethResults, type Tooth, toothOf } from './teeth-results';
import { AS_CAMPAIGN } from './teeth-run';

/** Mutants that no generated case shows, and why. */
export const NOT_FOUND: Readonly<Record<string, string>> = {
  F16: 'It only wastes kernel stack: every result, and every frame but in its place, is as it should be. What shows it is a spec that declares where a frame on the kernel stack is, which generated ones do not, or the bytes of the kernel.',
  F33: 'It takes a store of one byte of the frame pointer itself. In a frame the verifier takes none (a pointer is spilled whole or not at all), and generated programs have no other memory to store pointers to.',
};

const count = (value: number): string => value.toLocaleString('en-US');
const isByBytes = ({ check }: Fault): boolean => check === 'bytes';

/** Rows with columns as wide as their widest cell, as Markdown. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((each, i) => each.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(heads), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.map(line)].join('\n');
}

const rangeOf = ({ least, most }: Tooth, cap: number): string =>
  least === most ? count(least) : `${count(least)} to ${most === null ? `over ${count(cap)}` : count(most)}`;

/** What is known of mutants, and which were not sought to the end. */
export interface TeethSummary {
  readonly behaviour: readonly Tooth[];
  readonly bytes: readonly Tooth[];
  readonly missed: readonly Fault[];
  readonly open: readonly Fault[];
}

/** Mutants by how they were found. */
export function teethSummary(faults: readonly Fault[], results: TeethResults, cap = AS_CAMPAIGN.cap): TeethSummary {
  const all = faults.map((fault) => ({ fault, tooth: toothOf(fault, results, cap) }));
  const found = all.flatMap(({ tooth }) => (tooth !== null && tooth.median !== null ? [tooth] : []));
  return {
    behaviour: found.filter(({ fault }) => !isByBytes(fault)),
    bytes: found.filter(({ fault }) => isByBytes(fault)),
    missed: all.filter(({ tooth }) => tooth !== null && tooth.median === null).map(({ fault }) => fault),
    open: all.filter(({ tooth }) => tooth === null).map(({ fault }) => fault),
  };
}

/** The section of docs/fuzzing.md, made of results. */
export function teethPage(faults: readonly Fault[], results: TeethResults): string {
  const { cap, inputs, every } = AS_CAMPAIGN;
  const { behaviour, bytes, missed, open } = teethSummary(faults, results);
  const found = behaviour.length + bytes.length;
  const share = ((100 * found) / faults.length).toFixed(1);
  const rows = (teeth: readonly Tooth[], shows: boolean): string[][] =>
    teeth.map((tooth) => [
      `\`${tooth.fault.id}\``,
      `\`${tooth.fault.policy}\``,
      ...(shows ? [`\`${tooth.fault.check}\``] : []),
      count(tooth.median!),
      rangeOf(tooth, cap),
      ...(shows ? [tooth.shown.map((word) => `\`${word}\``).join(', ')] : []),
    ]);
  const reasons = [...missed, ...open].map(({ id, story }) => [
    `\`${id}\``,
    story,
    open.some((each) => each.id === id) ? 'not sought to the end yet' : (NOT_FOUND[id] ?? 'nobody knows yet'),
  ]);
  return `## Teeth

A fuzzer that finds nothing proves something only if it finds what is there. So every mutant of the
[fault catalogue](faults.md) is put under generated cases as they are under a campaign (${inputs} inputs each, one case in ${every} under
every check, alone and with something going on around it), until one shows it: with ${SEEDS.length} seeds each, of at most
${count(cap)} cases (once most seeds have given up, the others do not matter). A case shows a mutant when something is wrong with
it, nothing is without the fault, with the same input, and no known defect of the policy can be the cause. \`privstack teeth FILE\`
does that, and goes on where it was left; \`privstack teeth FILE --page\` prints this section of its results, which are in
\`harness/fuzz/testdata/teeth.ndjson\`. They are of the generator as it was then: whatever it learns later gives the same seeds other
cases.

Found: ${found} of ${faults.length} mutants (${share} %), ${behaviour.length} by behaviour and ${bytes.length} by bytes; not found: ${faults.length - found}.

### By behaviour

The check is the one that the catalogue names; what shows a mutant first is often the cheap look, which says only what differs.
V3-3, V3-7 and V3-8 are one and the same change (the policy \`subtree\`), and count as found only by a \`frame-address\` finding that is
theirs; B6, which changes other comparisons as well, only by \`tail-call\`.

${table(['id', 'policy', 'check', 'median of cases', 'least to most', 'shown by'], rows(behaviour, true))}

### By bytes

These change no behaviour, or none that the emulator shows. The oracle is the sound compile of the same program, which stands for the
kernel's bytes as far as captures prove that the two are the same ([kernel-parity.md](kernel-parity.md)): a case shows a mutant when
the bytes differ.

${table(['id', 'policy', 'median of cases', 'least to most'], rows(bytes, false))}

### Not found

${table(['id', 'what is wrong', 'why'], reasons)}
`;
}
