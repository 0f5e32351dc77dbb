import { expect, test } from '@jest/globals';
import { suggest } from './suggest';

const WORDS = ['exit', 'goto', 'gotol', 'call', 'bpf_ktime_get_ns', 'bpf_ktime_get_boot_ns'];

test.each([
  ['exti', 'exit'],
  ['exi', 'exit'],
  ['goot', 'goto'],
  ['gotol', 'gotol'],
  ['bpf_ktime_get_n', 'bpf_ktime_get_ns'],
  ['ktime_get_ns', 'bpf_ktime_get_ns'],
  ['x', undefined],
  ['frobnicate', undefined],
])('%s: %s', (name, meant) => {
  expect(suggest(name, WORDS)).toBe(meant);
});
