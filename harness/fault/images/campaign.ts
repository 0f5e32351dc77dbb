import { join } from 'node:path';
import type { LocatedCapture } from '../../capture/capture';
import { placeCapture } from '../../capture/placed';
import { readCaptureFile } from '../../capture/read';
import { junk } from '../../machine/junk';
import type { ImageMatrix } from '../../report/images-model';
import { Image } from './image';
import { judgeMutant } from './judge';
import { type ImageMutant, mutantsOf } from './mutants';
import { Tally } from './tally';

export interface ImageFaultOptions {
  /** Only so many mutants, chosen by the seed (default 1). */
  readonly count?: number;
  readonly seed?: number;
}

const CAPTURES = join(__dirname, '../../../jit/testdata/kernel/captures.ndjson.gz');
/** Mutants of one image in a sample. */
const OF_ONE = 16;

const throws = ({ capture }: LocatedCapture): boolean => capture.name.startsWith('exception/');

const hasPrivateStack = (located: LocatedCapture): boolean =>
  placeCapture(located).analysis.subprogs.some((each) => each.private !== null);

/** The images with a private stack that a kernel ran, and those that throw, which no kernel should. */
export function mutableImages(file = CAPTURES): LocatedCapture[] {
  const { captures, problems } = readCaptureFile(file);
  if (problems.length > 0) throw new Error(problems[0]);
  return captures.filter((each) => throws(each) || (each.capture.exec && hasPrivateStack(each)));
}

/** In an order that depends on the seed alone. */
function shuffled<T>(all: readonly T[], seed: number, name: (each: T, i: number) => string): T[] {
  const keyed = all.map((each, i) => [junk(seed, name(each, i)), each] as const);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, each]) => each);
}

/** Which mutants of an image are looked at: all of them, or some. */
function chosen(image: Image, left: number | undefined, seed: number): readonly ImageMutant[] {
  const all = mutantsOf(image.functions);
  if (left === undefined) return all;
  return shuffled(all, seed, (_, i) => `${image.name} ${i}`).slice(0, Math.min(OF_ONE, left));
}

/**
 * Deletes, doubles and swaps every machine instruction of the images that a kernel made, one at a time, and counts what
 * the checks find that need to know of no layout.
 */
export function runImageFaults({ count, seed = 1 }: ImageFaultOptions = {}): ImageMatrix {
  const tally = new Tally();
  const images = mutableImages();
  let left = count;
  for (const located of count === undefined ? images : shuffled(images, seed, (each) => each.capture.name)) {
    if (left !== undefined && left <= 0) break;
    const image = new Image(located);
    try {
      tally.image();
      for (const mutant of chosen(image, left, seed)) {
        tally.add(image, mutant, judgeMutant(image, mutant));
        if (left !== undefined) left--;
      }
    } finally {
      image.close();
    }
  }
  return tally.matrix(count === undefined ? null : { count, seed });
}
