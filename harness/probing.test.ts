import { describe, expect, test } from '@jest/globals';
import { type Program, parseAsm, policyNamed } from '../jit';
import { readCaptures } from '../jit/testing/captures';
import { answerExec, type ExecResult, prepare, runPrepared } from './exec-requests';
import { ARENA_START, ARENA_USER_START, CONTEXT_BASE, PAGE } from './machine/layout';
import { interpret } from './oracle';
import type { WholeProgram } from './request-program';

/**
 * Accesses that may fault, at mapped and unmapped addresses: in the emulator under three policies, and in the
 * interpreter. All registers, the context and the arena's page must be the same, and no check may find anything.
 */
const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'] as const;

/** r6 holds the context; every other register has a value of its own, r3 the address and r4 an operand. */
const REGISTERS = [0, 1, 2, 3, 4, 5, 7, 8, 9] as const;
const OPERAND = 0xfedcba9876543211n;
const ownValue = (register: number): bigint => 0x1111111111111111n * BigInt(register + 1);
const start = (register: number, address: bigint): bigint =>
  register === 3 ? address : register === 4 ? OPERAND : ownValue(register);

const PAGE_START = BigInt.asUintN(32, ARENA_USER_START);
const LAST_WORD = PAGE_START + BigInt(PAGE - 8);
/** Of the context, behind the registers and the arena's words. */
const SOURCE = 128;

/** A program that loads the registers, does one thing, and leaves all registers and the page's ends in its context. */
const around = (text: string, address: bigint): string => `
main:
  r6 = r1
  *(u64 *)(r10 - 128) = 1
  ${REGISTERS.map((r) => `r${r} = ${start(r, address)} ll`).join('\n  ')}
  ${text}
  ${REGISTERS.map((r, i) => `*(u64 *)(r6 + ${8 * i}) = r${r}`).join('\n  ')}
  r1 = ${PAGE_START} ll
  r2 = *(u64 *)(r1 + 0) probe_mem32
  *(u64 *)(r6 + 80) = r2
  r1 = ${LAST_WORD} ll
  r2 = *(u64 *)(r1 + 0) probe_mem32
  *(u64 *)(r6 + 88) = r2
  r0 = *(u64 *)(r10 - 128)
  exit`;

function program(text: string): Program {
  const parsed = parseAsm(text, { verifierMade: true });
  if (!parsed.ok) throw new Error(parsed.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return parsed.program;
}

const context = (): Uint8Array => Uint8Array.from({ length: 256 }, (_, i) => (i < SOURCE ? 0 : (i * 37) | 0x80));

const whole = (source: Program): WholeProgram => ({
  program: source,
  type: 'raw_tracepoint',
  attachType: undefined,
  exceptionCallback: undefined,
  asyncCallbacks: [],
  arena: { kernVmStart: ARENA_START, userVmStart: ARENA_USER_START },
});

function emulated(source: Program, policy: string, arenaPages = 1): ExecResult {
  const options = { policy: policyNamed(policy)!, arenaPages };
  return runPrepared(prepare('prog', whole(source), context(), options), options);
}

function interpreted(source: Program): { r0: string; ctx: string } {
  const arena = { base: ARENA_START, userBase: ARENA_USER_START };
  const regions = [
    { name: 'ctx', base: CONTEXT_BASE, bytes: context() },
    { name: 'arena', base: ARENA_START + PAGE_START, bytes: new Uint8Array(PAGE) },
  ];
  const result = interpret(source, { regions, arena });
  if (result.kind !== 'exit') throw new Error(`the interpreter says ${result.kind}`);
  return { r0: String(result.r0), ctx: Buffer.from(result.regions.get('ctx')!).toString('hex') };
}

const word = (ctx: string, offset: number): bigint => Buffer.from(ctx, 'hex').readBigUInt64LE(offset);

/** What both say, which must be the same. */
function agreed(text: string, address: bigint): string {
  const source = program(around(text, address));
  const { r0, ctx } = interpreted(source);
  for (const policy of POLICIES) {
    const seen = emulated(source, policy);
    expect({ policy, ...seen }).toMatchObject({ r0, ctx, findings: [] });
  }
  return ctx;
}

/** All registers are as they were, but for the one that is cleared. */
function expectCleared(ctx: string, address: bigint, cleared: number | null): void {
  const seen = REGISTERS.map((register, i) => [`r${register}`, word(ctx, 8 * i)]);
  expect(seen).toEqual(REGISTERS.map((r) => [`r${r}`, r === cleared ? 0n : start(r, address)]));
}

const WIDTHS = ['u8', 'u16', 'u32', 'u64', 's8', 's16', 's32'] as const;
const sx = (width: string): string => (width[0] === 's' ? 'sx' : '');
const READABLE = CONTEXT_BASE + BigInt(SOURCE);

/** Kernel addresses that fault, addresses that are not canonical, and what the emitted check keeps away from. */
const NOWHERE: readonly [string, bigint][] = [
  ['an unmapped page of the direct mapping', 0xffff888000000000n],
  ['the end of the kernel half', 0xffffffffff5ff000n],
  ['not canonical', 0x8000000000000000n],
  ['not canonical, right above the users', 0x800000001000n],
  ['null', 0n],
  ['a user', 0x7ffffffff000n],
  ['the vsyscall page', 0xffffffffff600000n],
  ['an error', 0xfffffffffffff000n],
];

describe('probing loads', () => {
  test.each(WIDTHS)('%s from memory', (width) => {
    const ctx = agreed(`r2 = *(${width} *)(r3 + 4) probe_mem${sx(width)}`, READABLE);
    expect(word(ctx, 16)).not.toBe(0n);
  });

  describe.each(NOWHERE)('%s', (_, address) => {
    test.each(WIDTHS)('%s clears the destination alone', (width) => {
      const ctx = agreed(`r2 = *(${width} *)(r3 + 8) probe_mem${sx(width)}`, address);
      expectCleared(ctx, address, 2);
    });
  });

  test.each(REGISTERS)('into r%d', (register) => {
    const ctx = agreed(`r${register} = *(u64 *)(r3 + 0) probe_mem`, 0xffff888000000000n);
    expectCleared(ctx, 0xffff888000000000n, register);
  });

  test('a load that reads into an unmapped page reads nothing', () => {
    const ctx = agreed('r2 = *(u64 *)(r3 - 3) probe_mem', CONTEXT_BASE + BigInt(PAGE));
    expect(word(ctx, 16)).toBe(0n);
  });
});

/** What it leaves alone where there is no page: all but the register, if any. */
const ARENA_ACCESSES: readonly [string, number | null, number][] = [
  ...WIDTHS.map((width): [string, number, number] => {
    return [`r2 = *(${width} *)(r3 + 0) probe_mem32${sx(width)}`, 2, Number(width.slice(1)) / 8];
  }),
  ...['u8', 'u16', 'u32', 'u64'].flatMap((width): [string, number | null, number][] => {
    const size = Number(width.slice(1)) / 8;
    const w = size === 8 ? 'r' : 'w';
    return [
      [`*(${width} *)(r3 + 0) = r4 probe_mem32`, null, size],
      [`*(${width} *)(r3 + 0) = -77 probe_mem32`, null, size],
      [`${w}2 = load_acquire((${width} *)(r3 + 0)) probe_atomic`, 2, size],
      [`store_release((${width} *)(r3 + 0), ${w}4) probe_atomic`, null, size],
    ];
  }),
  ...[['u64', 'r', 'atomic64', 8] as const, ['u32', 'w', 'atomic', 4] as const].flatMap(
    ([type, w, atomic, size]): [string, null, number][] => [
      ...['+=', '|=', '&=', '^='].map((operator): [string, null, number] => {
        return [`lock *(${type} *)(r3 + 0) ${operator} ${w}4 probe_atomic`, null, size];
      }),
      [`${w}4 = ${atomic}_fetch_add((${type} *)(r3 + 0), ${w}4) probe_atomic`, null, size],
      [`${w}4 = ${atomic}_xchg((${type} *)(r3 + 0), ${w}4) probe_atomic`, null, size],
      [`${w}0 = ${atomic}_cmpxchg((${type} *)(r3 + 0), ${w}0, ${w}4) probe_atomic`, null, size],
    ],
  ),
];

describe('arena accesses', () => {
  test.each(ARENA_ACCESSES)('%s', (text, cleared, size) => {
    // Where the page is, they do what they say; the page is zero but for what they leave there.
    agreed(`*(u64 *)(r3 + 0) = 5 probe_mem32\n${text}`, PAGE_START);
    const past = LAST_WORD + 8n;
    const addresses = [past, past - BigInt(size - 1), 0n, 0xffffffffn];
    for (const address of addresses) {
      // A byte at the page's end is on the page.
      if (address >= PAGE_START && address + BigInt(size) <= past) continue;
      const ctx = agreed(text, address);
      expectCleared(ctx, address, cleared);
      expect([word(ctx, 80), word(ctx, 88)]).toEqual([0n, 0n]);
    }
  });

  test('casts lead to the page and back', () => {
    const ctx = agreed(
      'r3 = addr_space_cast(r3, 0, 1)\n*(u64 *)(r3 + 0) = r4 probe_mem32\nr5 = addr_space_cast(r3, 1, 0)',
      ARENA_USER_START,
    );
    expect([word(ctx, 80), word(ctx, 8 * REGISTERS.indexOf(5))]).toEqual([OPERAND, ARENA_USER_START]);
  });

  test('an offset reaches the guards around the arena', () => {
    agreed('r2 = *(u64 *)(r3 - 8) probe_mem32', 0n);
    agreed('r2 = *(u64 *)(r3 + 32767) probe_mem32', 0xffffffffn);
  });
});

describe('a fault without an entry is one', () => {
  const UNMAPPED = 0xffff888000000000n;
  test.each([
    ['of the load behind', 'r2 = *(u64 *)(r6 + 0) probe_mem\nr5 = *(u64 *)(r3 + 0)'],
    ['of the load before', 'r5 = *(u64 *)(r3 + 0)\nr2 = *(u64 *)(r6 + 0) probe_mem'],
    ['of the load behind one that is handled', 'r2 = *(u64 *)(r3 + 0) probe_mem\nr5 = *(u64 *)(r3 + 0)'],
    ['of the store behind one that is skipped', 'r1 = 0\n*(u64 *)(r1 + 0) = r4 probe_mem32\n*(u64 *)(r3 + 0) = r4'],
  ])('%s', (_, text) => {
    for (const policy of POLICIES) {
      const { findings } = emulated(program(around(text, UNMAPPED)), policy);
      expect(findings.map(({ check }) => check)).toContain('fault');
    }
  });
});

test('pages of an arena are those that are allocated', () => {
  const text = around('r2 = *(u64 *)(r3 + 0) probe_mem32\n*(u64 *)(r3 + 0) = r4 probe_mem32', LAST_WORD + 8n);
  const source = program(`${text.replace(/\n {2}exit$/, '')}\n  r1 = ${LAST_WORD + 8n} ll
  r0 = *(u64 *)(r1 + 0) probe_mem32\n  exit`);
  expect([1, 2].map((pages) => emulated(source, 'linux-6.18', pages).r0)).toEqual(['0', String(OPERAND)]);
});

describe('programs with an arena that a kernel has accepted', () => {
  const captured = readCaptures().filter(({ request }) => request.funcs.some((each) => each.arena_vm_start));
  test.each(captured.map((capture) => [capture.name, capture] as const))('%s', (_, { prog_type, request }) => {
    const { insns, arena_vm_start, arena_user_vm_start } = request.funcs[0]!;
    // The kernel has put the map's address in its place already.
    const numbers = insns.map((insn) => insn.replace(/^181/, '180'));
    const shared = { prog_type, verifier_insns: true, arena_vm_start, arena_user_vm_start };
    for (const arena_pages of [0, 1]) {
      const answer = answerExec({ ...shared, insns: numbers, arena_pages }, policyNamed('linux-6.18')!);
      expect(answer.runs).toMatchObject([{ r0: '0', findings: [] }]);
    }
  });
});
