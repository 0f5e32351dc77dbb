import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { EVENT_KINDS } from './event-kinds';
import { jsonSchema, specSchema } from './schema';

type Json = { [key: string]: Json } & { type?: string; additionalProperties?: boolean | Json };

/** All objects inside a JSON value. */
const objects = (value: unknown): Json[] =>
  typeof value !== 'object' || value === null
    ? []
    : [...(Array.isArray(value) ? [] : [value as Json]), ...Object.values(value).flatMap(objects)];

test('the JSON Schema is strict throughout and names every key', () => {
  const schema = jsonSchema() as Json;
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(Object.keys(schema.properties!)).toEqual(Object.keys(specSchema.shape));
  for (const each of objects(schema)) {
    if (each.type === 'object') expect(each.additionalProperties).toBeDefined();
    if (each.properties) expect(each.additionalProperties).toBe(false);
  }
});

test('the JSON Schema says that a program has exactly one body', () => {
  const { programs } = (jsonSchema() as Json).properties as unknown as { programs: { additionalProperties: Json } };
  expect(programs.additionalProperties.oneOf).toHaveLength(5);
});

test('the JSON Schema takes and refuses what the zod schema does', () => {
  // zod reads its own JSON Schema back: if something could not be said there, the two would differ.
  const schema = jsonSchema() as Json;
  // What it does not read back is `required` on its own; the test above has that.
  for (const each of objects(schema)) delete each.oneOf;
  const back = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const good = parse(readFileSync(join(__dirname, 'testdata/nested-call.yaml'), 'utf8'));
  const change = (path: string, value: unknown): unknown => {
    const copy = structuredClone(good);
    const keys = path.split('.');
    const last = keys.pop()!;
    keys.reduce((at, key) => (at[key] ??= {}), copy)[last] = value;
    return copy;
  };
  const cases: [unknown, boolean][] = [
    [good, true],
    [change('cpus', [0, 1]), true],
    [change('cpus', [2]), false],
    [change('sweep', { seed: '1..4' }), true],
    [change('programs.prog.type', 'kprob'), false],
    [change('extra', 1), false],
    [change('expect.policies.unsaved.extra', 1), false],
    [change('scenarios', { a: { do: [{ run: 'prog' }] } }), true],
    [change('scenarios', { a: { do: [{ walk: 'prog' }] } }), false],
    [change('scenarios', { a: { do: [{ throw: '0x10', in: 'sub', call: 2 }, { fentry: 'sub' }] } }), true],
    [change('scenarios', { a: { do: [{ throw: 16 }] } }), false],
    [change('scenarios', { a: { do: [{ run: 'prog', with: 'ext' }] } }), false],
    [change('policies', 'all'), true],
    [change('policies', 'none'), false],
    [change('maps', { jmp: { prog_array: { 0: 'prog' }, entries: 4 } }), true],
    [change('claim', { id: 'C1' }), false],
    [change('context', '00 11'), true],
    [change('context', '0'), false],
    [change('policies', [{ name: 'p', block: 'none', preserve: { 'push-pop': ['helper'] } }]), true],
  ];
  for (const [value, valid] of cases) {
    expect(specSchema.safeParse(value).success).toBe(valid);
    expect(back.safeParse(value).success).toBe(valid);
  }
});

test('a kind of event is told by its first key', () => {
  for (const [key, { schema }] of Object.entries(EVENT_KINDS)) expect(Object.keys(schema.shape)[0]).toBe(key);
});
