import { describe, expect, it } from '@jest/globals';
import { parseAsm } from '../../jit';
import { whyNotLoaded } from './loadable';

const CATCH = '.global catch\ncatch:\n  r0 = 1\n  exit\n';
const SUB = '.func sub\nsub:\n  r0 = 0\n  exit\n';
const THROW = 'r1 = 7\n  call bpf_throw\n  r0 = 0\n  exit\n';

function reason(text: string, callback: string | undefined): string | null {
  const parsed = parseAsm(text, { name: 'prog' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  const index = parsed.program.subprogs.findIndex(({ name }) => name === callback);
  return whyNotLoaded(parsed.program, index < 0 ? undefined : index);
}

describe('a program is handed to a kernel', () => {
  it.each([
    ['without an exception callback', `main:\n  if r1 == 0 goto +1\n  call sub\n  ${THROW}${SUB}`, undefined],
    [
      'with its callback right behind main',
      `main:\n  if r1 == 0 goto +1\n  call sub\n  ${THROW}${CATCH}${SUB}`,
      'catch',
    ],
    ['with its callback behind what is surely called', `main:\n  call sub\n  ${THROW}${SUB}${CATCH}`, 'catch'],
    [
      'with its callback behind what a surely called subprog calls',
      `main:\n  call sub\n  ${THROW}sub:\n  call more\n  r0 = 0\n  exit\nmore:\n  r0 = 0\n  exit\n${CATCH}`,
      'catch',
    ],
  ])('%s', (_, text, callback) => {
    expect(reason(text, callback)).toBeNull();
  });
});

describe('a program is not handed to a kernel with its callback', () => {
  it.each([
    ['behind a subprog that a branch decides on', `main:\n  if r1 == 0 goto +1\n  call sub\n  ${THROW}${SUB}${CATCH}`],
    ['behind a subprog that nobody calls', `main:\n  ${THROW}${SUB}${CATCH}`],
    [
      'behind a subprog that is called after a throw',
      `main:\n  r1 = 7\n  call bpf_throw\n  call sub\n  r0 = 0\n  exit\n${SUB}${CATCH}`,
    ],
    [
      'behind a subprog that is called after another that may not return',
      `main:\n  call first\n  call sub\n  ${THROW}first:\n  if r1 == 0 goto +2\n  r0 = 1\n  exit\n  r0 = 0\n  exit\n${SUB}${CATCH}`,
    ],
  ])('%s', (_, text) => {
    expect(reason(text, 'catch')).toMatch(/`catch` stands behind `sub`, .* NULL pointer .* expected/);
  });
});
