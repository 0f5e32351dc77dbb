import { describe, expect, test } from '@jest/globals';
import { asm, judge, shown } from './testing';

const RETURNS = (r0: string, expected: string) => asm(`main:\nr0 = ${r0}\nexit`, `expect: { ${expected} }`);

describe('retval', () => {
  test.each([
    ['42', '42'],
    ['-1', '-1'],
    ['-1', '"0xffffffffffffffff"'],
    ['0x123456789abcdef0 ll', '"0x123456789abcdef0"'],
  ])('%s is %s', (r0, retval) => {
    for (const policy of ['kernel-stack', 'linux-6.18']) {
      expect(shown(judge(RETURNS(r0, `retval: ${retval}`), policy))).toEqual([]);
    }
  });

  test.each([
    ['42', '43', 'r0 = 43 (0x000000000000002b)', 'r0 = 42 (0x000000000000002a)'],
    ['0x10000002a ll', '42', 'r0 = 42 (0x000000000000002a)', 'r0 = 4294967338 (0x000000010000002a)'],
  ])('%s is not %s', (r0, retval, want, got) => {
    const report = judge(RETURNS(r0, `retval: ${retval}`), 'linux-6.18');
    expect(shown(report)).toEqual(['retval']);
    expect(report.findings[0]).toMatchObject({ message: 'the program returns another value', want, got });
  });

  test('a program that does not return has none', () => {
    const spec = asm('main:\nr1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit', 'expect: { retval: 1 }');
    expect(shown(judge(spec, 'linux-6.18')).map((each) => each.split(' ')[0])).toEqual(['frame-bounds', 'fault']);
  });

  test('it is judged only where `holds` is declared', () => {
    expect(shown(judge(RETURNS('1', 'retval: 2, verdict: fails'), 'linux-6.18'))).toEqual([]);
  });
});

const COUNTER = `
main:
  r1 = map[m][0] ll
  r2 = *(u32 *)(r1 + 4)
  r2 += 1
  *(u32 *)(r1 + 4) = r2
  r0 = 0
  exit`;
const MAP = 'maps: { m: { size: 8, init: "0102030400000000" } }';

describe('memory', () => {
  test.each([
    ['m: "01020304 01"', []],
    ['m: "01020304 01000000"', []],
    ['m: "01020304 02"', ['memory']],
    ['m: "00"', ['memory']],
    ['ctx: "0000"', []],
    ['ctx: "0001"', ['memory']],
  ])('%s', (memory, want) => {
    expect(shown(judge(asm(COUNTER, `${MAP}\nexpect: { memory: { ${memory} } }`), 'linux-6.18'))).toEqual(want);
  });

  test('says what differs, and where', () => {
    const spec = asm('main:\n*(u16 *)(r1 + 2) = 0x1234\nr0 = 0\nexit', 'expect: { memory: { ctx: "00003512" } }');
    expect(judge(spec, 'linux-6.18').findings[0]).toMatchObject({
      message: 'ctx differs at byte 2',
      want: '00003512',
      got: '00003412',
    });
  });

  test('is what stands there at the end, after all runs', () => {
    const rest = (bytes: string) =>
      `${MAP}\nscenarios: { thrice: { do: [{ run: prog, times: 3 }] } }\nexpect: { memory: { m: "01020304 ${bytes}" } }`;
    expect(shown(judge(asm(COUNTER, rest('03')), 'linux-6.18'))).toEqual([]);
    expect(shown(judge(asm(COUNTER, rest('01')), 'linux-6.18'))).toEqual(['memory']);
  });
});
