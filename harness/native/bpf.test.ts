import { expect, test } from '@jest/globals';
import { addressOf, bpf, bpfAllowed } from './index';

const NO_SUCH_COMMAND = 0xffff;

test('bpf gives the negative errno of a refusal', () => {
  expect(bpf(NO_SUCH_COMMAND, new Uint8Array(128))).toBeLessThan(0);
});

test('whether BPF is allowed has a reason either way', () => {
  const { allowed, reason } = bpfAllowed();
  expect(reason).toMatch(allowed ? /accepted/ : /refused.*: E[A-Z]+$/);
});

test('addressOf follows the view into its buffer', () => {
  const bytes = new Uint8Array(64);
  expect(addressOf(bytes.subarray(16)) - addressOf(bytes)).toBe(16n);
});

test('wrong arguments are refused', () => {
  const bad = expect.objectContaining({ code: 'bad-argument' });
  expect(() => bpf(-1, new Uint8Array(8))).toThrow(bad);
  expect(() => bpf(0.5, new Uint8Array(8))).toThrow(bad);
  expect(() => bpf(5, new Uint8Array(1 << 20))).toThrow(bad);
  expect(() => bpf(5, 'attr' as unknown as Uint8Array)).toThrow(bad);
  expect(() => addressOf(new Uint16Array(1) as unknown as Uint8Array)).toThrow(bad);
});
