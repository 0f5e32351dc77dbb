import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Emu } from '../native';
import { differences } from './compare';
import { CODE } from './placement';
import { type Both, both, caseOf, host, onHost, type Registers } from './testing';
import { runMended } from './unicorn';

/** What Unicorn does otherwise than the CPU, one row each; docs/emulator.md says what follows from it. */
interface Row {
  readonly what: string;
  readonly code: string;
  readonly regs?: Registers;
  /** Everything that differs: what, on the CPU, in the emulator. */
  readonly differs: readonly (readonly [what: string, cpu: string, emulator: string])[];
  /** Needs BMI2. */
  readonly bmi2?: boolean;
}

const RETURNS = ['rsp', '0x0000300000001ef8', '0x0000300000001f00'] as const;
const REFUSED = ['end', 'fault (SIGSEGV, vector 13)', 'returned (ok)'] as const;

const ROWS: readonly Row[] = [
  {
    what: 'a 32-bit lock cmpxchg that succeeds: the CPU leaves the upper half of rax',
    code: 'f0 0f b1 0f c3', // lock cmpxchg [rdi], ecx; ret
    regs: { rax: 0xaaaaaaaa00000000n, rcx: 5n },
    differs: [['rax', '0xaaaaaaaa00000000', '0x0000000000000000']],
  },
  {
    what: 'the same without lock',
    code: '0f b1 0f c3',
    regs: { rax: 0xaaaaaaaa00000000n, rcx: 5n },
    differs: [['rax', '0xaaaaaaaa00000000', '0x0000000000000000']],
  },
  {
    what: 'a store over the end of a mapping: the CPU stores nothing',
    code: '48 89 8f fc 0f 00 00 c3', // mov [rdi + 0xffc], rcx; ret
    regs: { rcx: 0x1122334455667788n },
    differs: [['data 0x0000400000000ff8', '0x0000000000000000', '0x5566778800000000']],
  },
  { what: 'cli is privileged', code: 'fa c3', differs: [REFUSED, RETURNS] },
  { what: 'swapgs is privileged', code: '0f 01 f8 c3', differs: [REFUSED, RETURNS] },
  {
    what: 'syscall is no system call',
    code: '0f 05 c3',
    regs: { rax: 39n, rcx: 2n, r11: 2n },
    differs: [
      ['end', 'system call (SIGSYS)', 'returned (ok)'],
      ['rcx', '0x0000200000000002', '0x0000000000000002'],
      RETURNS,
      ['r11', '0x0000000000000202', '0x0000000000000002'],
    ],
  },
  {
    what: 'lock on an instruction that cannot have it',
    code: 'f0 48 89 c8 c3', // lock mov rax, rcx; ret
    differs: [['end', 'invalid instruction (SIGILL, vector 6)', 'returned (ok)'], RETURNS],
  },
  {
    what: 'pdep',
    code: 'c4 e2 fb f5 c1 c3', // pdep rax, rax, rcx; ret
    regs: { rax: 0xffn, rcx: 0xf0f0n },
    differs: [['rax', '0x000000000000f0f0', '0x00000000000000f0']],
    bmi2: true,
  },
];

const measured = host.ok && Emu.library().version.startsWith('2.0.');
const [group, why] = measured ? [describe, ''] : [describe.skip, ' (skipped: measured with Unicorn 2.0)'];

group(onHost(`known differences of the emulator${why}`), () => {
  const rows = ROWS.filter(({ bmi2 }) => !bmi2 || (host.ok && host.bmi2));
  let results: readonly Both[] = [];
  beforeAll(() => {
    results = both(rows.map(({ code, regs }) => caseOf(code, regs)));
  });

  test.each(rows.map((row, i) => ({ ...row, i })))('$what', ({ i, differs }) => {
    expect(results[i]!.differences.map((each) => [each.what, each.host, each.unicorn])).toEqual(differs);
  });
});

(host.ok ? describe : describe.skip)(onHost('the mended compare and exchange'), () => {
  // lock cmpxchg [rdi], ecx; ret
  const code = 'f0 0f b1 0f c3';
  const exchanges = new Map([[CODE, CODE + 4n]]);

  test.each([
    ['succeeds', 0xaaaaaaaa00000000n],
    ['fails', 0xaaaaaaaa00000001n],
  ])('is that of the CPU where it %s', (_, rax) => {
    const given = caseOf(code, { rax });
    const [result] = both([given]);
    expect(differences(result!.host, runMended(given, exchanges))).toEqual([]);
    // And nothing else is mended.
    expect(differences(result!.unicorn, runMended(given, new Map()))).toEqual([]);
  });
});

test('docs/emulator.md has a row for each, with its code', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'emulator.md'), 'utf8');
  expect(ROWS.filter(({ code }) => !page.includes(`\`${code}\``))).toEqual([]);
});
