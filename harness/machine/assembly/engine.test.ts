import { expect, test } from '@jest/globals';
import { encodeOne, keystoneVersion, loadedVersion } from './engine';

test('the version that is installed is the one that runs', async () => {
  expect(await loadedVersion()).toBe(keystoneVersion());
  expect(keystoneVersion()).toMatch(/^\d+\.\d+\.\d+$/);
});

test('a trap is a value, and the next statement gets a new engine', async () => {
  const { exitCode } = process;
  expect(await encodeOne('mov rax, rbx\n'.repeat(20_000))).toEqual({ kind: 'trapped' });
  expect(process.exitCode).toBe(exitCode);
  expect(await encodeOne('nop')).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0x90) });
});

test('it is as wrong as we take it to be: numbers are hexadecimal, gs:[disp] counts from rip', async () => {
  expect(await encodeOne('mov al, 16')).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0xb0, 0x16) });
  expect(await encodeOne('add r9, qword ptr gs:[0x28]')).toEqual({
    kind: 'bytes',
    bytes: Uint8Array.of(0x65, 0x4c, 0x03, 0x0d, 0x20, 0, 0, 0),
  });
  expect(await encodeOne('endbr64')).toMatchObject({ kind: 'refused', reason: 'Invalid mnemonic' });
});

test('tens of thousands of statements leave nothing behind that matters', async () => {
  for (let at = 0; at < 20_000; at++) await encodeOne(`mov rax, qword ptr [rax + ${at}]`);
  expect(await encodeOne('ret')).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0xc3) });
});
