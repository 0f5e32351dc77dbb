import { expect, test } from '@jest/globals';
import { Emu, installCommand } from './index';

const found = (lib?: string) => () => Emu.library(lib);

test('a missing library says what was tried and how to install it', () => {
  expect(found('/nowhere/libunicorn.so')).toThrow(expect.objectContaining({ code: 'library-missing' }));
  expect(found('/nowhere/libunicorn.so')).toThrow('/nowhere/libunicorn.so');
  expect(found('/nowhere/libunicorn.so')).toThrow(installCommand);
  expect(found('/nowhere/libunicorn.so')).toThrow('UNICORN_LIB');
});

test('a file that is no libunicorn is bad, not missing', () => {
  expect(found(__filename)).toThrow(expect.objectContaining({ code: 'library-bad' }));
  expect(found('libm.so.6')).toThrow(
    expect.objectContaining({ code: 'library-bad', message: expect.stringContaining('uc_version') }),
  );
});

test('UNICORN_LIB is tried alone', () => {
  const before = process.env.UNICORN_LIB;
  process.env.UNICORN_LIB = '/nowhere/named';
  try {
    expect(found()).toThrow(
      expect.objectContaining({ code: 'library-missing', message: expect.not.stringContaining('so.2') }),
    );
  } finally {
    if (before === undefined) delete process.env.UNICORN_LIB;
    else process.env.UNICORN_LIB = before;
  }
  expect(found()).not.toThrow();
});
