import type { ImageCounts, ImageMatrix } from '../../report/images-model';
import type { Image } from './image';
import type { Fate } from './judge';
import { type ImageMutant, OPERATIONS, touched } from './mutants';
import { grouped, type Survivor } from './survivors';

type Counting = { -readonly [K in keyof ImageCounts]: ImageCounts[K] };

const nothing = (): Counting => {
  return { mutants: 0, unmovable: 0, notRun: 0, equal: 0, equalButFound: 0, killed: 0, survived: 0 };
};

const COUNTED: Readonly<Record<Fate['kind'], keyof ImageCounts>> = {
  unmovable: 'unmovable',
  'not run': 'notRun',
  equal: 'equal',
  killed: 'killed',
  survived: 'survived',
};

/** Counts the mutants of one image after the other. */
export class Tally {
  private images = 0;
  private readonly operations = Object.fromEntries(OPERATIONS.map((operation) => [operation, nothing()]));
  private readonly killedBy: Record<string, number> = {};
  private readonly survivors: Survivor[] = [];

  image(): void {
    this.images++;
  }

  add(image: Image, mutant: ImageMutant, fate: Fate): void {
    const counts = this.operations[mutant.operation]!;
    counts.mutants++;
    counts[COUNTED[fate.kind]]++;
    if (fate.kind === 'equal' && fate.finding) counts.equalButFound++;
    if (fate.kind === 'killed') this.killedBy[fate.finding.check] = (this.killedBy[fate.finding.check] ?? 0) + 1;
    if (fate.kind === 'survived') this.survivors.push({ of: survivorOf(image, mutant, fate), mends: fate.mends });
  }

  /** All that was counted. */
  matrix(sample: ImageMatrix['sample']): ImageMatrix {
    const { images, operations, killedBy, survivors } = this;
    const counts = sum(Object.values(operations));
    const changed = counts.killed + counts.survived;
    return {
      images,
      ...counts,
      ratio: changed === 0 ? 1 : counts.killed / changed,
      operations,
      killedBy: Object.fromEntries(Object.entries(killedBy).sort(([, a], [, b]) => b - a)),
      groups: grouped(survivors),
      sample,
    };
  }
}

function survivorOf(image: Image, mutant: ImageMutant, { changed }: Extract<Fate, { kind: 'survived' }>) {
  const { fn, operation, row } = mutant;
  return {
    image: image.name,
    function: image.functions[fn]!.name,
    offset: image.row(fn, row).decoded.offset,
    instruction: touched(mutant)
      .map((each) => image.row(fn, each).decoded.text)
      .join('; '),
    operation,
    changed,
  };
}

const sum = (all: readonly ImageCounts[]): ImageCounts =>
  all.reduce<Counting>((total, each) => {
    for (const key of Object.keys(total) as (keyof ImageCounts)[]) total[key] += each[key];
    return total;
  }, nothing());
