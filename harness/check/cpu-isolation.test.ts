import { expect, test } from '@jest/globals';
import { asm, judge, scene, shown } from './testing';

const spec = (r9: string, cpus = '[0, 1]') =>
  asm(
    `
    main:
      *(u64 *)(r10 - 128) = 7
      call bpf_ktime_get_ns
      r0 = *(u64 *)(r10 - 128)
      exit`,
    `clobbers: { bpf_ktime_get_ns: [{ r9: "${r9}" }] }\ncpus: ${cpus}`,
  );

test.each([
  [0, 'fp(main, cpu 1)'],
  [1, 'fp(main, cpu 0)'],
  [0, 'fp(main, cpu 1) + 0x80000'], // not mapped,
])('CPU %i follows %s', (cpu, r9) => {
  const report = judge(spec(r9), 'unsaved', { cpu });
  expect(shown(report).slice(0, 2)).toEqual(['cpu-isolation main pc 2', 'frame-address main pc 2']);
  expect(report.findings[0]).toMatchObject({
    message: `a load of 8 bytes on CPU ${cpu} touches CPU ${1 - cpu}`,
    want: `memory of CPU ${cpu}`,
    culprit: expect.stringContaining('`call bpf_ktime_get_ns` at main pc 1'),
    yaml: { line: 10 },
  });
});

test('the stack of another CPU is none of its business either', () => {
  expect(shown(judge(spec('0xffffc90000203000'), 'unsaved'))[0]).toBe('cpu-isolation main pc 2');
});

test.each([0, 1])('its own memory is, on CPU %i', (cpu) => {
  expect(shown(judge(spec(`fp(main, cpu ${cpu})`), 'unsaved', { cpu }))).toEqual([]);
  expect(shown(judge(spec(`fp(main, cpu ${1 - cpu})`), 'linux-6.18', { cpu }))).toEqual([]);
});

test.each([0, 1])('CPU %i is interrupted, and the other one follows a pointer back', (cpu) => {
  const spec = scene(
    {
      prog: { tree: 'main 64\n  bpf_get_prandom_u32' },
      irq: { type: 'raw_tracepoint', tree: 'irq 64\n  bpf_ktime_get_ns' },
    },
    '{ interrupt: call 1 of bpf_get_prandom_u32, run: irq, cpu: other }, { run: prog }',
    `clobbers: { bpf_ktime_get_ns: [{ r9: "fp(irq, cpu ${cpu})" }] }`,
  );
  expect(judge(spec, 'unsaved', { cpu }).findings[0]).toMatchObject({
    check: 'cpu-isolation',
    subprog: 'irq',
    message: `a load of 8 bytes on CPU ${1 - cpu} touches CPU ${cpu}`,
    culprit: expect.stringContaining('`call bpf_ktime_get_ns` at irq'),
  });
});
