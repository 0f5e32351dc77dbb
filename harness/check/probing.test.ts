import { expect, test } from '@jest/globals';
import { ARENA_START, ARENA_USER_START, percpuOffset, stackBase, u64 } from '../machine/layout';
import { arenaViolations } from '../run/arena-violations';
import { runsOf } from '../run/testing';
import { traceText } from '../run/trace-text';
import { judge, shown } from './testing';

const hex = (value: bigint): string => `0x${u64(value).toString(16)}`;

const spec = (text: string, rest = ''): string => `name: test
policies: [kernel-stack, linux-6.18]
programs:
  prog:
    type: raw_tracepoint
    verifier_insns: true
    asm: |
      main:
        *(u64 *)(r10 - 64) = 7
${text.trim().replace(/^ */gm, '        ')}
        r0 = 0
        exit
${rest}`;

/** Memory of the kernel's that is mapped, and no program's business: but a probing load may read it. */
const KERNELS: readonly [string, string, string][] = [
  ['the stack of another CPU', hex(stackBase(1) + 64n), 'cpu-isolation main pc 3'],
  ['a variable of another CPU', hex(0xffffffff83b0c028n + percpuOffset(1)), 'cpu-isolation main pc 3'],
  ['the stack, not a frame', hex(stackBase(0) + 64n), 'frame-bounds main pc 3'],
];

test.each(KERNELS)('%s: a probing load may read it', (_, address, finding) => {
  const load = (mode: string) => spec(`r1 = ${address} ll\nr2 = *(u64 *)(r1 + 0)${mode}`);
  for (const policy of ['kernel-stack', 'linux-6.18']) {
    expect(shown(judge(load(''), policy))).toEqual([finding]);
    expect(shown(judge(load(' probe_mem'), policy))).toEqual([]);
  }
});

const ARENA = spec(
  `r9 = map[heap] ll
   r1 = map[heap][0]+4096 ll
   r1 = addr_space_cast(r1, 0, 1)
   r2 = *(u8 *)(r1 + 0) probe_mem32
   *(u64 *)(r1 - 4) = 1 probe_mem32
   *(u64 *)(r1 - 8) = 1 probe_mem32
   r2 = *(u64 *)(r1 - 16) probe_mem`,
  'maps: { heap: { arena: true, size: 4096 } }\n',
);

test("what the kernel would report of an arena, with the user's addresses", () => {
  const { run } = runsOf(ARENA, 'linux-6.18')[0]!;
  expect(run.status.kind).toBe('ok');
  const page = ARENA_USER_START + 0x1000n;
  expect(arenaViolations(run).map(({ address, write }) => [address, write])).toEqual([
    [page, false],
    [page - 4n, true],
  ]);
  const text = traceText(run);
  const at = hex(ARENA_START + BigInt.asUintN(32, page));
  expect(text).toContainEqual(expect.stringContaining(`load 1 bytes at ${at}: 0x0000000000000000 FAULTS, skipped`));
  expect(text.slice(-2)).toEqual([
    `  reported: READ of the arena at ${hex(page).replace('0x', '0x0000')}, where it has no page`,
    `  reported: WRITE of the arena at ${hex(page - 4n).replace('0x', '0x0000')}, where it has no page`,
  ]);
});

test('an arena is memory of the program', () => {
  expect(shown(judge(ARENA, 'kernel-stack'))).toEqual([]);
});
