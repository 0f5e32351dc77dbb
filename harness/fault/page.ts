import { ALONE } from './alone';
import { EXCLUDED, FAULTS } from './catalogue';
import { REASONS } from './images/survivors';

/** What `privstack faults --images` said when it was last looked at. */
const IMAGES = {
  images: 183,
  killed: 22_825,
  ratio: '99.24 %',
  equalButFound: 6_743,
  time: 'the whole takes four and a half minutes of one core',
  rows: [
    ['delete', 22_870, 270, 12_185, 10_368, 47],
    ['duplicate', 22_870, 274, 17_636, 4_926, 34],
    ['swap', 22_486, 154, 14_707, 7_531, 94],
    ['all', 68_226, 698, 44_528, 22_825, 175],
  ],
} as const;

/** What `privstack import --schedules 1000` said. */
const SCHEDULES = '303,000 runs of 303 captures, no finding, in three and a half minutes of one core';

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

## Nobody's mutants

The rows above are bugs that somebody thought of. \`privstack faults --images\` asks nobody: in every image with a private stack
that Linux 6.18 made of a program and ran, and in those that throw, it deletes each machine instruction (a nop of the same
length stands in its place), doubles it, and swaps it with its neighbour, one at a time. Jumps and the line map follow: who
jumped to an instruction comes to the place in the order that it had. The code is then known by decoding alone, as that of any
other JIT, and judged by the checks without a layout: no frame has a planned place, but each activation has one frame, apart
from all others, in one region of its CPU. What the program computes is judged by the interpreter, which runs what the
verifier left, and by what the kernel's own test run returned. Images that throw run through the model of \`bpf_throw\`.

Each mutant runs six times: on the inputs of the capture in turn, each time under another schedule of what helpers leave
behind, from the beginning of the sound run. Its behaviour has changed if in any of these runs somebody outside can tell it
from the image: by how the run ends; r0, rsp and the callee-saved registers; the calls of helpers, their arguments, context and
maps at that moment; or memory afterwards, all that can be written to but the stack below the caller's and this CPU's private
frames, which are dead. If not, it is _equal_: dead code, a nop, two instructions that do not care which of them is first.
Many captures are there for their encodings, compute values and drop them, so there are many of these. A mutant in whose
place no run comes is _not run_. Neither counts as killed, also where a check finds something (in ${IMAGES.equalButFound}
equal mutants: checks look at each instruction, not only at what comes out). An image that throws out of a private frame has
findings of its own; there only a finding that the image has not kills.

${table(
  ['', 'mutants', 'not run', 'equal', 'killed', 'survived'],
  IMAGES.rows.map((row) => row.map(String)),
)}

${IMAGES.killed} mutants in ${IMAGES.images} images, ${IMAGES.ratio} of those that change behaviour; ${IMAGES.time}. Four that double an
instruction cannot be made, a short jump does not reach: they are among those not run. A sample runs in \`npm test\`.

The survivors, all of one kind (\`harness/fault/images/survivors.ts\` holds the kinds; one that no kind explains makes the
command fail):

${REASONS.map(({ why }) => `- ${why}`).join('\n')}

To find the last of the others, the interpreter was taught the kernel's variables that inlined helpers read (\`jiffies\`,
\`cpu_number\`): without them 22 mutants of programs that read one survived, those that leave out or repeat a call.

## No false alarm

A check is worth nothing if it finds what is not there. \`privstack import CAPTURES --schedules 1000\` runs every capture that
the kernel ran a thousand times more, on its inputs in turn, under schedules of what helpers leave in the caller-saved
registers, in the flags and below the stack pointer: junk; one plausible wrong value everywhere (the pointer to each private
frame on each CPU, a per-CPU pointer without its offset, another CPU's stack, the context, 0, 1, -1); or some of each. Nothing
may be found, and r0 and the context must be the kernel's. Measured: ${SCHEDULES}. A sample runs in \`npm test\`, and
shipped specs run under every policy for which they are declared to hold.

## Left out

${table(
  ['id', 'why'],
  EXCLUDED.map(({ id, reason }) => [`\`${id}\``, reason]),
)}
`;
}
