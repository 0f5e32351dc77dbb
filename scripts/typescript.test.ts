import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { ROOT } from './testing';

// A process of its own: Jest loads TypeScript in another way.
test('what a module exports, its own or of others, is a plain property', () => {
  const script = `
    require('./scripts/typescript');
    const exported = Object.entries(Object.getOwnPropertyDescriptors(require('./jit/index.ts')));
    console.log(JSON.stringify(exported.map(([name, { get }]) => [name, typeof get])));`;
  const kinds = new Map(JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' })));
  expect(kinds.get('compile')).toBe('undefined');
  expect(kinds.get('BPF_ADD')).toBe('undefined');
  expect(new Set(kinds.values())).toEqual(new Set(['undefined']));
});
