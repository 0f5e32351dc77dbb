import { afterAll, expect, test } from '@jest/globals';
import { Folder, privstack } from './testing';

const folder = new Folder();
afterAll(() => folder.remove());

/** Takes long only when both processors are busy. */
const SLOW = 30_000;

test(
  'replay: figures and exit 0, or exit 3 with the reason',
  async () => {
    const { code, out, err } = await privstack(['replay', '--cases', '8', '--seed', '5', '--policy', 'linux-6.18']);
    if (code === 3) expect(err).toMatch(/^privstack: programs cannot be run on this computer's CPU: .+\n$/);
    else {
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(
        /^8 runs of 2 programs, \d+ functions, .*\nended: returned 8\n8 equal .*, 0 different; .* s\n$/,
      );
    }
  },
  SLOW,
);

test(
  'replay on another kind of CPU: exit 3, and which it is',
  async () => {
    const other = folder.write('other.js', "Object.defineProperty(process, 'arch', { value: 'arm64' });");
    const { code, out, err } = await privstack(['replay'], { env: { NODE_OPTIONS: `--require ${other}` } });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toBe(
      "privstack: programs cannot be run on this computer's CPU: only Linux on x86-64 can, and this is linux on arm64\n",
    );
  },
  SLOW,
);

test(
  'replay: wrong usage',
  async () => {
    const cases = ['--cases=0', '--seed=x', '--policy=subtre'];
    const outcomes = await Promise.all(cases.map((option) => privstack(['replay', option])));
    expect(outcomes.map(({ code }) => code)).toEqual([2, 2, 2]);
    expect(outcomes[0]!.err).toBe('privstack: --cases must be at least 1\n');
    expect(outcomes[2]!.err).toMatch(/^privstack: unknown policy `subtre`, expected kernel-stack, /);
  },
  SLOW,
);
