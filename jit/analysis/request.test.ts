import { describe, expect, test } from '@jest/globals';
import { factsFromRequest, RequestError } from './request';

const FUNC = {
  stack_depth: 56,
  is_subprog: false,
  tail_call_reachable: false,
  exception_boundary: false,
  exception_cb: false,
  priv_frame_ptr: '0x60795baffc60',
  arena_vm_start: null,
  tail_calls: [],
  insns: ['9500000000000000'],
};
const facts = (func: object, ...more: object[]) => factsFromRequest({ funcs: [{ ...FUNC, ...func }, ...more] });

test('two functions with a block each, and one without', () => {
  const plain = { ...FUNC, is_subprog: true, stack_depth: 8, priv_frame_ptr: null };
  const sub = { ...FUNC, is_subprog: true, stack_depth: 144, priv_frame_ptr: '0x60795baffe58' };
  const result = facts({ exception_boundary: true }, plain, sub);
  expect(result.blockAddresses).toEqual([0x60795baffc60n - 64n, 0x60795baffe58n - 152n]);
  expect(result.facts.blocks).toEqual([
    { owner: 0, size: 72, guard: 8 },
    { owner: 2, size: 160, guard: 8 },
  ]);
  expect(result.facts.subprogs.map((subprog) => subprog.private)).toEqual([
    { block: 0, offset: 64, role: 'root' },
    null,
    { block: 1, offset: 152, role: 'root' },
  ]);
  expect(result.facts.subprogs[0]).toMatchObject({
    isSubprog: false,
    stackDepth: 56,
    exceptionBoundary: true,
    arena: null,
  });
});

test('an arena, and tail calls', () => {
  const { subprogs } = facts({
    arena_vm_start: '0xffffc900094e9000',
    arena_user_vm_start: '0x100000000',
    tail_calls: ['direct', 'indirect'],
    tail_call_reachable: true,
  }).facts;
  expect(subprogs[0]).toMatchObject({
    arena: { kernVmStart: 0xffffc900094e9000n, userVmStart: 0x100000000n },
    tailCalls: ['direct', 'indirect'],
    tailCallReachable: true,
  });
});

test('what may be absent', () => {
  const { priv_frame_ptr: _, arena_vm_start: __, ...rest } = FUNC;
  expect(factsFromRequest({ funcs: [rest] }).facts.subprogs[0]).toMatchObject({ private: null, arena: null });
});

describe('a wrong request names the field', () => {
  test.each<[request: unknown, message: string]>([
    [null, 'request: must be an object'],
    ['text', 'request: must be an object'],
    [[], 'request: must be an object'],
    [{}, 'funcs: must be a list of functions'],
    [{ funcs: [] }, 'funcs: must be a list of functions'],
    [{ funcs: {} }, 'funcs: must be a list of functions'],
    [{ funcs: [FUNC, 7] }, 'funcs[1]: must be an object'],
  ])('%j', (request, message) => {
    expect(() => factsFromRequest(request)).toThrow(message);
  });

  test.each<[field: string, value: unknown, problem: string]>([
    ['stack_depth', undefined, 'must be a whole number from 0 to 65535'],
    ['stack_depth', '8', 'must be a whole number from 0 to 65535'],
    ['stack_depth', -8, 'must be a whole number from 0 to 65535'],
    ['stack_depth', 1.5, 'must be a whole number from 0 to 65535'],
    ['stack_depth', 65536, 'must be a whole number from 0 to 65535'],
    ['is_subprog', undefined, 'must be true or false'],
    ['tail_call_reachable', 1, 'must be true or false'],
    ['exception_boundary', null, 'must be true or false'],
    ['exception_cb', 'false', 'must be true or false'],
    ['priv_frame_ptr', 4096, 'must be null or an address such as "0xffffc900094e9000"'],
    ['priv_frame_ptr', '60795baffc60', 'must be null or an address such as "0xffffc900094e9000"'],
    ['priv_frame_ptr', '0x11112222333344445', 'must be null or an address such as "0xffffc900094e9000"'],
    ['priv_frame_ptr', '0x3f', 'must be above the frame and its guard'],
    ['arena_vm_start', 'x', 'must be null or an address such as "0xffffc900094e9000"'],
    ['tail_calls', undefined, 'must be a list'],
  ])('%s: %j', (field, value, problem) => {
    expect(() => facts({ [field]: value })).toThrow(RequestError);
    expect(() => facts({ [field]: value })).toThrow(`funcs[0].${field}: ${problem}`);
  });

  test.each<[func: object, field: string]>([
    [{ arena_vm_start: '0x1000' }, 'funcs[0].arena_user_vm_start'],
    [{ arena_user_vm_start: '0x1000' }, 'funcs[0].arena_vm_start'],
    [{ tail_calls: ['direct', 'both'] }, 'funcs[0].tail_calls[1]'],
  ])('%j', (func, field) => {
    expect(() => facts(func)).toThrow(expect.objectContaining({ field }) as never);
  });
});
