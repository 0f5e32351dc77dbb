import { type DifferentCase, INPUTS, type ReplayFigures } from './replay';
import { GENERAL } from './run';

/** Different runs that are shown whole. */
const SHOWN = 3;
/** Differences that are shown of one run: the first ones are the causes. */
const SHOWN_DIFFERENCES = 8;

const indented = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`);

function registers(regs: BigUint64Array): string[] {
  const each = GENERAL.map((name, i) => `${name.padEnd(3)} 0x${regs[i]!.toString(16).padStart(16, '0')}`);
  return Array.from({ length: 4 }, (_, row) => `    ${each.slice(4 * row, 4 * row + 4).join('  ')}`);
}

/** A run that differs: the program, what it was given, what came out, how to run it again. */
function differentLines({ program, input, given, differences }: DifferentCase, command: string): string[] {
  const { seed, policy, type, config, code } = program;
  const chosen = Object.entries(config).map(([name, value]) => `${name} ${value ? 'on' : 'off'}`);
  const rows = differences.slice(0, SHOWN_DIFFERENCES).map(({ what, host, unicorn }) => {
    return `    ${what}: CPU ${host}, emulator ${unicorn}`;
  });
  const more = differences.length - rows.length;
  return [
    `✗ program ${seed}, input ${input}: the CPU and the emulator differ`,
    `  policy ${policy}, ${type}, ${chosen.join(', ')}`,
    '  program',
    ...indented(program.text()),
    `  code     ${Buffer.from(code).toString('hex')}`,
    `  entry    0x${given.entry.toString(16)}`,
    '  registers before',
    ...registers(given.regs),
    '  differences',
    ...rows,
    ...(more > 0 ? [`    and ${more} more`] : []),
    `  replay   ${command} --seed ${seed} --cases ${INPUTS}`,
    '',
  ];
}

/**
 * The result of a replay, for people.
 * @param command how it was called, without seed and number of cases
 */
export function replayText(figures: ReplayFigures, command: string): string {
  const { cases, programs, functions, privateFrames, bmi2Programs, milliseconds, ends, known, different } = figures;
  const shown = different.slice(0, SHOWN).flatMap((each) => differentLines(each, command));
  const seconds = (milliseconds / 1000).toFixed(1);
  return [
    ...shown,
    `${cases} runs of ${programs} programs, ${functions} functions, ${privateFrames} with a private frame; ${bmi2Programs} programs with BMI2`,
    `ended: ${Object.entries(ends)
      .map(([end, count]) => `${end} ${count}`)
      .join(', ')}`,
    ...(known > 0
      ? [`${known} equal but for the 32-bit compare and exchange of the emulator, see docs/emulator.md`]
      : []),
    `${cases - known - different.length} equal on the CPU and in the emulator, ${different.length} different; ${seconds} s`,
    '',
  ].join('\n');
}
