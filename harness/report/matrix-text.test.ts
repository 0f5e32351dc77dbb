import { describe, expect, test } from '@jest/globals';
import { stackedTable } from './columns';
import { cheapest, designsText } from './designs-text';
import { designsJson, matrixJson } from './matrix-json';
import type { ClaimVerdict, Cost, DesignRow, Matrix, PolicyCosts, Size } from './matrix-model';
import { matrixText } from './matrix-text';
import { finding as aFinding, failed } from './testing';

const size = (bytes: number, insns = bytes): Size => ({ bytes, insns });
const cost = (bytes: number): Cost => ({ ...size(20 + bytes), added: size(bytes) });

/** Costs of a policy: bytes a call, in its prologue, and in total. */
const costs = (policy: string, call = 0, prologue = 0, total = 0): PolicyCosts => ({
  policy,
  ...{ prologue: cost(prologue), epilogue: cost(0), callback: cost(0), access: size(0), total: cost(total) },
  ...{ inner: { prologue: cost(0), epilogue: cost(0) }, boundary: { prologue: cost(0), epilogue: cost(0) } },
  call: { subprog: size(0), helper: size(call), kfunc: size(0), throw: size(0) },
});

const verdict = (policy: string, rest: Partial<ClaimVerdict> = {}): ClaimVerdict => ({
  ...{ policy, verdict: 'holds', reason: null, finding: null, asDeclared: true },
  ...rest,
});

const MATRIX: Matrix = {
  policies: ['linux-6.18', 'unsaved'],
  claims: [
    {
      ...{
        id: 'C1',
        statement: 'Something is lost.',
        property: 'it is there',
        source: { message: 'm', claim: 'said' },
      },
      named: [
        verdict('linux-6.18', { verdict: 'not-applicable', reason: 'it wraps' }),
        verdict('unsaved', { verdict: 'fails', finding: aFinding({ check: 'guards', message: 'gone' }) }),
      ],
      own: [verdict('mine', { asDeclared: false })],
    },
  ],
  deviating: [],
  costs: [costs('linux-6.18', 4, 12, 40)],
};

describe('claims by policies', () => {
  const text = (long: boolean, matrix = MATRIX) => matrixText(matrix, { color: false, long }).split('\n');

  test('the table: headings broken at hyphens, a mark where another verdict is declared', () => {
    expect(text(false).slice(0, 3)).toEqual(['       linux', 'claim  6.18   unsaved', 'C1     -      fails']);
    const [claim] = MATRIX.claims;
    const wrong = {
      ...MATRIX,
      claims: [{ ...claim!, named: [verdict('linux-6.18', { asDeclared: false }), verdict('unsaved')] }],
    };
    expect(text(false, wrong)[2]).toBe('C1     holds!  holds');
  });

  test('statements, and policies that claims write out', () => {
    const lines = text(false);
    expect(lines).toContain('C1       Something is lost.');
    expect(lines).toContain('         written out there: mine holds!');
    expect(lines.join('\n')).not.toContain('said');
  });

  test('--long: property, source, findings with the command, reasons', () => {
    const lines = text(true);
    for (const line of ['property: it is there', 'source: m: said', 'linux-6.18: it wraps'])
      expect(lines).toContain(`         ${line}`);
    expect(lines.join('\n')).toMatch(/ {9}unsaved fails: guards: gone.*\n {11}\.\/scripts\/privstack run/s);
  });

  test('what is not as declared, with a command', () => {
    const deviating = [failed({ findings: [aFinding({ check: 'guards' })] })];
    const lines = text(false, { ...MATRIX, deviating });
    expect(lines.join('\n')).toContain('fails guards, declared holds');
    expect(lines.at(-2)).toBe('1 claim, 2 named policies: 1 case not as declared');
    expect(text(false).at(-2)).toBe('1 claim, 2 named policies: every verdict is the declared one');
  });

  test('text from specs moves no cursor', () => {
    const evil = { ...MATRIX.claims[0]!, id: 'C\x1b[2J', statement: 'a\x1b[0m' };
    expect(text(true, { ...MATRIX, claims: [evil] }).join('')).not.toContain('\x1b');
  });

  test('JSON', () => {
    const { version, claims, costs } = JSON.parse(matrixJson(MATRIX));
    expect(version).toBe(1);
    expect(Object.keys(claims[0])).toEqual(['id', 'statement', 'property', 'source', 'policies']);
    expect(Object.keys(claims[0].policies)).toEqual(['linux-6.18', 'unsaved', 'mine']);
    expect(claims[0].policies['linux-6.18']).toEqual({
      verdict: 'not-applicable',
      asDeclared: true,
      reason: 'it wraps',
      finding: null,
    });
    expect(claims[0].policies.unsaved.finding).toMatchObject({ check: 'guards', message: 'gone' });
    expect(costs['linux-6.18']).toMatchObject({
      prologue: { bytes: 32, added: { bytes: 12 } },
      call: { helper: { bytes: 4 } },
    });
    expect(costs['linux-6.18'].epilogue).toMatchObject({ bytes: 20 });
  });
});

test('headings stand at the bottom of their lines', () => {
  expect(stackedTable(['a', 'b-c', 'd-e-f'], [['1', '22', '3']])).toEqual([
    '       d',
    '   b   e',
    'a  c   f',
    '1  22  3',
  ]);
});

const design = (name: string, rest: Partial<DesignRow> = {}): DesignRow => ({
  ...{ name, isPrivate: true, judged: 1, broken: null, costs: costs(name) },
  choices: { block: 'function', compute: 'absolute', preserve: { kind: 'none' }, boundary: 'none', callback: 'no-pop' },
  ...rest,
});

describe('designs', () => {
  const broken = { claim: 'C2', scenario: 'plain', finding: aFinding({ check: 'guards' }) };
  const designs = [
    design('control', { isPrivate: false }),
    design('b', { costs: costs('b', 4, 10, 20) }),
    design('a', { costs: costs('a', 4, 10, 20) }),
    design('c', { costs: costs('c', 2, 12, 30) }),
    design('d', { costs: costs('d', 2, 11, 31) }),
    design('broken', { broken }),
  ];
  const claims = ['C1', 'C2'].map((id) => ({ id, statement: `${id} is said.` }));
  const hopeless: string[] = [];
  const text = designsText({ claims, hopeless, designs });

  test('how many, and what breaks them', () => {
    expect(text).toContain('6 designs: ');
    expect(text).toContain('\n5 sound, 4 of them with a private stack; 1 broken\n');
    expect(text).toMatch(/broken first by, how many\n {2}C2 {2}1 {2}C2 is said\.\n$/);
    expect(text).not.toContain('C1');
  });

  test('a claim that no design survives is named', () => {
    expect(text).not.toContain('survives');
    expect(designsText({ claims, hopeless: ['C1'], designs })).toMatch(/\nno design .* survives, .* broken by: C1\n/);
  });

  test('the cheapest per call, by prologue and epilogue where calls are equal; the cheapest in total, and its equals', () => {
    expect(text).toContain('\ncheapest per call: d\n');
    expect(text).toMatch(/\ncheapest in total: b\n.*\n {2}as cheap: a\n/);
    expect(cheapest([], [])).toEqual([]);
  });

  test('--long lists them all', () => {
    expect(designsText({ claims, hopeless, designs }, { long: true })).toMatch(
      /\nsound:\n {2}control\n {2}b\n {2}a\n {2}c\n {2}d\n\nbroken by C2:\n {2}broken {2}guards, plain\n$/,
    );
  });

  test('JSON', () => {
    const { designs: rows } = JSON.parse(designsJson({ claims, hopeless, designs }));
    expect(rows).toHaveLength(6);
    expect(rows[5]).toMatchObject({
      name: 'broken',
      sound: false,
      broken: { claim: 'C2', finding: { check: 'guards' } },
    });
    expect(rows[0]).toMatchObject({ sound: true, private: false, broken: null, claims: 1 });
  });
});
