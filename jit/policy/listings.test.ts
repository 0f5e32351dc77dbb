import { describe, expect, test } from '@jest/globals';
import { compiled, type Options } from '../testing/program';
import { combine, POLICIES, type PolicyChoices, policyNamed, type StackPolicy } from './index';

/** A call of each kind from a frame, and a call from the frame below. */
const ASM = `
  main:
    r6 = r1
    *(u64 *)(r10 - 128) = 1
    call bpf_ktime_get_ns
    call bpf_rcu_read_lock
    call sub
    r0 = *(u64 *)(r10 - 128)
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    call bpf_get_prandom_u32
    exit`;

const ENTRY = ['nop dword ptr [rax+rax*1]', 'nop dword ptr [rax]', 'push rbp', 'mov rbp, rsp'];

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** What stands between the frame set-up, which is the same for all, and the end. */
const GOLDEN: Readonly<Record<string, { readonly main: string; readonly sub: string }>> = {
  'kernel-stack': {
    main: `
      sub rsp, 0x80
      push rbx
      mov rbx, rdi
      mov qword ptr [rbp-0x80], 0x1
      call bpf_ktime_get_ns
      call bpf_rcu_read_lock
      call sub
      mov rax, qword ptr [rbp-0x80]
      pop rbx
      leave
      jmp return_thunk`,
    sub: `
      sub rsp, 0x50
      mov qword ptr [rbp-0x50], 0x2
      call bpf_get_prandom_u32
      leave
      jmp return_thunk`,
  },
  'linux-6.18': {
    main: `
      push rbx
      mov r9, fp(main)
      add r9, qword ptr gs:[this_cpu_off]
      mov rbx, rdi
      mov qword ptr [r9-0x80], 0x1
      push r9
      call bpf_ktime_get_ns
      pop r9
      push r9
      call bpf_rcu_read_lock
      pop r9
      push r9
      call sub
      pop r9
      mov rax, qword ptr [r9-0x80]
      pop rbx
      leave
      jmp return_thunk`,
    sub: `
      mov r9, fp(sub)
      add r9, qword ptr gs:[this_cpu_off]
      mov qword ptr [r9-0x50], 0x2
      push r9
      call bpf_get_prandom_u32
      pop r9
      leave
      jmp return_thunk`,
  },
  subtree: {
    main: `
      push rbx
      mov r9, fp(main)
      add r9, qword ptr gs:[this_cpu_off]
      mov rbx, rdi
      mov qword ptr [r9-0x80], 0x1
      push r9
      call bpf_ktime_get_ns
      pop r9
      push r9
      call bpf_rcu_read_lock
      pop r9
      push r9
      call sub
      pop r9
      mov rax, qword ptr [r9-0x80]
      pop rbx
      leave
      jmp return_thunk`,
    sub: `
      add r9, 0x50
      mov qword ptr [r9-0x50], 0x2
      push r9
      call bpf_get_prandom_u32
      pop r9
      leave
      jmp return_thunk`,
  },
  unsaved: {
    main: `
      push rbx
      mov r9, fp(main)
      add r9, qword ptr gs:[this_cpu_off]
      mov rbx, rdi
      mov qword ptr [r9-0x80], 0x1
      call bpf_ktime_get_ns
      call bpf_rcu_read_lock
      call sub
      mov rax, qword ptr [r9-0x80]
      pop rbx
      leave
      jmp return_thunk`,
    sub: `
      mov r9, fp(sub)
      add r9, qword ptr gs:[this_cpu_off]
      mov qword ptr [r9-0x50], 0x2
      call bpf_get_prandom_u32
      leave
      jmp return_thunk`,
  },
};

const listing = (asm: string, subprog: string, options: Options): string[] => compiled(asm, options).listing(subprog);

describe('the code of each policy', () => {
  test('each has its listing here', () => {
    expect(Object.keys(GOLDEN)).toEqual(POLICIES.map(({ name }) => name));
  });

  test.each(Object.entries(GOLDEN))('%s', (policy, { main, sub }) => {
    const { listing } = compiled(ASM, { policy });
    expect(listing('main')).toEqual([...ENTRY, ...lines(main)]);
    expect(listing('sub')).toEqual([...ENTRY, ...lines(sub)]);
  });

  // No frame, no pointer to it: 48 bytes stay on the kernel stack.
  test.each(['linux-6.18', 'unsaved'])('%s, where a frame is too small to be private', (policy) => {
    const asm = 'main: *(u64 *)(r10 - 48) = 1; call bpf_ktime_get_ns; exit';
    expect(listing(asm, 'main', { policy })).toEqual(listing(asm, 'main', { policy: 'kernel-stack' }));
  });

  test('subtree: an inner subprog without a frame of its own leaves the pointer alone', () => {
    const asm = 'main: *(u64 *)(r10 - 128) = 1; call sub; exit; sub: call bpf_ktime_get_ns; r0 = 0; exit';
    const want = ['push r9', 'call bpf_ktime_get_ns', 'pop r9', 'xor eax, eax', 'leave', 'jmp return_thunk'];
    expect(listing(asm, 'sub', { policy: 'subtree' })).toEqual([...ENTRY, ...want]);
  });

  test('subtree: a depth that is no imm8 is added as imm32', () => {
    const asm = 'main: *(u64 *)(r10 - 8) = 1; call sub; exit; sub: *(u64 *)(r10 - 128) = 1; exit';
    expect(listing(asm, 'sub', { policy: 'subtree' })).toContain('add r9, 0x80');
    const { code } = compiled(asm, { policy: 'subtree' });
    expect(Buffer.from(code[1]!).toString('hex')).toContain('4981c180000000');
  });
});

/** A throw below the boundary, and a callback with a frame that is big enough for any layout. */
const THROWING = `
  main:
    *(u64 *)(r10 - 128) = 1
    call sub
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    call bpf_throw
    exit
  .func caught
  caught:
    *(u64 *)(r10 - 136) = 3
    r0 = r1
    exit`;

const thrown = (policy: string): Options => ({ policy, type: 'tracepoint', exceptionCallback: 2 });

describe('exceptions', () => {
  const saves = ['push r12', 'push rbx', 'push r13', 'push r14', 'push r15'];
  const restores = ['pop r15', 'pop r14', 'pop r13', 'pop rbx', 'pop r12'];
  const takeOver = ['nop dword ptr [rax+rax*1]', 'nop dword ptr [rax]', 'mov rsp, rsi', 'mov rbp, rdx'];

  test.each(POLICIES.map(({ name }) => name))('%s: the boundary saves all callee-saved registers', (policy) => {
    const code = listing(THROWING, 'main', thrown(policy));
    expect(code.join('\n')).toContain(saves.join('\n'));
    expect(code.slice(-7)).toEqual([...restores, 'leave', 'jmp return_thunk']);
  });

  test.each(['linux-6.18', 'subtree'])('%s: bpf_throw is called like the others', (policy) => {
    const code = listing(THROWING, 'sub', thrown(policy));
    const at = code.indexOf('call bpf_throw');
    expect(code.slice(at - 1, at + 2)).toEqual(['push r9', 'call bpf_throw', 'pop r9']);
  });

  test.each(['kernel-stack', 'linux-6.18', 'unsaved'])('%s: the callback pops what the boundary pushed', (policy) => {
    const code = listing(THROWING, 'caught', thrown(policy));
    expect(code.slice(0, 11)).toEqual([...takeOver, ...restores, 'mov rsp, rbp', 'sub rsp, 0x88']);
  });

  test('subtree: a callback with a private frame of its own pops r9 first', () => {
    const code = listing(THROWING, 'caught', thrown('subtree'));
    const load = ['mov r9, fp(caught)', 'add r9, qword ptr gs:[this_cpu_off]'];
    expect(code.slice(0, 13)).toEqual([...takeOver, 'pop r9', ...restores, 'mov rsp, rbp', ...load]);
  });

  test('subtree: one without does not', () => {
    const code = listing(THROWING.replace('r10 - 136', 'r10 - 8'), 'caught', thrown('subtree'));
    expect(code.slice(0, 10)).toEqual([...takeOver, ...restores, 'mov rsp, rbp']);
  });
});

describe('choices', () => {
  const choices: PolicyChoices = {
    name: 'mine',
    block: 'function',
    compute: 'absolute',
    preserve: { kind: 'push-pop', calls: ['subprog', 'helper', 'kfunc', 'throw'] },
    boundary: 'none',
    callback: 'no-pop',
    mayGoto: 'offset',
  };
  const built = (changes: Partial<PolicyChoices> = {}): StackPolicy =>
    combine({ ...choices, ...changes }) as StackPolicy;

  test('those of linux-6.18 make its code', () => {
    const { code } = compiled(ASM, { policy: built() });
    expect(code).toEqual(compiled(ASM, { policy: 'linux-6.18' }).code);
  });

  test('those of subtree make its code', () => {
    const { code } = compiled(THROWING, {
      ...thrown('subtree'),
      policy: built({ block: 'subtree', compute: 'callee-add', callback: 'pop-if-own' }),
    });
    expect(code).toEqual(compiled(THROWING, thrown('subtree')).code);
  });

  test.each([
    ['subprog', 'call sub'],
    ['helper', 'call bpf_ktime_get_ns'],
    ['kfunc', 'call bpf_rcu_read_lock'],
    ['throw', 'call bpf_throw'],
  ] as const)('push-pop of %s calls is around those alone', (kind, call) => {
    const asm = ASM.replace('exit', 'call bpf_throw\n exit');
    const preserve = { kind: 'push-pop', calls: [kind] } as const;
    const code = listing(asm, 'main', { type: 'tracepoint', policy: built({ preserve }) });
    expect(code.filter((line) => /r9$/.test(line))).toEqual(['push r9', 'pop r9']);
    expect(code.slice(code.indexOf('push r9')).slice(0, 3)).toEqual(['push r9', call, 'pop r9']);
  });

  test.each<[Partial<PolicyChoices>, string]>([
    [{ compute: 'guess' }, 'compute: guess'],
    [{ preserve: { kind: 'hope' } }, 'preserve: hope'],
    [{ boundary: 'wall' }, 'boundary: wall'],
    [{ callback: 'later' }, 'callback: later'],
  ])('%p is missing', (changes, missing) => {
    expect(combine({ ...choices, ...changes })).toEqual({ missing });
  });

  test('names of policies', () => {
    expect(new Set(POLICIES.map(({ name }) => name)).size).toBe(POLICIES.length);
    for (const policy of POLICIES) expect(policyNamed(policy.name)).toBe(policy);
    expect(policyNamed('linux-6.19')).toBeUndefined();
  });
});
