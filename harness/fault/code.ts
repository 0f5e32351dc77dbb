import type { Built } from '../build';

/** The machine code of a case, which of it may fault, and where its private blocks are. */
export const codeOf = ({ world }: Built): readonly (Uint8Array | readonly (number | bigint)[])[] =>
  world.programs.flatMap(({ code, blocks, functions }) => [
    ...code,
    blocks,
    ...functions.map(({ exceptionTable }) =>
      exceptionTable.flatMap(({ offset, resume, zero }) => [offset, resume, zero ?? -1]),
    ),
  ]);

const same = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Whether two pieces of {@link codeOf} are alike in everything. */
export const alike = (a: ReturnType<typeof codeOf>, b: ReturnType<typeof codeOf>): boolean =>
  a.length === b.length && a.every((code, i) => same(code, b[i]!));

/** Whether two worlds have the same code, in the same places. */
export const sameCode = (a: Built, b: Built): boolean => alike(codeOf(a), codeOf(b));
