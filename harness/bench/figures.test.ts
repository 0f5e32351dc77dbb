import { expect, test } from '@jest/globals';
import { measureJit } from '../../scripts/bench';
import { measureFuzz } from './fuzz';
import { STAGES } from './pipeline';

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

test('the figures of fuzzing have theirs, and the loop in C ends every run as the machine does', async () => {
  const sizes = [
    { inputs: 1, cases: 12, warmUp: 1 },
    { inputs: 3, cases: 8, warmUp: 1 },
  ];
  const figures = await measureFuzz({ policy: 'linux-6.18-fixed', rounds: 1, every: 1000, sizes, together: 2 });
  const number = expect.any(Number);
  const stages = Object.fromEntries(STAGES.map((stage) => [stage, number]));
  const measured = { ratio: number, cpuRatio: number, bare: number, ours: number, stages };
  expect(figures).toEqual({
    version: 1,
    policy: 'linux-6.18-fixed',
    rounds: 1,
    every: 1000,
    compared: [
      { inputs: 1, cases: 12, ...measured },
      { inputs: 3, cases: 8, ...measured },
    ],
    twoWorkers: number,
  });
  for (const { ratio, bare } of figures.compared) expect(Math.min(ratio, bare)).toBeGreaterThan(0);
}, 60_000);
