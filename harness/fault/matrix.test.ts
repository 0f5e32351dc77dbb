import { beforeAll, describe, expect, test } from '@jest/globals';
import { faultsJson } from '../report';
import { FAULTS } from './catalogue';
import { explainFault } from './explain';
import { type Fault, fault } from './fault';
import { runFaults } from './index';
import { FaultJudge, judgeFault, problemOf } from './matrix';
import { type ShippedCase, shippedCases } from './shipped';
import { after, insn } from './streams';

const SLOW = 240_000;

let cases: ReadonlyMap<string, readonly ShippedCase[]>;
beforeAll(async () => {
  cases = await shippedCases(['specs']);
}, SLOW);

const judge = new FaultJudge();

describe('the shipped specs kill every mutant, by the check that has to', () => {
  test.each(FAULTS.map((each) => [each.id, each] as const))(
    '%s',
    (_, each) => {
      const result = judgeFault(each, cases, judge);
      expect(problemOf(each, result)).toBeNull();
      expect(result.row).toMatchObject({ fired: true, survived: false });
      expect(result.row.killedBy).toContain(each.check);
    },
    SLOW,
  );

  test('in the spec that the catalogue names: nobody has to look through all', () => {
    const elsewhere = FAULTS.filter(({ check }) => check !== 'bytes').filter((each) => {
      const known = (cases.get(each.policy) ?? []).filter(({ spec }) => spec.name === each.spec);
      return judgeFault(each, new Map([[each.policy, known]]), judge).row.spec !== each.spec;
    });
    expect(elsewhere.map(({ id }) => id)).toEqual([]);
  }, 60_000);
});

/** A mutant that somebody adds without a spec. */
const added = (rest: Partial<Fault>): Fault =>
  fault('F99', 'A fault of which no spec knows.', {
    ...{ check: 'retval', mutation: {}, sign: {}, spec: '' },
    ...rest,
  });

const NOP: Fault['mutation'] = {
  stream: after({ text: /^mov rbp, rsp$/, role: 'frame-setup', of: ({ insns }) => insns.length === 5 }, ({ site }) => [
    insn(site, 'nop1'),
  ]),
};

describe('a mutant that is not as it should be is told with its name, and what to do', () => {
  const few = (name: string) =>
    new Map([['linux-6.18', cases.get('linux-6.18')!.filter(({ spec }) => spec.name === name)]]);
  test.each<[what: string, fault: Fault, survived: boolean, problem: RegExp]>([
    ['never fired', added({}), true, /never fired: no shipped spec .* under linux-6\.18 .* Add a spec that does/],
    ['no bytes differ', added({ check: 'bytes' }), true, /never fired: no program that Linux 6\.18 compiled/],
    ['survived', added({ mutation: NOP }), true, /survived: no check finds anything\. Add the smallest spec/],
    [
      'another check',
      added({ mutation: FAULTS.find(({ id }) => id === 'F07')!.mutation }),
      false,
      /killed, but not by retval with its sign: call-target comes first: the call of sub goes elsewhere \(specs\/.*:\d+\)/,
    ],
    [
      'another sign',
      { ...FAULTS.find(({ id }) => id === 'F07')!, id: 'F99', sign: { subprog: /^nobody$/ } },
      false,
      /not by call-target with its sign/,
    ],
  ])('%s', (_, each, survived, problem) => {
    const result = judgeFault(each, few('nested call'), judge);
    expect(result.row).toMatchObject({ id: 'F99', survived, spec: null });
    expect(problemOf(each, result)).toMatch(/^F99 \(.*\)\n/);
    expect(problemOf(each, result)).toMatch(problem);
  });
});

test('the report counts, and as JSON has the keys that others read', async () => {
  const two = FAULTS.filter(({ id }) => id === 'F07' || id === 'F13');
  const matrix = await runFaults({ paths: ['specs/private-stack/nested-call.yaml'], faults: [...two, added({})] });
  const { rows, excluded, ...counts } = JSON.parse(faultsJson(matrix));
  expect(counts).toEqual({ mutants: 3, killed: 2 });
  expect(rows[0]).toEqual({
    ...{ id: 'F07', fired: true, named: 'call-target', spec: 'nested call', survived: false },
    killedBy: ['call-target', 'fault'],
  });
  expect(rows[1]).toMatchObject({ id: 'F13', killedBy: ['bytes'], spec: expect.stringMatching(/^capture /) });
  expect(Object.keys(excluded[0])).toEqual(['id', 'reason']);
  expect(matrix.problems).toHaveLength(1);
});

describe('a fault explained', () => {
  const explained = (id: string) => {
    const each = FAULTS.find((one) => one.id === id)!;
    return explainFault(each, judgeFault(each, cases, judge), judge);
  };
  const differing = (id: string) =>
    explained(id)
      .listing.filter(({ same }) => !same)
      .map(({ sound, mutant }) => [sound, mutant].map((text) => text?.replace(/^ *\w+ +\w+ +/, '') ?? null));

  test('a call that goes elsewhere', () => {
    expect(explained('F07')).toMatchObject({
      ...{ file: 'specs/private-stack/nested-call.yaml', of: 'main of prog', problem: null },
      finding: { check: 'call-target', replay: './scripts/privstack faults F07' },
    });
    expect(differing('F07')).toEqual([['call 0FFFFFFFFC0020050h', 'call 0FFFFFFFFC0020052h']]);
  });

  test('instructions that are missing, and that are others', () => {
    expect(differing('F11')).toEqual([['add r9,gs:[0FFFFFFFF83B0C028h]', null]]);
    expect(differing('F14.src')).toEqual([['mov rax,[r9-80h]', 'mov rax,[rbp-80h]']]);
  });

  test('bytes that only a capture shows', () => {
    expect(explained('F27')).toMatchObject({
      finding: null,
      of: expect.stringMatching(/^function \d+ of the capture /),
    });
    expect(differing('F27')).toEqual([['mov rsp,rbp', null]]);
  });

  test('what is around the code', () => {
    expect(explained('F30')).toMatchObject({ of: null, listing: [] });
  });
});
