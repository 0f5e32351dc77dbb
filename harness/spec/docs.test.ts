import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { lowerSpec } from './lower';
import { CHECK_IDS, PROGRAM_TYPES } from './names';
import { specSchema } from './schema';

const TEXT = readFileSync(join(__dirname, '../../docs/spec-format.md'), 'utf8');

describe('docs/spec-format.md', () => {
  const examples = [...TEXT.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  test.each(examples.map((text) => [text.split('\n')[0]!, text]))('%s', (_, text) => {
    const { specs, issues } = parseSpecText(text, 'example.yaml');
    const lowered = specs.map((each) =>
      lowerSpec(each, { policies: ['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'] }),
    );
    expect([...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))].map(formatIssue)).toEqual([]);
    expect(specs).toHaveLength(1);
  });

  test('names every key, program type and check', () => {
    for (const name of [...Object.keys(specSchema.shape), ...PROGRAM_TYPES, ...CHECK_IDS])
      expect(TEXT).toContain(`\`${name}`);
  });
});
