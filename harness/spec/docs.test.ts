import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readImage } from '../images';
import { EVENT_KINDS } from './event-kinds';
import type { ImageReader } from './image-body';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { lowerSpec } from './lower';
import { CHECK_IDS, PROGRAM_TYPES } from './names';
import { specSchema } from './schema';
import { mapSchema } from './schema-kernel';
import { programSchema } from './schema-program';
import { TREE_FLAGS } from './tree';
import { CALLBACK_HELPERS } from './tree-callbacks';

const TEXT = readFileSync(join(__dirname, '../../docs/spec-format.md'), 'utf8');

/** Captures that examples name are those of the repository. */
const KERNEL = join(__dirname, '..', '..', 'jit', 'testdata', 'kernel', 'spec.yaml');
const images: ImageReader = (_, file, name) => readImage(KERNEL, file, name);

describe('docs/spec-format.md', () => {
  const examples = [...TEXT.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  test.each(examples.map((text) => [text.split('\n')[0]!, text]))('%s', (_, text) => {
    const { specs, issues } = parseSpecText(text, 'example.yaml');
    const lowered = specs.map((each) =>
      lowerSpec(each, { policies: ['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'], images }),
    );
    expect([...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))].map(formatIssue)).toEqual([]);
    expect(specs).toHaveLength(1);
  });

  test('names every key, program type, flag and check', () => {
    const keys = [specSchema, programSchema, mapSchema].flatMap(({ shape }) => Object.keys(shape));
    for (const name of [...keys, ...PROGRAM_TYPES, ...CHECK_IDS, ...TREE_FLAGS]) expect(TEXT).toContain(`\`${name}`);
  });

  test('shows every kind of event and every helper that takes a callback', () => {
    for (const key of Object.keys(EVENT_KINDS)) expect(TEXT).toContain(`| \`{ ${key}: `);
    for (const key of Object.keys(CALLBACK_HELPERS)) expect(TEXT).toContain(`  ${key} `);
  });
});
