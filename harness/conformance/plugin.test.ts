import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toHex } from '../../jit';
import { parsePluginInput } from './index';

const PROGRAM = 'b7 00 00 00 2a 00 00 00  95 00 00 00 00 00 00 00 \n';
const BYTES = PROGRAM.replace(/\s/g, '');

function input(args: readonly string[], stdin = PROGRAM) {
  const result = parsePluginInput(args, stdin);
  return result.ok ? { program: toHex(result.program), memory: toHex(result.memory), elf: result.elf } : result.error;
}

test.each([
  [[], ''],
  [[''], ''],
  [['aa  bb  ', ''], 'aabb'],
  [['--debug', 'aabb'], 'aabb'],
  [['--program', BYTES, 'aa'], 'aa'],
])('arguments %j', (args, memory) => {
  expect(input(args)).toEqual({ program: BYTES, memory, elf: false });
});

test.each([
  [['0'], PROGRAM, 'memory: odd number of hexadecimal digits (1)'],
  [['00', '11'], PROGRAM, 'unexpected argument 11: the memory is one argument'],
  [['--fast'], PROGRAM, 'unknown option --fast: there are --elf, --debug, --program'],
  [['--program'], PROGRAM, '--program needs the program in hexadecimal'],
  [[], 'b7 0x', 'program: `x` is not a hexadecimal digit'],
  [[], '\n', 'there is no program on standard input'],
  [['--elf'], PROGRAM, 'this is not an ELF file'],
])('%j with %j is an error', (args, stdin, error) => {
  expect(input(args, stdin)).toBe(error);
});

/** An object file: header, code at 0x40, section headers behind it. */
function elf(code: Uint8Array, change: (view: DataView) => void = () => {}): Uint8Array {
  const headers = 0x40 + code.length;
  const file = new Uint8Array(headers + 3 * 0x40);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(0x12, 247, true);
  view.setBigUint64(0x28, BigInt(headers), true);
  view.setUint16(0x3a, 0x40, true);
  view.setUint16(0x3c, 3, true);
  file.set(code, 0x40);
  const text = headers + 0x40;
  view.setUint32(text + 4, 1, true);
  view.setBigUint64(text + 8, 6n, true);
  view.setBigUint64(text + 0x18, 0x40n, true);
  view.setBigUint64(text + 0x20, BigInt(code.length), true);
  change(view);
  return file;
}

const CODE = Uint8Array.from(Buffer.from(BYTES, 'hex'));
const HEADERS = 0x40 + CODE.length;

describe('object files', () => {
  test('have their instructions in the first section with code', () => {
    expect(input(['--elf'], toHex(elf(CODE)))).toEqual({ program: BYTES, memory: '', elf: true });
  });

  const relocations = (view: DataView): void => {
    const at = HEADERS + 0x80;
    view.setUint32(at + 4, 9, true);
    view.setBigUint64(at + 0x20, 16n, true);
    view.setUint32(at + 0x2c, 1, true);
  };
  test.each<[string, (view: DataView) => void]>([
    ['for machine 62', (view) => view.setUint16(0x12, 62, true)],
    ['not 64-bit little endian', (view) => view.setUint8(5, 2)],
    ['section headers of the ELF file are outside', (view) => view.setBigUint64(0x28, 2n ** 60n, true)],
    ['instructions of the ELF file are outside', (view) => view.setBigUint64(HEADERS + 0x40 + 0x18, 9999n, true)],
    ['no section with instructions', (view) => view.setUint16(0x3c, 1, true)],
    ['needs relocation', relocations],
  ])('%s: an error', (message, change) => {
    expect(input(['--elf'], toHex(elf(CODE, change)))).toContain(message);
  });

  test('of any bytes give a result or an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), fc.nat(300), (bytes, at) => {
        const file = elf(CODE);
        file.set(bytes.subarray(0, Math.max(0, file.length - at)), Math.min(at, file.length));
        expect(typeof parsePluginInput(['--elf'], toHex(file)).ok).toBe('boolean');
      }),
    );
  });
});
