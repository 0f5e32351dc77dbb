import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Folder, type Outcome, privstack, ROOT } from './testing';

const folder = new Folder();
afterAll(() => folder.remove());

/** Takes long only when both processors are busy. */
const SLOW = 30_000;

/** A function as `privstack jit` prints it. */
interface Printed {
  readonly bytes: string;
  readonly relocs: readonly { readonly off: number; readonly size: number }[];
}

function printed(out: string): Printed[] {
  return out
    .split(/^func #/m)
    .slice(1)
    .map((text) => ({
      bytes: /^bytes: ([0-9a-f]*)$/m.exec(text)![1]!,
      relocs: [...text.matchAll(/^reloc: \+0x([0-9a-f]+) (\d) bytes/gm)].map(([, off, size]) => ({
        off: Number.parseInt(off!, 16),
        size: Number(size),
      })),
    }));
}

/** Bytes with what is relocated as dots. */
function masked({ bytes, relocs }: Printed): string {
  const digits = [...bytes];
  for (const { off, size } of relocs) digits.fill('.', 2 * off, 2 * (off + size));
  return digits.join('');
}

interface Capture {
  readonly name: string;
  readonly prog_type: string;
  readonly want: readonly Printed[];
}

const captured = (): Capture[] =>
  gunzipSync(readFileSync(join(ROOT, 'jit/testdata/kernel/captures.ndjson.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Capture);

describe('jit', () => {
  test(
    "assembly on the standard input: the kernel's bytes",
    async () => {
      const input = '*(u64 *)(r10 - 256) = 42; r0 = 0; exit';
      const { code, out, err } = await privstack(['jit', '--type', 'kprobe', '--policy', 'linux-6.18', '-'], { input });
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const [main, ...others] = printed(out);
      expect(others).toEqual([]);
      expect(masked(main!)).toBe(
        [
          '0f1f440000', // nop5
          '0f1f00', // nop3
          '55', // push rbp
          '4889e5', // mov rbp, rsp
          '49b9................', // movabs r9, block + 8 + 256
          '654c030c25........', // add r9, gs:[this_cpu_off]
          '49c78100ffffff2a000000', // mov qword ptr [r9-256], 42
          '31c0', // xor eax, eax
          'c9', // leave
          'e9........', // jmp its_return_thunk
        ].join(''),
      );
      expect(out).toContain('program prog: stack depth 256 max 256\n');
      expect(out).toMatch(/^func #0 main: 50 bytes, stack depth 256, private, block \+ 264$/m);
    },
    SLOW,
  );

  test.each([
    ['frame/KPROBE-depth-64', '*(u64 *)(r10 - 64) = 1; call bpf_ktime_get_ns; r0 = 0; exit'],
    ['frame/RAW_TRACEPOINT-depth-512', '*(u64 *)(r10 - 512) = 1\ncall bpf_ktime_get_ns\nr0 = 0\nexit\n'],
    [
      'frame/RAW_TRACEPOINT-depth-49',
      '// a byte\nmain:\n  *(u8 *)(r10 - 49) = 1\n  call bpf_ktime_get_ns # of a frame\n  r0 = 0\n  exit',
    ],
  ])(
    'a file: the bytes of capture %s',
    async (name, text) => {
      const capture = captured().find((each) => each.name === name)!;
      const file = folder.write('prog.asm', text);
      const { code, out } = await privstack(['jit', file, '--type', capture.prog_type.toLowerCase()]);
      expect(code).toBe(0);
      expect(printed(out).map(masked)).toEqual(capture.want.map(masked));
    },
    SLOW,
  );

  test(
    'hex, with spaces and comments',
    async () => {
      const file = folder.write('prog.hex', '# r0 = 0\nb7 00 00 00 00 00 00 00\n9500000000000000 // exit\n');
      const { code, out } = await privstack(['jit', file]);
      expect(code).toBe(0);
      expect(printed(out).map(masked)).toEqual(['0f1f4400000f1f00554889e531c0c9e9........']);
    },
    SLOW,
  );

  test(
    'a spec, as a file and on the standard input; what the verifier refuses is exit 1',
    async () => {
      const file = 'specs/private-stack/nested-call.yaml';
      const input = readFileSync(join(ROOT, file), 'utf8');
      const [asFile, asInput] = await Promise.all([privstack(['jit', file]), privstack(['jit', '-'], { input })]);
      expect(asFile!.code).toBe(0);
      expect(asFile!.out).toBe(asInput!.out);
      expect(printed(asFile!.out)).toHaveLength(2);
      const refused = await privstack(['jit', 'specs/private-stack/combined-stack.yaml', '--policy', 'kernel-stack']);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('refused: combined stack size of 2 calls is 544. Too large\n');
    },
    SLOW,
  );
});

describe('wrong usage is one line on the standard error, exit 2', () => {
  const FILE = 'specs/private-stack/single-program.yaml';
  const CASES: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['rnu'], /^privstack: unknown command 'rnu'\n\(Did you mean run\?\)\n$/],
    [['run', '--polcy', 'subtree'], /^privstack: unknown option '--polcy'\n\(Did you mean --policy\?\)\n$/],
    [['run', FILE, '--policy', 'subtre'], /^privstack: unknown policy `subtre`, expected kernel-stack, .*\n$/],
    [['run', FILE, '--policy'], /^privstack: option '-p, --policy <name>' argument missing\n$/],
    [['run', FILE, '--cpu', '2'], /^privstack: there is no CPU `2`, expected 0 or 1\n$/],
    [['run', FILE, '--cpu', '-1'], /^privstack: there is no CPU `-1`, expected 0 or 1\n$/],
    [['run', FILE, '--seed', '1e3'], /^privstack: `1e3` is not a number, .*\n$/],
    [['run', FILE, '-r', 'yaml'], /^privstack: unknown reporter `yaml`, expected text, json, junit, github\n$/],
    [['run', FILE, '-r', 'json='], /^privstack: no file after `json=`, expected `json=FILE`\n$/],
    [['run', FILE, '-r', 'text', '--json'], /^privstack: two reporters without a file: .*\n$/],
    [['run', FILE, '-t', 'no such name'], /^privstack: no spec has a name that contains `no such name`\n$/],
    [['jit'], /^privstack: which file\? .*\n$/],
    [['jit', '-', '--type', 'kprob'], /^privstack: unknown program type `kprob`, expected kprobe, .*\n$/],
    [['jit', '-', '-p', 'subtre'], /^privstack: unknown policy `subtre`, expected kernel-stack, .*\n$/],
    [['explain', 'frame-adress'], /^privstack: nothing has the id `frame-adress`: .*\n$/],
    [['schema', 'too', 'many'], /^privstack: too many arguments .*\n$/],
  ];
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    outcomes = await Promise.all(CASES.map(([args]) => privstack(args)));
  }, SLOW);

  test.each(CASES.map(([args], at) => [args.join(' '), at] as const))('%s', (_, at) => {
    const { code, out, err } = outcomes[at]!;
    expect(err).toMatch(CASES[at]![1]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

test(
  'schema prints a JSON Schema',
  async () => {
    const { code, out } = await privstack(['schema']);
    expect(code).toBe(0);
    const schema = JSON.parse(out) as { $schema: string; required: string[]; additionalProperties: boolean };
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.required).toEqual(['name', 'programs']);
    expect(schema.additionalProperties).toBe(false);
  },
  SLOW,
);

test(
  'doctor has a line for each thing, and exit 3 where libunicorn is missing',
  async () => {
    const { code, out } = await privstack(['doctor']);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.filter((line) => /^[✓✗] /.test(line)).map((line) => line.split(/ +/)[1])).toEqual([
      'Node',
      'compiler',
      'libunicorn',
      'Keystone',
      'bpf(2)',
      'kernel',
    ]);
    expect(out).toMatch(/^✓ Node +v\d+/m);
    expect(out).toMatch(/^✓ libunicorn +2\.\d+\.\d+, \S*libunicorn\S*$/m);
    const missing = await privstack(['doctor'], { env: { UNICORN_LIB: '/nonexistent' } });
    expect(missing.code).toBe(3);
    expect(missing.out).toMatch(/^✗ libunicorn +libunicorn was not found/m);
    expect(missing.out).toMatch(/^✓ Node /m);
  },
  SLOW,
);

test(
  'explain: one id, or all of them',
  async () => {
    const [one, all] = await Promise.all([privstack(['explain', 'frame-address']), privstack(['explain'])]);
    expect(one!.code).toBe(0);
    expect(one!.out).toMatch(/^frame-address +check: .*\n$/);
    expect(all!.out).toContain(one!.out);
    expect(all!.out).toMatch(/^linux-6\.18 +policy: block function, compute absolute, /m);
  },
  SLOW,
);

test(
  'help and version',
  async () => {
    const [help, version, nothing] = await Promise.all([['--help'], ['--version'], []].map((args) => privstack(args)));
    expect(help!.code).toBe(0);
    expect(help!.out).toMatch(/^Usage: privstack /);
    expect(version).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
    expect(nothing!.code).toBe(2);
    expect(nothing!.err).toMatch(/^Usage: privstack /);
  },
  SLOW,
);
