import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { lowerSpec } from './lower';

const PROGRAMS = `name: x
programs:
  prog:
    type: tracepoint
    async_callbacks: [later]
    exception_callback: catch
    asm: |
      .global first
      .global catch
      .func later
      main:
        r1 = 5 ll
      again:
        call bpf_ktime_get_ns
        call first
        exit
      first:
        call bpf_throw
        r0 = 0
        exit
      catch:
        r0 = r1
        exit
      later:
        call bpf_ktime_get_ns
        r0 = 0
        exit
  ext: { type: ext, asm: "ext_main: r0 = 0; exit", aware_of: prog.first }
  tracer: { type: tracing, asm: "trace_main: r0 = 0; exit" }
  changer: { type: tracing, attach_type: modify_return, asm: "change_main: r0 = 0; exit" }
`;

/** The events of a scenario, without their positions; or what is wrong, without file and path. */
function events(text: string): unknown {
  const { specs, issues } = parseSpecText(`${PROGRAMS}scenarios: { s: { do: [${text}] } }\n`, 'x.yaml');
  const lowered = specs.map((each) => lowerSpec(each, { policies: ['subtree'] }));
  const all = [...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))];
  if (all.length > 0) return all.map((each) => formatIssue(each).replace(/^x\.yaml:\d+:\d+ {2}/, ''));
  const [spec] = lowered.flatMap((each) => (each.ok ? each.value : []));
  return spec!.cases[0]!.scenario.events.map(({ position: _, ...rest }) => rest);
}

const main = { program: 'prog', subprog: 'main' };
const first = { program: 'prog', subprog: 'first' };
const later = { program: 'prog', subprog: 'later' };
const runs = { kind: 'run', program: 'prog', times: 1 };

describe('events', () => {
  test.each<[string, unknown[]]>([
    ['{ run: ext, cpu: 1, times: 3 }', [{ kind: 'run', program: 'ext', cpu: 1, times: 3 }]],
    ['{ fire: prog.later }', [{ kind: 'fire', callback: later }]],
    ['{ fire: later, cpu: 0 }', [{ kind: 'fire', callback: later, cpu: 0 }]],
    ['{ replace: prog.first, with: ext }', [{ kind: 'replace', target: first, extension: 'ext' }, runs]],
    [
      '{ replace: first, with: ext, at: call of bpf_ktime_get_ns }',
      [{ kind: 'replace', target: first, extension: 'ext', at: { kind: 'call', callee: 'bpf_ktime_get_ns' } }, runs],
    ],
    ['{ fentry: prog.main }', [{ kind: 'fentry', target: main }, runs]],
    ['{ fexit: first, run: tracer }', [{ kind: 'fexit', target: first, program: 'tracer' }, runs]],
    [
      '{ interrupt: main pc 2, run: prog }, { run: prog, times: 2 }',
      [
        {
          kind: 'interrupt',
          at: { kind: 'pc', subprog: main, pc: 2 },
          by: { kind: 'run', program: 'prog' },
          cpu: 'same',
          guard: 'kernel',
        },
        { ...runs, times: 2 },
      ],
    ],
    [
      '{ interrupt: every instruction of main, fire: later, cpu: other, guard: none }, { fire: later }',
      [
        {
          kind: 'interrupt',
          at: { kind: 'every', subprog: main },
          by: { kind: 'fire', callback: later },
          cpu: 'other',
          guard: 'none',
        },
        { kind: 'fire', callback: later },
      ],
    ],
  ])('%s', (text, lowered) => {
    expect(events(text)).toEqual(lowered);
  });

  test.each<[string, string]>([
    ['{ run: prg }', '.run: unknown program `prg`, expected prog, ext, tracer or changer (did you mean `prog`?)'],
    ['{ run: prog, with: ext }', '.with: unknown key `with`, expected run, cpu or times'],
    ['{ throw: 16 }', ': `in` is missing, expected text'],
    ['{ fire: first }', '.fire: first is no async callback of prog, expected later'],
    [
      '{ fire: nobody }',
      '.fire: unknown subprog `nobody`, expected main, first, catch, later, ext_main, trace_main or change_main',
    ],
    [
      '{ replace: later, with: ext }',
      '.replace: later is not a global function, expected a subprog that is declared global',
    ],
    [
      '{ replace: main, with: ext }',
      '.replace: main is not a global function, expected a subprog that is declared global',
    ],
    ['{ replace: catch, with: ext }', '.replace: programs cannot attach to exception callback'],
    ['{ fentry: catch }', '.fentry: programs cannot attach to exception callback'],
    ['{ fexit: prog.catch, run: tracer }', '.fexit: programs cannot attach to exception callback'],
    ['{ fexit: trace_main, run: tracer }', '.fexit: tracer cannot attach to itself'],
    ['{ fentry: ext_main, run: prog }', '.run: `prog` is a program of type tracepoint, expected one of type tracing'],
    ['{ replace: first, with: tracer }', '.with: `tracer` is a program of type tracing, expected one of type ext'],
    ['{ fentry: first, run: changer }', ".run: can't modify return codes of BPF program"],
    ['{ interrupt: main pc 0 }', ': nothing runs meanwhile, expected `run: program` or `fire: callback`'],
    [
      '{ interrupt: main pc 0, run: prog, fire: later }',
      ': `run` and `fire` together, expected `run: program` or `fire: callback`',
    ],
    ['{ interrupt: main pc 0, run: nobody }', '.run: unknown program `nobody`, expected prog, ext, tracer or changer'],
    [
      '{ interrupt: main pc 1, run: prog }',
      '.interrupt: no instruction at pc 1 of main, expected the start of an instruction, 0 to 4',
    ],
  ])('%s', (text, issue) => {
    expect(events(text)).toEqual([`scenarios.s.do[0]${issue}`]);
  });
});

describe('points', () => {
  test.each<[string, unknown]>([
    ['call of bpf_throw', { kind: 'call', callee: 'bpf_throw' }],
    ['call 2  of bpf_ktime_get_ns in prog.main', { kind: 'call', callee: 'bpf_ktime_get_ns', nth: 2, subprog: main }],
    ['main pc 2', { kind: 'pc', subprog: main, pc: 2 }],
    ['prog.main label again', { kind: 'pc', subprog: main, pc: 2 }],
    ['instruction 5 of prog.main', { kind: 'instruction', subprog: main, index: 5 }],
    ['between push and call 2 of main', { kind: 'role', subprog: main, role: 'call', nth: 2 }],
    ['before call of prog.first', { kind: 'role', subprog: first, role: 'call', nth: 1 }],
    ['before the frame pointer of main', { kind: 'role', subprog: main, role: 'frame-pointer', nth: 1 }],
    ['epilogue of main', { kind: 'role', subprog: main, role: 'epilogue', nth: 1 }],
    ['every instruction of main', { kind: 'every', subprog: main }],
  ])('%s', (text, at) => {
    expect(events(`{ interrupt: ${text}, run: prog }`)).toEqual([expect.objectContaining({ at }), runs]);
  });

  test.each<[string, string]>([
    ['main at pc 2', '"main at pc 2" is no point of a run, expected `call 2 of bpf_ktime_get_ns in prog.main`, '],
    ['call of bpf_ktime_get_n', 'no program calls bpf_ktime_get_n, expected bpf_ktime_get_ns or bpf_throw (did you'],
    ['call of bpf_throw in main', 'main does not call bpf_throw, expected bpf_ktime_get_ns'],
    ['call of first', 'no program calls first, expected bpf_ktime_get_ns or bpf_throw'],
    ['main label agian', 'main has no label `agian`, expected again (did you mean `again`?)'],
    ['first label again', 'first has no label `again`, expected a label in its assembly'],
    ['before call 3 of main', 'main makes 2 calls, expected call 1 to 2'],
    ['before call of catch', 'catch makes no calls'],
    ['epilogue of mian', 'unknown subprog `mian`, expected'],
  ])('%s', (text, issue) => {
    expect(events(`{ interrupt: ${text}, run: prog }`)).toEqual([expect.stringContaining(issue)]);
  });
});
