import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, judge, patch, shift, shown } from './testing';

const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'];

/** An extension, a tracer, a timer's callback and a target of tail calls, each with one number that a fault makes another. */
const SCENARIOS = `name: test
policies: [kernel-stack, linux-6.18, subtree]
programs:
  prog:
    type: kprobe
    asm: |
      main:
        r1 = map[m][0] ll
        r2 = later ll
        call bpf_timer_set_callback
        call sub
        exit
      .global sub
      sub:
        *(u64 *)(r10 - 64) = 1
        call bpf_ktime_get_ns
        r0 = 1
        exit
      later:
        *(u8 *)(r3 + 3) = 5
        r0 = 0
        exit
  ext:
    type: ext
    asm: |
      ext_main:
        r0 = 2
        exit
  tracer:
    type: tracing
    asm: |
      tracer:
        r1 = 3
        call bpf_get_prandom_u32
        r0 = 0
        exit
maps: { m: { size: 16 } }
scenarios:
  replaced: { do: [{ replace: prog.sub, with: ext }] }
  traced: { do: [{ fentry: prog.sub, run: tracer }] }
  interrupted: { do: [{ interrupt: call 1 of bpf_ktime_get_ns, run: tracer }] }
  fired: { do: [{ run: prog }, { fire: prog.later }] }
`;

const found = (spec: string, fault: Fault, scenario?: string) =>
  POLICIES.map((policy) => judge(spec, policy, { fault, ...(scenario && { scenario }) }));

describe('what nothing else notices', () => {
  test.each<[what: string, spec: string, fault: Fault, finding: string]>([
    ['an operand', asm('main:\nr0 = 3\nr0 += 5\nexit'), shift({ in: 'main', text: /^add/ }, 1, 1), 'interpreter'],
    [
      'the upper half of a register',
      asm('main:\nr0 = 0x100000000 ll\nr1 = 1\nr0 += r1\nexit'),
      patch({ in: 'main', text: /^add/ }, [0x01, 0xf8]),
      'interpreter',
    ],
    [
      'an argument',
      asm('main:\nr1 = 7\ncall bpf_ktime_get_ns\nr0 = 0\nexit'),
      shift({ in: 'main', text: /^mov edi/ }, 4, 1),
      'interpreter main pc 1',
    ],
    [
      'a branch that goes the other way',
      asm('main:\nr1 = 7\nif r1 == 7 goto +1\ncall bpf_ktime_get_ns\nr0 = 0\nexit'),
      shift({ in: 'main', text: /^cmp/ }, 1, 1),
      'interpreter main pc 2',
    ],
    [
      'a call that is not made',
      asm('main:\nr1 = 7\nif r1 == 8 goto +1\ncall bpf_ktime_get_ns\nr0 = 0\nexit'),
      shift({ in: 'main', text: /^cmp/ }, 1, -1),
      'interpreter',
    ],
    [
      'a store',
      asm('main:\n*(u32 *)(r1 + 4) = 7\n*(u32 *)(r1 + 8) = 7\nr0 = 0\nexit'),
      shift({ in: 'main', text: /^mov dword/, nth: 2 }, 4, 1),
      'interpreter main pc 1',
    ],
  ])('%s', (_, spec, fault, finding) => {
    expect(found(spec, fault).map(shown)).toEqual(POLICIES.map(() => [finding]));
  });

  test.each<[scenario: string, fault: Fault, finding: string]>([
    ['replaced', shift({ in: 'ext_main', text: /^mov eax/ }, 4, 1), 'interpreter'],
    ['traced', shift({ in: 'tracer', text: /^mov edi/ }, 4, 1), 'interpreter tracer pc 1'],
    ['interrupted', shift({ in: 'tracer', text: /^mov edi/ }, 4, 1), 'interpreter tracer pc 1'],
    ['fired', shift({ in: 'later', text: /^mov byte/ }, 1, 1), 'interpreter later pc 0'],
  ])('in a scenario: %s', (scenario, fault, finding) => {
    const none = (built: Parameters<Fault>[0]) => built;
    const interpreted = (all: Fault) =>
      found(SCENARIOS, all, scenario).map((report) => shown(report).filter((each) => each.startsWith('interpreter')));
    expect(interpreted(none)).toEqual(POLICIES.map(() => []));
    expect(interpreted(fault)).toEqual(POLICIES.map(() => [finding]));
  });
});

test('says what it wants', () => {
  const spec = asm(
    'main:\nr1 = 7\ncall bpf_ktime_get_ns\n*(u16 *)(r6 + 4) = 1\nr0 = 1\nexit'.replace('main:', 'main:\nr6 = r1'),
  );
  const fault = (text: RegExp) => shift({ in: 'main', text }, 4, 1);
  const told = ({ message, want, got, culprit }: ReturnType<typeof judge>['findings'][number]) => [
    message,
    want,
    got,
    culprit,
  ];
  const [argument] = judge(spec, 'linux-6.18', { fault: fault(/^mov edi/) }).findings;
  expect(told(argument!)).toEqual([
    'argument 1 of bpf_ktime_get_ns is not what it is in the interpreter',
    'r1 = 0x0000000000000007',
    'r1 = 0x0000000000000008',
    expect.stringContaining('left 0x0000000000000008 in rdi'),
  ]);
  const [result] = judge(spec, 'linux-6.18', { fault: fault(/^mov eax/) }).findings;
  expect(told(result!)).toEqual([
    'the program returns another value than in the interpreter',
    'r0 = 0x0000000000000001',
    'r0 = 0x0000000000000002',
    expect.stringContaining('left 0x0000000000000002 in rax'),
  ]);
  const store = shift({ in: 'main', text: /^mov word/ }, 1, 1, 1);
  const [memory] = judge(spec, 'linux-6.18', { fault: store }).findings;
  expect(told(memory!)).toEqual([
    "ctx differs from the interpreter's at byte 4",
    '0100000000000000',
    '0200000000000000',
    null,
  ]);
});

test('what the spec declares comes first', () => {
  const spec = asm('main:\nr0 = 3\nr0 += 5\nexit', 'expect: { verdict: holds, retval: 8 }');
  const fault = shift({ in: 'main', text: /^add/ }, 1, 1);
  expect(shown(judge(spec, 'linux-6.18', { fault }))).toEqual(['retval', 'interpreter']);
});
