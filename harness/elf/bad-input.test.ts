import { describe, expect, test } from '@jest/globals';
import { issues, testdata, text } from './testing';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);

/** Offset in the file of a section's entry in the table of sections, by name. */
function entryOf(bytes: Uint8Array, wanted: string): number {
  const data = view(bytes);
  const table = Number(data.getBigUint64(0x28, true));
  const names = table + 64 * data.getUint16(0x3e, true);
  const strings = Number(data.getBigUint64(names + 0x18, true));
  for (let at = table; at < bytes.length; at += 64) {
    const start = strings + data.getUint32(at, true);
    if (new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start))) === wanted) return at;
  }
  throw new Error(`no section ${wanted}`);
}

/** Where the name of a section stands. */
function nameOf(bytes: Uint8Array, section: string): number {
  const data = view(bytes);
  const names = Number(data.getBigUint64(0x28, true)) + 64 * data.getUint16(0x3e, true);
  return Number(data.getBigUint64(names + 0x18, true)) + data.getUint32(entryOf(bytes, section), true);
}

const offsetOf = (bytes: Uint8Array, section: string): number =>
  Number(view(bytes).getBigUint64(entryOf(bytes, section) + 0x18, true));

/** An object with something done to it. */
const broken = (name: string, work: (bytes: Uint8Array, data: DataView) => void): Uint8Array => {
  const bytes = testdata(name);
  work(bytes, view(bytes));
  return bytes;
};

const put = (section: string, offset: number, value: number) => (bytes: Uint8Array, data: DataView) =>
  data.setUint32(offsetOf(bytes, section) + offset, value, true);

describe('what is no BPF object', () => {
  test.each([
    [
      'nothing',
      new Uint8Array(0),
      'the ELF header: not an ELF file, expected an object made by `clang -target bpf -c`',
    ],
    [
      'the beginning of one',
      testdata('chain').subarray(0, 30),
      'the ELF header: the file ends after 30 bytes, expected at least 64',
    ],
    [
      'an x86-64 object',
      broken('chain', (_, data) => data.setUint16(0x12, 62, true)),
      'the ELF header: the file is for x86-64, expected BPF (machine 247)',
    ],
    [
      'big endian',
      broken('chain', (_, data) => data.setUint8(5, 2)),
      'the ELF header: the file is not little endian, expected an object made by `clang -target bpfel`',
    ],
    [
      '32 bits',
      broken('chain', (_, data) => data.setUint8(4, 1)),
      'the ELF header: the file is not of class 64 bits, expected an object made by `clang -target bpf -c`',
    ],
    [
      'linked already',
      broken('chain', (_, data) => data.setUint16(0x10, 2, true)),
      'the ELF header: the file is of type 2, expected 1, an object that is not linked yet',
    ],
  ])('%s', (_, bytes, expected) => {
    expect(issues(bytes).map(text)).toEqual([expected]);
  });
});

test('every truncated object names what is missing', () => {
  const whole = testdata('programs');
  for (let size = 0; size < whole.length; size += 97) {
    const found = issues(whole.subarray(0, size));
    expect(found).toHaveLength(1);
    expect(found[0]!.place).not.toBe('');
  }
});

test.each([
  [
    'nix',
    'section nix: there is no such section of programs, expected fentry/do_nanosleep, tc, ?xdp, raw_tp/sys_enter',
  ],
  [
    'each',
    'section each: there is no such section of programs, expected fentry/do_nanosleep, tc, ?xdp, raw_tp/sys_enter',
  ],
])('a section or program `%s` that there is not', (section, expected) => {
  expect(issues(testdata('programs'), { section }).map(text)).toEqual([expected]);
});

describe('what is wrong inside', () => {
  const ON_SWITCH = 'tracepoint/sched/sched_switch';
  test.each<readonly [string, Uint8Array, string]>([
    ['an unknown instruction', broken('chain', put('.text', 0x10, 0xff)), 'section .text + 0x10: '],
    [
      'a call into a subprog',
      broken('chain', put('.text', 0x5c, 9)),
      'section .text + 0x58: refers to .text + 0xa8, where no subprog begins, expected a function of .text',
    ],
    [
      'half a load',
      broken('chain', put('.text', 0x20, 1)),
      'section .text + 0x20: reserved fields in the second half of ld_imm64 are not zero',
    ],
    [
      'a relocation in the middle',
      broken('chain', put(`.rel${ON_SWITCH}`, 0, 0x1c)),
      `section ${ON_SWITCH} + 0x1c: a relocation where no instruction begins`,
    ],
    [
      'a relocation of another type',
      broken('chain', put(`.rel${ON_SWITCH}`, 8, 3)),
      `section ${ON_SWITCH} + 0x18: relocation of type 3 to`,
    ],
    [
      'a symbol that there is not',
      broken('chain', put(`.rel${ON_SWITCH}`, 12, 999)),
      `section .rel${ON_SWITCH} + 0x0: symbol 999 of `,
    ],
    [
      'relocations with addends',
      broken('chain', (bytes, data) => data.setUint32(entryOf(bytes, '.rel.text') + 4, 4, true)),
      'section .rel.text + 0x0: relocations of .text with addends',
    ],
    [
      'BTF that is none',
      broken('chain', put('.BTF', 0, 0)),
      'section .BTF + 0x0: not BTF in little endian, expected 0xeb9f',
    ],
    [
      'a type of no kind',
      broken('chain', put('.BTF', 24 + 4, 0x1f000000)),
      'section .BTF, types + 0x0: type of kind 31',
    ],
    ['a name beyond the strings', broken('chain', put('.BTF', 24, 0xffffff)), 'section .BTF, strings + '],
    ['strings beyond the section', broken('chain', put('.BTF', 20, 0xffffff)), 'section .BTF + 0x'],
    [
      'records that are too short',
      broken('chain', (bytes, data) =>
        data.setUint32(
          offsetOf(bytes, '.BTF.ext') + 32 + data.getUint32(offsetOf(bytes, '.BTF.ext') + 16, true),
          4,
          true,
        ),
      ),
      'section .BTF.ext + 0x',
    ],
    [
      'a section of no type',
      broken('chain', (bytes) => bytes.set(new TextEncoder().encode('kprob_'), nameOf(bytes, 'kprobe/do_nanosleep'))),
      'section kprob_/do_nanosleep: the name says no type of programs, expected a program type, as `kprobe/NAME`',
    ],
  ])('%s', (_, bytes, expected) => {
    const found = issues(bytes).map(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toContain(expected);
  });
});
