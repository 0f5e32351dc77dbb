import { ALONE } from './alone';
import { EXCLUDED, FAULTS } from './catalogue';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Rows with columns as wide as their widest cell, as Markdown. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(cell));
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((each, i) => each.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(heads), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...cells.map(line)].join('\n');
}

/** What a mutant is killed in: a spec, or for those that only bytes show, the captures. */
const killedIn = (spec: string): string => (spec === '' ? 'captures of Linux 6.18' : spec);

/**
 * docs/faults.md, made of the catalogue.
 * @param fileOf the file of a spec, by the spec's name
 */
export function faultsPage(fileOf: (spec: string) => string): string {
  const link = (spec: string) => (spec === '' ? killedIn(spec) : `${spec} (\`${fileOf(spec)}\`)`);
  const faults = FAULTS.map(({ id, story, commit, check, policy, spec }) => [
    `\`${id}\``,
    story,
    commit ?? '',
    `\`${check}\``,
    `\`${policy}\``,
    link(spec),
  ]);
  const checks = Object.entries(ALONE).map(([check, alone]) => [
    `\`${check}\``,
    'fault' in alone ? `\`${alone.fault}\`` : '',
    'fault' in alone ? '' : alone.kept,
  ]);
  return `# Faults

A check that passes proves something only if it fails where it should. So every bug that a JIT for private stacks is likely
to have, and every one that JITs had, is put in from outside, one at a time, and the shipped specs have to notice: each
mutant has one check that must find it first, with a finding that looks like this bug's and no other's.
\`privstack faults\` prints what came of it, \`privstack faults F07\` explains one: the finding, and the code with and without.

Faults plug in at five points (\`harness/fault/mutation.ts\`): what the verifier decided, the policy record, the machine
instructions of a subprog before they have sizes, the bytes of an instruction before they have a place, and options of the
pass loop, the allocator and the kernel around. The JIT offers them as neutral hooks and knows of no faults.

A fault that changes no behaviour, or none that the emulator shows, is killed by \`bytes\`: some program that Linux 6.18
compiled has other bytes with it. Commits are those that mended the bug where it was real, in whichever JIT that was.

To add a fault: a row in \`harness/fault/\`, and the smallest spec that kills it. A mutant that survives, that another check
finds first, or that changes nothing fails \`npm test\`, which says what to do. This page is made of the code:
\`privstack faults --page\` prints it.

## Mutants

${table(['id', 'what is wrong', 'commit', 'check', 'policy', 'killed in'], faults)}

## Checks

Without a check, the mutant beside it survives: no other check kills it, in any spec. Some are kept for another reason.

${table(['check', 'alone kills', 'kept because'], checks)}

## Left out

${table(
  ['id', 'why'],
  EXCLUDED.map(({ id, reason }) => [`\`${id}\``, reason]),
)}
`;
}
