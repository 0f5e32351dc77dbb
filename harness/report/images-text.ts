import type { ImageCounts, ImageMatrix, ImageSurvivor, SurvivorGroup } from './images-model';
import { alignRows, wrap } from './layout';

/** Survivors of a group that are printed. */
const SHOWN = 12;
/** Of those that change behaviour, how many have to be killed. */
const LEAST = 0.95;

/** What is wrong with the figures; null when nothing is. */
export function imagesProblem({ ratio, groups }: ImageMatrix): string | null {
  if (ratio < LEAST) return `fewer than ${percent(LEAST)} of the mutants that change behaviour are killed`;
  const unknown = groups.find(({ why }) => why === null);
  if (!unknown) return null;
  return `${unknown.survivors.length} survivors are not explained: make a check find them, or say why none can (harness/fault/images/survivors.ts)`;
}

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;

const HEADS = ['', 'mutants', 'not run', 'equal', 'killed', 'survived'];

const row = (name: string, { mutants, notRun, unmovable, equal, killed, survived }: ImageCounts): string[] =>
  [name, mutants, notRun + unmovable, equal, killed, survived].map(String);

const place = ({ image, function: fn, offset, operation, instruction, changed }: ImageSurvivor): string[] => [
  '',
  image,
  `${fn}+0x${offset.toString(16)}`,
  operation,
  instruction,
  changed,
];

function groupLines({ why, survivors }: SurvivorGroup): string[] {
  const more = survivors.length - SHOWN;
  return [
    ...wrap(`${survivors.length} survived. ${why ?? 'nobody knows why.'}`, 0),
    ...alignRows(survivors.slice(0, SHOWN).map(place)),
    ...(more > 0 ? [`  and ${more} more (--json has all)`] : []),
    '',
  ];
}

/** What became of the mutants of images: the survivors in groups, then the figures. */
export function imagesText(matrix: ImageMatrix): string {
  const { images, operations, killedBy, groups, killed, survived, equalButFound, ratio, sample } = matrix;
  const rows = [HEADS, ...Object.entries(operations).map(([name, counts]) => row(name, counts)), row('all', matrix)];
  const checks = alignRows(Object.entries(killedBy).map(([check, count]) => ['', check, String(count)]));
  const problem = imagesProblem(matrix);
  return [
    ...groups.flatMap(groupLines),
    ...alignRows(rows).map((line) => line.trimEnd()),
    '',
    'killed by, whoever comes first:',
    ...checks,
    '',
    `${equalButFound} of the equal ones are found as well, and not counted`,
    ...(sample ? [`a sample of ${sample.count} mutants, by seed ${sample.seed}`] : []),
    `${images} images: ${killed} of ${killed + survived} mutants that change behaviour are killed, ${percent(ratio)}`,
    ...(problem === null ? [] : [problem]),
    '',
  ].join('\n');
}

export const imagesJson = (matrix: ImageMatrix): string => `${JSON.stringify(matrix, null, 2)}\n`;
