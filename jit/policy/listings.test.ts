import { describe, expect, test } from '@jest/globals';
import { compiled, type Options } from '../testing/program';
import { POLICIES } from './index';
import { ASM, THROWING, thrown } from './testing/programs';

/** Instructions, separated by `;`. */
const code = (text: string): string[] => (text === '' ? [] : text.split('; '));
const load = (subprog: string, register = 'r9') =>
  `mov ${register}, fp(${subprog}); add ${register}, qword ptr gs:[this_cpu_off]`;

/** What each hook of a policy puts into the code. */
interface Hooks {
  /** Where r10 is, in a frame and in that of the callback. */
  readonly frame: string;
  readonly caught?: string;
  /** Kernel stack that is taken first, and a register that is saved first unless the boundary does so. */
  readonly reserve?: readonly [main: string, sub: string, caught: string];
  readonly save?: string;
  /** The frame pointer in the prologues of main, sub and the callback. */
  readonly enter: readonly [main: string, sub: string, caught: string];
  /** In the epilogue of sub. */
  readonly leave?: string;
  /** Before and behind the calls of main, and of sub; and a throw in sub. */
  readonly helper?: readonly [before: string, after: string];
  readonly subprog?: readonly [before: string, after: string];
  readonly below?: readonly [before: string, after: string];
  readonly thrown?: readonly [before: string, after: string];
  /** In the boundary, behind the frame pointer and before the registers are popped. */
  readonly boundary?: readonly [enter: string, leave: string];
  /** In the callback, before the registers are popped. */
  readonly callback?: string;
}

const NOTHING = ['', ''] as const;
const PUSHED = ['push r9', 'pop r9'] as const;
const everywhere = { helper: PUSHED, below: PUSHED, subprog: PUSHED, thrown: PUSHED } as const;
const absolute = { frame: 'r9', caught: 'rbp', reserve: ['', '', 'sub rsp, 0x88'] } as const;
const loaded = { ...absolute, enter: [load('main'), load('sub'), ''] } as const;
const tree = { frame: 'r9', enter: [load('main'), 'add r9, 0x50', load('caught')] } as const;
const spilt = ['', 'mov r9, qword ptr [rbp-0x8]'] as const;
const again = (subprog: string) => ['', load(subprog)] as const;

const HOOKS: Readonly<Record<string, Hooks>> = {
  'kernel-stack': { frame: 'rbp', reserve: ['sub rsp, 0x80', 'sub rsp, 0x50', 'sub rsp, 0x88'], enter: ['', '', ''] },
  'linux-6.18': { ...loaded, ...everywhere },
  'linux-6.18-fixed': { ...loaded, ...everywhere, callback: 'lea rsp, [rbp-0x28]' },
  'linux-6.18-pop': { ...loaded, ...everywhere, callback: 'pop r9' },
  subtree: { ...tree, ...everywhere, callback: 'pop r9' },
  'callee-adjust': { ...tree, ...everywhere, subprog: NOTHING, leave: 'sub r9, 0x50' },
  'boundary-once': {
    ...{ ...tree, ...everywhere, subprog: NOTHING, thrown: NOTHING },
    boundary: ['push r9', 'pop r9'],
    callback: 'pop r9',
  },
  'caller-add': {
    ...{ ...tree, ...everywhere, subprog: ['push r9; add r9, 0x50', 'pop r9'] },
    enter: [load('main'), '', load('caught')],
    callback: 'pop r9',
  },
  'helpers-only': { ...loaded, ...everywhere, subprog: NOTHING },
  'spill-slot': {
    ...{ ...absolute, helper: spilt, below: spilt, subprog: spilt },
    reserve: ['sub rsp, 0x8', 'sub rsp, 0x8', 'sub rsp, 0x88'],
    enter: [`${load('main')}; mov qword ptr [rbp-0x8], r9`, `${load('sub')}; mov qword ptr [rbp-0x8], r9`, ''],
  },
  reload: { ...loaded, helper: again('main'), below: again('sub'), subprog: again('main') },
  'callee-saved': {
    ...{ ...absolute, frame: 'r12', save: 'r12' },
    enter: [load('main', 'r12'), load('sub', 'r12'), ''],
  },
  unsaved: loaded,
};

const ENTRY = 'nop dword ptr [rax+rax*1]; nop dword ptr [rax]';
const SET_UP = `${ENTRY}; push rbp; mov rbp, rsp`;
const RETURN = 'leave; jmp return_thunk';
const SAVES = 'push r12; push rbx; push r13; push r14; push r15';
const RESTORES = 'pop r15; pop r14; pop r13; pop rbx; pop r12';
const TAKE_OVER = `${ENTRY}; mov rsp, rsi; mov rbp, rdx`;

const join = (...parts: string[]): string[] => parts.flatMap(code);
const around = ([before, after]: readonly [string, string] = NOTHING, call: string): string[] =>
  join(before, `call ${call}`, after);

/** The listings of {@link ASM} with these hooks. */
function called({ frame, reserve = ['', '', ''], save, enter, leave = '', ...calls }: Hooks) {
  const [push, pop] = save ? [`push ${save}`, `pop ${save}`] : NOTHING;
  return {
    main: [
      ...join(SET_UP, reserve[0], push, 'push rbx', enter[0]),
      ...join('mov rbx, rdi', `mov qword ptr [${frame}-0x80], 0x1`),
      ...around(calls.helper, 'bpf_ktime_get_ns'),
      ...around(calls.helper, 'bpf_rcu_read_lock'),
      ...around(calls.subprog, 'sub'),
      ...join(`mov rax, qword ptr [${frame}-0x80]`, 'pop rbx', pop, RETURN),
    ],
    sub: [
      ...join(SET_UP, reserve[1], push, enter[1], `mov qword ptr [${frame}-0x50], 0x2`),
      ...around(calls.below, 'bpf_get_prandom_u32'),
      ...join(leave, pop, RETURN),
    ],
  };
}

/** The listings of {@link THROWING} with these hooks. */
function threw({ frame, reserve = ['', '', ''], save, enter, leave = '', ...rest }: Hooks) {
  const { boundary = NOTHING, callback = '', caught = frame } = rest;
  const [push, pop] = save ? [`push ${save}`, `pop ${save}`] : NOTHING;
  return {
    main: [
      ...join(SET_UP, reserve[0], SAVES, enter[0], boundary[0], `mov qword ptr [${frame}-0x80], 0x1`),
      ...around(rest.subprog, 'sub'),
      ...join(boundary[1], RESTORES, RETURN),
    ],
    sub: [
      ...join(SET_UP, reserve[1], push, enter[1], `mov qword ptr [${frame}-0x50], 0x2`),
      ...around(rest.thrown, 'bpf_throw'),
      ...join(leave, pop, RETURN),
    ],
    caught: [
      ...join(TAKE_OVER, callback, RESTORES, 'mov rsp, rbp', reserve[2], enter[2]),
      ...join(`mov qword ptr [${caught}-0x88], 0x3`, 'mov rax, rdi', RETURN),
    ],
  };
}

const listing = (asm: string, subprog: string, options: Options): string[] => compiled(asm, options).listing(subprog);

describe('the code of each policy', () => {
  test('each has its hooks here', () => {
    expect(Object.keys(HOOKS)).toEqual(POLICIES.map(({ name }) => name));
  });

  test.each(Object.entries(HOOKS))('%s', (policy, hooks) => {
    const { main, sub } = called(hooks);
    const { listing } = compiled(ASM, { policy });
    expect({ main: listing('main'), sub: listing('sub') }).toEqual({ main, sub });
  });

  test.each(Object.entries(HOOKS))('%s, with a throw', (policy, hooks) => {
    const { listing } = compiled(THROWING, thrown(policy));
    expect({ main: listing('main'), sub: listing('sub'), caught: listing('caught') }).toEqual(threw(hooks));
  });

  // No frame, no pointer to it: 48 bytes stay on the kernel stack.
  test.each(POLICIES.filter(({ block }) => block === 'function').map(({ name }) => name))(
    '%s, where a frame is too small to be private',
    (policy) => {
      const asm = 'main: *(u64 *)(r10 - 48) = 1; call bpf_ktime_get_ns; exit';
      expect(listing(asm, 'main', { policy })).toEqual(listing(asm, 'main', { policy: 'kernel-stack' }));
    },
  );
});

describe('frames inside a call tree', () => {
  const EMPTY = 'main: *(u64 *)(r10 - 128) = 1; call sub; exit; sub: call bpf_ktime_get_ns; r0 = 0; exit';

  test.each(['subtree', 'callee-adjust', 'caller-add'])('%s: one of no bytes moves nothing', (policy) => {
    const want = `${SET_UP}; push r9; call bpf_ktime_get_ns; pop r9; xor eax, eax; ${RETURN}`;
    expect(listing(EMPTY, 'sub', { policy })).toEqual(code(want));
    expect(listing(EMPTY, 'main', { policy }).filter((line) => /^(add|sub) r9, 0x/.test(line))).toEqual([]);
  });

  const BIG =
    'main: *(u64 *)(r10 - 8) = 1; call sub; exit; sub: *(u64 *)(r10 - 128) = 1; if r1 == 0 goto l; exit; l: exit';

  test.each([
    ['subtree', 'sub', ['4981c180000000 add']],
    ['callee-adjust', 'sub', ['4981c180000000 add', '4981e980000000 sub']],
    ['caller-add', 'main', ['4981c180000000 add']],
  ])('%s: a depth that is no imm8 is an imm32, once in %s', (policy, subprog, want) => {
    const { code, image } = compiled(BIG, { policy });
    const fn = image.functions.find(({ name }) => name === subprog)!;
    const found = fn.listing().flatMap(({ offset, size, insn: { form, operands } }) => {
      const [, last] = operands;
      if (last?.kind !== 'imm' || last.value !== 128) return [];
      return [`${Buffer.from(code[fn.index]!.subarray(offset, offset + size)).toString('hex')} ${form.mnemonic}`];
    });
    expect(found).toEqual(want);
  });

  test('caller-add: a subprog of another tree is handed its frame pointer, too', () => {
    const asm = `
      main:
        r1 = 1
        r2 = cb ll
        r3 = 0
        r4 = 0
        call bpf_loop
        *(u64 *)(r10 - 64) = 1
        call sub
        exit
      cb:
        *(u64 *)(r10 - 64) = 1
        call sub
        exit
      sub:
        *(u64 *)(r10 - 80) = 1
        r0 = 0
        exit`;
    const { image, listing } = compiled(asm, { policy: 'caller-add' });
    expect(image.functions.map(({ frame }) => frame.isPrivate)).toEqual([true, true, true]);
    for (const caller of ['main', 'cb']) expect(listing(caller).join('; ')).toContain('add r9, 0x50; call sub; pop r9');
  });

  test('caller-add: a callback in a tree of its own finds its frame by itself', () => {
    const asm = `
      main:
        *(u64 *)(r10 - 128) = 1
        r1 = 1
        r2 = cb ll
        r3 = 0
        r4 = 0
        call bpf_loop
        r1 = 0
        r2 = 0
        call cb
        exit
      cb:
        *(u64 *)(r10 - 136) = 1
        r0 = 0
        exit`;
    const main = listing(asm, 'main', { policy: 'caller-add' });
    expect(main.slice(main.indexOf('call cb') - 1).slice(0, 3)).toEqual(['push r9', 'call cb', 'pop r9']);
    expect(listing(asm, 'cb', { policy: 'caller-add' }).join('; ')).toContain(load('cb'));
  });
});
