import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { POLICIES } from '../jit';
import { Folder, privstack, ROOT } from './testing';

const folder = new Folder();
afterAll(() => folder.remove());

const SAMPLES = 'harness/matrix/testdata';
/** Takes long only when both processors are busy. */
const SLOW = 30_000;

describe('matrix', () => {
  test(
    'a table that fits into 120 columns, exit 0 when every verdict is as declared',
    async () => {
      const { code, out, err } = await privstack(['matrix', SAMPLES]);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const lines = out.trimEnd().split('\n');
      expect(lines.filter((line) => line.length > 120)).toEqual([]);
      const row = lines.find((line) => line.startsWith('E3.main'))!;
      expect(row.split(/ +/)).toEqual([
        ...['E3.main', 'holds', 'fails', 'holds', 'holds', 'fails', 'fails', 'holds'],
        ...['holds', 'fails', 'holds', 'holds', 'holds', 'holds'],
      ]);
      expect(lines.at(-1)).toBe('3 claims, 13 named policies: every verdict is the declared one');
    },
    SLOW,
  );

  test(
    'JSON: the contract',
    async () => {
      const { code, out } = await privstack(['matrix', '--json', SAMPLES]);
      expect(code).toBe(0);
      const { version, claims, costs } = JSON.parse(out);
      expect(version).toBe(1);
      for (const { policies } of claims)
        expect(Object.keys(policies)).toEqual(expect.arrayContaining(Object.keys(costs)));
      expect(Object.keys(costs)).toEqual(POLICIES.map(({ name }) => name));
      expect(claims[2]).toMatchObject({
        id: 'E3.main',
        policies: { 'linux-6.18': { verdict: 'fails', reason: null } },
      });
      expect(claims[2].policies['linux-6.18'].finding).toMatchObject({
        want: expect.any(String),
        replay: expect.any(String),
      });
    },
    SLOW,
  );

  test(
    'exit 1, and which, when one is not',
    async () => {
      const sample = readFileSync(join(ROOT, SAMPLES, 'helper.yaml'), 'utf8');
      const file = folder.write(
        'claim.yaml',
        sample.replace('unsaved: { fails: frame-address }', 'unsaved: { verdict: holds }'),
      );
      const { code, out } = await privstack(['matrix', file, '--policy', 'unsaved,linux-6.18']);
      expect(code).toBe(1);
      expect(out).toMatch(/^C2 +holds +fails!$/m);
      expect(out).toMatch(
        /^✗ a helper destroys r9 · plain · unsaved · cpu 0 .*\n {2}fails frame-address, declared holds$/m,
      );
      expect(out).toMatch(/\n2 claims, 2 named policies: 1 case not as declared\n$/);
    },
    SLOW,
  );

  test(
    '--designs: all combinations of choices',
    async () => {
      const [text, json] = await Promise.all([
        privstack(['matrix', '--designs', SAMPLES]),
        privstack(['matrix', '--designs', '--json', SAMPLES, '--claim', 'C2']),
      ]);
      expect({ code: text!.code, err: text!.err }).toEqual({ code: 0, err: '' });
      expect(text!.out).toMatch(
        /^\d+ designs: .*\n\d+ sound, \d+ of them with a private stack; \d+ broken\n\ncheapest per call: /,
      );
      const { claims, designs } = JSON.parse(json!.out);
      expect(claims.map(({ id }: { id: string }) => id)).toEqual(['C2']);
      const broken = designs.filter(({ sound }: { sound: boolean }) => !sound);
      expect(broken[0]).toMatchObject({ choices: { preserve: { kind: 'none' } }, broken: { claim: 'C2' } });
    },
    SLOW,
  );

  test.each([
    [['nowhere'], /^nowhere:1:1 {2}no such file or directory\n$/],
    [['specs/calls/memory.yaml'], /^specs\/calls\/memory\.yaml:2:1 {2}claim: is missing, expected .*$/m],
    [[SAMPLES, '--policy', 'subtre'], /^privstack: unknown policy `subtre`, expected kernel-stack, .*, inherited\n$/],
    [[SAMPLES, '--claim', 'C3'], /^privstack: unknown claim `C3`, expected C2, C10, E3\.main\n$/],
    [[SAMPLES, '--designs', '-p', 'subtree'], /^privstack: --designs tries all combinations: .*\n$/],
  ])(
    '%j: exit 2',
    async (args, says) => {
      const { code, out, err } = await privstack(['matrix', ...args]);
      expect(err).toMatch(says);
      expect({ code, out }).toEqual({ code: 2, out: '' });
    },
    SLOW,
  );
});
