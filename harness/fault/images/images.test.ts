import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { imagesProblem, imagesText } from '../../report';
import { mutableImages, runImageFaults } from './campaign';
import { Image } from './image';
import { judgeMutant } from './judge';
import type { Operation } from './mutants';

/** Two private frames, helpers called from both. */
const NAME = 'random/rawtp-032';
const SECONDS = 60_000;

describe('mutants of an image', () => {
  const images = mutableImages();
  let image: Image;

  beforeAll(() => {
    image = new Image(images.find(({ capture }) => capture.name === NAME)!);
  });
  afterAll(() => image.close());

  const judge = (operation: Operation, fn: number, text: RegExp, nth = 0) => {
    const found = image.functions[fn]!.rows.flatMap((row, i) => (text.test(row.text) ? [i] : []));
    const fate = judgeMutant(image, { operation, fn, row: found[nth]! });
    return fate.kind === 'killed' ? fate.finding.check : fate.kind;
  };

  it('are of every image with a private stack that ran, and of all that throw', () => {
    const thrown = images.filter(({ capture }) => capture.name.startsWith('exception/'));
    expect([images.length - thrown.length, thrown.length]).toEqual([103, 80]);
  });

  it('start from images in which the checks find nothing without a layout', () => {
    expect(image.runs.map(({ known }) => [...known])).toEqual(image.runs.map(() => []));
  });

  it.each<[string, Operation, number, RegExp, string]>([
    ['r9 without the offset of its CPU', 'delete', 0, /^add r9, .*gs:/, 'frame-address'],
    ['r9 with the offset twice', 'duplicate', 0, /^add r9, .*gs:/, 'frame-address'],
    ['r9 not pushed', 'delete', 0, /^push r9/, 'stack-balance'],
    ['r9 not popped', 'delete', 0, /^pop r9/, 'stack-balance'],
    ['a callee-saved register popped twice', 'duplicate', 0, /^pop rbx/, 'callee-saved'],
    ['one pushed twice, which `leave` makes good', 'duplicate', 0, /^push rbx/, 'equal'],
    ['a helper that is not called', 'delete', 0, /^call /, 'interpreter'],
    ['no way back', 'delete', 0, /^leave/, 'fault'],
    ['a nop, which nobody misses', 'delete', 0, /^nop/, 'equal'],
  ])('%s', (_, operation, fn, text, fate) => {
    expect(judge(operation, fn, text)).toBe(fate);
  });
});

it(
  'a sample of all of them: nearly all that change behaviour are killed, and the rest is explained',
  () => {
    const matrix = runImageFaults({ count: 160, seed: 7 });
    expect(imagesProblem(matrix)).toBeNull();
    expect(matrix.killed).toBeGreaterThan(50);
    expect(matrix.mutants).toBe(160);
    expect(matrix.mutants).toBe(matrix.unmovable + matrix.notRun + matrix.equal + matrix.killed + matrix.survived);
    expect(imagesText(matrix)).toMatch(
      /\n10 images: \d+ of \d+ mutants that change behaviour are killed, \d+\.\d\d %\n$/,
    );
  },
  SECONDS,
);
