import type { ImageFunction, NewLayout, Slot, Unmovable } from './relayout';
import { relayout } from './relayout';

export const OPERATIONS = ['delete', 'duplicate', 'swap'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One instruction of an image, done away with, doubled, or behind its neighbour. */
export interface ImageMutant {
  readonly operation: Operation;
  /** Index of the function in its image, and of the instruction in the function. */
  readonly fn: number;
  readonly row: number;
}

/** The instructions of a function after the operation at one of them. */
const ORDERS: Readonly<Record<Operation, (at: number, count: number) => Slot[] | null>> = {
  delete: (at, count) => slots(count, (row) => [row === at ? { row, nop: true } : { row }]),
  duplicate: (at, count) => slots(count, (row) => (row === at ? [{ row }, { row }] : [{ row }])),
  swap: (at, count) =>
    at + 1 === count ? null : slots(count, (row) => [{ row: row === at ? at + 1 : row === at + 1 ? at : row }]),
};

const slots = (count: number, of: (row: number) => Slot[]): Slot[] =>
  Array.from({ length: count }, (_, i) => i).flatMap(of);

/** Every mutant of an image, function by function, instruction by instruction. */
export function mutantsOf(functions: readonly ImageFunction[]): ImageMutant[] {
  return functions.flatMap(({ rows }, fn) =>
    rows.flatMap((_, row) =>
      OPERATIONS.flatMap((operation) => (ORDERS[operation](row, rows.length) ? [{ operation, fn, row }] : [])),
    ),
  );
}

/** The mutant's function. Who jumped to an instruction behind a doubled one still does. */
export function mutate(of: ImageFunction, { operation, row }: ImageMutant, room: number): NewLayout | Unmovable {
  const order = ORDERS[operation](row, of.rows.length)!;
  const behind = operation === 'duplicate' ? 1 : 0;
  return relayout(of, order, (at) => (at > row ? at + behind : at), room);
}

/** The instructions whose execution shows whether a mutant has run. */
export const touched = ({ operation, row }: ImageMutant): readonly number[] =>
  operation === 'swap' ? [row, row + 1] : [row];
