import { expect, test } from '@jest/globals';
import { measureJit } from '../../scripts/bench';

// How fast it is depends on the machine: `privstack bench jit` says, no test does.
test('the figures of the JIT have their shape', () => {
  const figures = measureJit({ runs: 1, sizes: [10, 20] });
  expect(figures).toEqual({
    version: 1,
    runs: 1,
    instructions: 70_559,
    instructionsPerSecond: expect.any(Number),
    ratioToLoop: expect.any(Number),
    sizes: [10, 20].map((instructions) => ({ instructions, milliseconds: expect.any(Number) })),
  });
  expect(figures.instructionsPerSecond).toBeGreaterThan(0);
});
