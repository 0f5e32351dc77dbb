import { describe, expect, test } from '@jest/globals';
import { assembleBodies } from '../bodies';
import { asm, judge, lowered, shown } from './testing';

const SOUND = ['kernel-stack', 'linux-6.18', 'subtree'];
const MAP = 'maps: { m: { size: 16 } }';

describe('sound programs', () => {
  test.each([
    ['r10 added to memory', 'r1 = map[m][0] ll\nlock *(u64 *)(r1 + 0) += r10\nlock *(u64 *)(r1 + 0) ^= r10'],
    ['r10 stored, released', 'r1 = map[m][0] ll\n*(u64 *)(r1 + 0) = r10\nstore_release((u64 *)(r1 + 8), r10)'],
    ['r10 stored into its own frame', '*(u64 *)(r10 - 128) = r10\nr1 = *(u64 *)(r10 - 128)\n*(u64 *)(r1 - 8) = 1'],
    ['half of r10', '*(u32 *)(r10 - 128) = r10\nw1 = w10'],
    ['r10 compared', 'r1 = r10\nif r1 != r10 goto out'],
    ['a sum with r10', 'r1 = -8\nr1 += r10\n*(u64 *)(r1 + 0) = 1'],
    ['a copy in a callee-saved register', 'r6 = r10\ncall bpf_ktime_get_ns\n*(u64 *)(r6 - 128) = 1'],
    [
      'atomics on the frame',
      '*(u64 *)(r10 - 128) = 1\nr0 = 1\nr2 = 3\nr0 = atomic64_cmpxchg((u64 *)(r10 - 128), r0, r2)\nr0 = 9\nr0 = atomic64_cmpxchg((u64 *)(r10 - 128), r0, r2)\nr2 = load_acquire((u64 *)(r10 - 128))',
    ],
    ['shifts and divisions by registers', 'r4 = 3\nr3 = 9\nr3 <<= r4\nr4 s>>= r3\nr0 = 7\nr3 /= r4\nr4 s%= r3'],
    ['a loop', 'r6 = 20\nl:\n*(u64 *)(r10 - 256) = r6\ncall bpf_get_prandom_u32\nr6 += -1\nif r6 != 0 goto l'],
    ['an early exit', 'call bpf_get_smp_processor_id\nif r0 s< 0 goto out\nr0 = 0\nexit'],
  ])('%s', (_, lines) => {
    const spec = asm(`main:\n*(u64 *)(r10 - 128) = 1\n${lines}\nout:\nr0 = 0\nexit`, `${MAP}\nexpect: { retval: 0 }`);
    for (const policy of SOUND) for (const cpu of [0, 1]) expect(shown(judge(spec, policy, { cpu }))).toEqual([]);
  });
});

/** bpf_loop as its contract is: calls `rsi(index, rdx)` rdi times, destroys what it may between the calls. */
const LOOP = `
        push rbx
        push r12
        push r13
        push r14
        mov rbx, rdi
        mov r12, rsi
        mov r13, rdx
        xor r14d, r14d
        again:
        mov rdi, r14
        mov rsi, r13
        mov r9, 0x4141414141414141
        call r12
        inc r14
        cmp r14, rbx
        jne again
        mov rax, rbx
        mov r9, 0x4242424242424242
        pop r14
        pop r13
        pop r12
        pop rbx
        ret`;

const CALLBACK = `
main:
  *(u64 *)(r10 - 128) = 0
  r1 = 3
  r2 = body ll
  r3 = r10
  r3 += -128
  r4 = 0
  call bpf_loop
  r0 = *(u64 *)(r10 - 128)
  exit
body:
  r6 = r2
  *(u64 *)(r10 - 256) = r1
  call bpf_ktime_get_ns
  call leaf
  r1 = *(u64 *)(r10 - 256)
  r2 = *(u64 *)(r6 + 0)
  r2 += r1
  *(u64 *)(r6 + 0) = r2
  r0 = 0
  exit
leaf:
  *(u64 *)(r10 - 64) = 1
  r0 = 0
  exit`;

describe('a helper that calls back three times', () => {
  async function looped(policy: string) {
    const spec = lowered(asm(CALLBACK, `helpers:\n  bpf_loop:\n    asm: |${LOOP}\nexpect: { retval: 3 }`))[0]!;
    const { bodies, issues } = await assembleBodies(spec.helpers);
    expect(issues).toEqual([]);
    return judge(spec, policy, { bodies });
  }

  test.each(SOUND)('%s', async (policy) => {
    expect(shown(await looped(policy))).toEqual([]);
  });

  test('under `unsaved` the callback loses its frame at its own call, first', async () => {
    const report = await looped('unsaved');
    expect(shown(report)[0]).toBe('frame-address body pc 4');
    expect(report.findings[0]!.culprit).toMatch(/^`add r9, .*` at leaf prologue/);
  });
});
