import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { interpret } from '../oracle';
import {
  type ConformanceCase,
  formatDataError,
  formatOpcodeTable,
  judgeOutcome,
  opcodeTable,
  parseDataFile,
  runInterpreted,
} from './index';

const FOLDER = join(__dirname, 'testdata');

const cases: ConformanceCase[] = readdirSync(FOLDER).map((file) => {
  const result = parseDataFile(readFileSync(join(FOLDER, file), 'utf8'), file);
  if (!result.ok) throw new Error(result.errors.map((error) => formatDataError(file, error)).join('\n'));
  return result.case;
});

describe('each file has the result that it says', () => {
  test.each(cases.map((each) => [each.name, each] as const))('%s', (_, each) => {
    expect(judgeOutcome(each, runInterpreted(each, interpret))).toEqual({ pass: true, detail: '' });
  });
});

/** Why the programs that must fail do. */
test('failures are the ones that were meant', () => {
  const failing = cases.filter(({ expected }) => expected && 'error' in expected);
  const errors = failing.map((each) => {
    const outcome = runInterpreted(each, interpret);
    return [each.name, 'error' in outcome ? outcome.error : outcome.r0];
  });
  expect(Object.fromEntries(errors)).toEqual({
    'call-register': 'line 4: (8d) dst 2, src 0, off 0, imm 0: unknown opcode 0x8d',
    'call-runtime': 'call: nobody models kfunc_42 (pc 0: call kfunc_42)',
    endless: 'no end after 1000000 instructions',
    'no-exit': 'line 2: r0 = 0: control falls off the end: the last instruction must be exit or a jump',
    'outside-of-frame':
      'memory: store of 8 bytes at 0xfffff4a3000001fc, which is in no region (pc 0: *(u64 *)(r10 - 4) = 0)',
    'outside-of-memory':
      'memory: load of 4 bytes at 0x0000000200000001, which is in no region (pc 0: r0 = *(u32 *)(r1 + 1))',
    'raw-packet': 'instruction: there is no packet (pc 0: r0 = *(u8 *)skb[0])',
    'raw-pseudo': expect.stringContaining('line 9: '),
    'unknown-register': expect.stringContaining('line 2: '),
  });
});

test('every instruction of the table is used by some file', () => {
  const unused = opcodeTable(cases).filter(({ usedBy }) => usedBy.length === 0);
  expect(unused.map(({ text }) => text)).toEqual([]);
});

test('the table as text', () => {
  const text = formatOpcodeTable(opcodeTable(cases.filter(({ name }) => name === 'raw')));
  expect(text).toContain('v4: 1 of ');
  expect(text).toContain('  0x91              base64    ldxsb %dst, [%src+off]  (1)');
  expect(text).toContain('v4: not used');
  expect(text).toContain('  0xbf  off 0x8     base64    movsx864 %dst, %src');
  expect(text).toContain('  0x8d              callx     callx %dst');
  expect(text).toContain('  0xdb  imm 0xf1    atomic64  lock cmpxchg [%dst+off], %src');
});
