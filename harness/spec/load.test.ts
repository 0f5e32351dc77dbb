import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';

const FILE = 'bad.yaml';

/** The issues of a text, as `line:column  path: ...`. */
const issuesOf = (text: string): string[] =>
  parseSpecText(text, FILE).issues.map((each) => formatIssue(each).slice(FILE.length + 1));

const MINIMAL = 'name: x\nprograms: { prog: { type: kprobe, tree: main 8 } }\n';

test('the smallest spec loads', () => {
  const { specs, issues } = parseSpecText(MINIMAL, FILE);
  expect(issues).toEqual([]);
  expect(specs).toMatchObject([
    {
      file: FILE,
      position: { line: 1, column: 1 },
      spec: { name: 'x', programs: { prog: { type: 'kprobe', tree: 'main 8' } } },
    },
  ]);
});

test('one file may hold several specs, and a mistake in one does not hide another', () => {
  const { specs, issues } = parseSpecText(`${MINIMAL}---\nname: y\n---\n${MINIMAL.replace('x', 'z')}`, FILE);
  expect(specs.map(({ spec, position }) => `${spec.name} ${position.line}`)).toEqual(['x 1', 'z 6']);
  expect(issues.map(formatIssue)).toEqual(['bad.yaml:4:1  `programs` is missing, expected a mapping']);
});

describe('YAML that is no data', () => {
  test.each([
    ['empty', '', ['1:1  the file is empty, expected a spec']],
    ['only a comment', '# nothing\n', ['1:1  the file is empty, expected a spec']],
    ['text', 'hello\n', ['1:1  "hello", expected a mapping']],
    ['a list', '- name: x\n', ['1:1  a list, expected a mapping']],
    [
      'a syntax error',
      'name: x\nprograms: [\n  a: }\n',
      ['3:6  YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
    ['a tag', 'name: !thing x\n', ['1:7  YAML: Unresolved tag: !thing']],
    [
      'a key that stands twice',
      `${MINIMAL}cpus: [0]\nname: y\n`,
      ['4:1  name: the key `name` stands here twice; the first is at 1:1'],
    ],
    ['a key that is a list', `${MINIMAL}? [a]\n: 5\n`, ['3:3  a key that is no plain name, expected text']],
    ['a key of the prototype', `${MINIMAL}__proto__: {}\n`, ['3:1  a key that is no plain name, expected text']],
    [
      'a large number',
      `${MINIMAL}seed: 9007199254740993\n`,
      [
        '3:7  seed: the number 9007199254740993 is over 2^53 and YAML would round it, expected at most 2^53, or "9007199254740993" in quotes where 64 bits are taken',
      ],
    ],
    [
      'a large hexadecimal number',
      `${MINIMAL}expect: { retval: 0xffffffffffffffff }\n`,
      [
        '3:19  expect.retval: the number 0xffffffffffffffff is over 2^53 and YAML would round it, expected at most 2^53, or "0xffffffffffffffff" in quotes where 64 bits are taken',
      ],
    ],
    ['an unknown alias', 'name: *who\n', ['1:7  name: no anchor &who stands before this alias']],
    ['an alias that holds itself', 'name: &a [*a]\n', ['1:11  name[0]: the alias *a holds itself']],
    ['deep nesting', `name: ${'['.repeat(50_000)}`, ['1:1  the values are nested too deeply']],
  ])('%s', (_, text, issues) => {
    expect(issuesOf(text)).toEqual(issues);
  });

  test('aliases that multiply are stopped', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
      bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
    }
    const started = performance.now();
    expect(issuesOf(bomb.join('\n'))).toEqual([expect.stringContaining('more than 100000 values')]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('an alias is as good as what it stands for', () => {
    const { specs, issues } = parseSpecText(`${MINIMAL}helpers: { a: &body { returns: 5 }, b: *body }\n`, FILE);
    expect(issues).toEqual([]);
    expect(specs[0]!.spec.helpers).toEqual({ a: { returns: 5 }, b: { returns: 5 } });
  });

  test('a file that is something else entirely has a bounded number of issues', () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `key${at}: 1`).join('\n');
    const issues = issuesOf(lines);
    expect(issues).toHaveLength(51);
    expect(issues[50]).toBe('1:1  4952 more issues in this file');
  });
});

describe('data of another shape', () => {
  test.each([
    [
      'an unknown key',
      'polices: [x]',
      /^3:1 {2}polices: unknown key `polices`, expected name, .*\(did you mean `policies`\?\)$/,
    ],
    ['a wrong type', 'cpus: 0', /^3:7 {2}cpus: 0, expected a list$/],
    ['a wrong element', 'cpus: [0, 2]', /^3:11 {2}cpus\[1\]: 2, expected at most 1$/],
    ['an empty list', 'cpus: []', /^3:7 {2}cpus: a list, expected at least 1 entries$/],
    ['an empty value', 'scenarios: { a: }', /^3:17 {2}scenarios\.a: an empty value, expected a mapping$/],
    ['a fraction', 'seed: 1.5', /^3:7 {2}seed: 1\.5, expected a whole number$/],
    [
      'a wrong word',
      'expect: { verdict: hold }',
      /^3:20 {2}expect\.verdict: "hold", expected holds, fails, refused or not-applicable \(did you mean `holds`\?\)$/,
    ],
    ['an unknown check', 'expect: { fails: frame-adress }', /^3:18 .*\(did you mean `frame-address`\?\)$/],
    [
      'an unknown register',
      'expect: { fails: fault, regs: { r16: 5 } }',
      /^3:33 {2}expect\.fails|^3:33 {2}expect\.regs\.r16: unknown key `r16`/,
    ],
    [
      'no hexadecimal digits',
      'context: "xyz"',
      /^3:10 {2}context: "xyz", expected pairs of hexadecimal digits, spaces allowed$/,
    ],
    [
      'neither number nor text',
      'context: [1]',
      /^3:10 {2}context: a list, expected a number or hexadecimal digits in quotes$/,
    ],
    [
      'bytes that YAML took for a number',
      'expect: { memory: { ctx: 00 } }',
      /^3:26 {2}expect\.memory\.ctx: 0, expected hexadecimal digits in quotes$/,
    ],
    [
      'an inline policy',
      'policies: [{ name: p, block: some, calback: skip }]',
      /^3:30 {2}policies\[0\]\.block: "some", expected none, function or subtree$/,
    ],
    [
      'an inline policy without a name',
      'policies: [{ block: none }]',
      /^3:12 {2}policies\[0\]: `name` is missing, expected text$/,
    ],
    [
      'kinds of calls',
      'policies: [{ name: p, block: none, preserve: { push-pop: [all] } }]',
      /^3:59 {2}policies\[0\]\.preserve\.push-pop\[0\]: "all", expected subprog, helper, kfunc or throw$/,
    ],
    [
      'a callee-saved register',
      'clobbers: { f: [{ rbx: 1 }] }',
      /^3:19 {2}clobbers\.f\[0\]\.rbx: rbx is callee-saved: a helper keeps it, expected call, /,
    ],
    [
      'a call that is no range',
      'clobbers: { f: [{ call: x }] }',
      /^3:25 {2}clobbers\.f\[0\]\.call: "x", expected n, "n\.\." or "a\.\.b"$/,
    ],
    [
      'an unknown event',
      'scenarios: { s: { do: [{ rn: prog }] } }',
      /^3:24 {2}scenarios\.s\.do\[0\]: unknown event `rn`, expected replace, fentry, .*, fire or run \(did you mean `run`\?\)$/,
    ],
    [
      'an event that says nothing',
      'scenarios: { s: { do: [{}] } }',
      /^3:24 {2}scenarios\.s\.do\[0\]: an empty mapping, expected replace, .* or run$/,
    ],
    [
      'an event with more than it takes',
      'scenarios: { s: { do: [{ run: prog, twice: 1 }] } }',
      /^3:37 {2}scenarios\.s\.do\[0\]\.twice: unknown key `twice`, expected run, cpu or times$/,
    ],
  ])('%s', (_, line, issue) => {
    expect(issuesOf(`${MINIMAL}${line}\n`)[0]).toMatch(issue);
  });

  test('a missing key is told where it is missing', () => {
    expect(issuesOf('name: x\nprograms:\n  prog:\n    tree: main 8\n')).toEqual([
      expect.stringMatching(/^4:5 {2}programs\.prog: `type` is missing, expected one of kprobe, /),
    ]);
  });

  test('no issue says just that the input is invalid', () => {
    const values = ['5', 'text', '[]', '[1]', '{}', '{ a: 1 }', '~', '1.5', 'true', '[[]]', '[{}]', '{ a: [{}] }'];
    const keys =
      'name description claims policies cpus seed programs helpers kfuncs clobbers maps context scenarios sweep expect';
    for (const key of keys.split(' ')) {
      for (const value of values) {
        const text = MINIMAL.split('\n')
          .filter((line) => !line.startsWith(`${key}:`))
          .join('\n');
        for (const issue of issuesOf(`${text}${key}: ${value}\n`)) {
          expect(issue).not.toMatch(/Invalid|undefined|\bnull\b/);
          expect(issue).toMatch(/^3:|^2:/);
        }
      }
    }
  });
});
