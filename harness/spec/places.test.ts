import { expect, test } from '@jest/globals';
import { parsePlace } from './places';
import { SubprogNames } from './subprogs';

const NAMES = new SubprogNames([
  ['prog', ['main', 'sub']],
  ['ext', ['main']],
]);
const sub = { program: 'prog', subprog: 'sub' };
const main = { program: 'prog', subprog: 'main' };

test.each([
  ['sub pc 2', { kind: 'pc', subprog: sub, pc: 2 }],
  ['  prog.main  pc 0 ', { kind: 'pc', subprog: main, pc: 0 }],
  ['after call bpf_throw in sub', { kind: 'after-call', callee: 'bpf_throw', subprog: sub }],
  ['after call 3 of sub in prog.main', { kind: 'after-call', callee: 'sub', nth: 3, subprog: main }],
  ['sub', { kind: 'subprog', subprog: sub }],
])('%s', (text, place) => {
  expect(parsePlace(text, NAMES)).toEqual({ ok: true, place });
});

test.each([
  ['sub at pc 2', '"sub at pc 2" is no place', undefined],
  ['after call 0 of x in sub', '"after call 0 of x in sub" is no place', undefined],
  ['sbu pc 2', 'unknown subprog `sbu`', 'sub'],
  ['main pc 2', 'several programs have a subprog `main`', undefined],
])('%s', (text, message, suggestion) => {
  const parsed = parsePlace(text, NAMES);
  expect(parsed).toMatchObject({ ok: false, message });
  if (!parsed.ok) expect(parsed.suggestion).toBe(suggestion);
});
