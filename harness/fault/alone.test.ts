import { beforeAll, describe, expect, test } from '@jest/globals';
import { ALONE } from './alone';
import { faultNamed } from './catalogue';
import { FaultJudge, judgeFault } from './matrix';
import { type ShippedCase, shippedCases } from './shipped';

const SLOW = 240_000;

let cases: ReadonlyMap<string, readonly ShippedCase[]>;
beforeAll(async () => {
  cases = await shippedCases(['specs']);
}, SLOW);

/** Without the check, the mutant would survive in every shipped spec. */
describe('only this check kills', () => {
  const rows = Object.entries(ALONE).flatMap(([check, alone]) =>
    'fault' in alone ? [[check, alone.fault] as const] : [],
  );
  test.each(rows)(
    '%s: %s',
    (check, id) => {
      const { row } = judgeFault(faultNamed(id)!, cases, new FaultJudge(), true);
      expect(row).toMatchObject({ fired: true, killedBy: [check] });
    },
    SLOW,
  );
});
