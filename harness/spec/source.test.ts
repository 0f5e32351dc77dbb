import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSpecText } from './load';

/** The spec's source, and the text that is found at a position. */
function open(yaml: string) {
  const loaded = parseSpecText(yaml, 'x.yaml');
  expect(loaded.issues).toEqual([]);
  const { source } = loaded.specs[0]!;
  const lines = yaml.split(/\r?\n/);
  const after = ({ line, column }: { line: number; column: number }): string => lines[line - 1]!.slice(column - 1);
  return { source, after };
}

const PATH = ['programs', 'prog', 'asm'];

const spec = (body: string): string => `name: x\nprograms:\n  prog:\n    type: kprobe\n    asm: ${body}`;

test('keys and values have their own positions', () => {
  const { source, after } = open(spec('r0 = 0; exit\n'));
  expect(after(source.key(PATH))).toBe('asm: r0 = 0; exit');
  expect(after(source.value(PATH))).toBe('r0 = 0; exit');
  expect(after(source.value(['programs', 'prog', 'none', 'at', 'all']))).toBe('type: kprobe');
});

test('a literal block keeps its lines, wherever it is indented to and however lines end', () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  const line = fc.tuple(fc.integer({ min: 0, max: 5 }), word).map(([indent, text]) => ' '.repeat(indent) + text);
  fc.assert(
    fc.property(
      word,
      fc.array(fc.oneof(line, fc.constant('')), { maxLength: 8 }),
      fc.constantFrom('|', '|-', '|+', '|   # why'),
      fc.constantFrom('\n', '\r\n'),
      (first, rest, header, end) => {
        const body = [first, ...rest];
        const block = body.map((each) => (each === '' ? '' : `      ${each}`)).join('\n');
        const { source, after } = open(`${spec(header)}\n${block}\n`.replaceAll('\n', end));
        body.forEach((text, at) => {
          const column = text.search(/\S/) + 1;
          if (text !== '') expect(after(source.inText(PATH, at + 1, column))).toBe(text.trimStart());
        });
      },
    ),
  );
});

test.each([
  ['plain', 'r0 = 0; exit'],
  ['single quotes', "'r0 = 0; exit'"],
  ['double quotes', '"r0 = 0; exit"'],
])('text on one line: %s', (_, body) => {
  const { source, after } = open(`${spec(body)}\n`);
  expect(after(source.inText(PATH, 1, 9))).toMatch(/^exit/);
});

test.each([
  ['folded', '>\n      r0 = 0;\n      exit\n'],
  ['escaped', '"r0 = 0\\nexit"\n'],
])('text whose lines are not those of the file is cited where it begins: %s', (_, body) => {
  const { source } = open(spec(body));
  expect(source.inText(PATH, 1, 9)).toEqual(source.value(PATH));
});
