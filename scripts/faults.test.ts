import { expect, test } from '@jest/globals';
import { privstack } from './testing';

const SLOW = 60_000;

test(
  'a fault is explained: the finding, and the code with it and without',
  async () => {
    const { code, out, err } = await privstack(['faults', 'F11']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^F11: The CPU's offset is not added/);
    expect(out).toMatch(/\nframe-address: the frame of main is not where it belongs\n/);
    expect(out).toMatch(/ replay {3}\S+privstack faults F11\n/);
    expect(out).toMatch(/add r9,gs:\[0FFFFFFFF83B0C028h\] <\n/);
  },
  SLOW,
);

test('one that is left out: the reason', async () => {
  const { code, out } = await privstack(['faults', 'B12']);
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^B12 is left out: cannot happen/) });
});

test('one that there is not', async () => {
  const { code, err } = await privstack(['faults', 'F00']);
  expect({ code, err }).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^privstack: there is no fault `F00`, expected F01, /),
  });
});
