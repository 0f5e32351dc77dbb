import { describe, expect, test } from '@jest/globals';
import { loadProgram, type Program, type ProgramType, parseAsm } from '../../jit';
import { captureOf, captureType, type LocatedCapture } from '../capture/capture';
import { importCapture, importFailed } from '../import-captures';
import { captureById, captureLive } from './capture-live';
import { generate } from './generate';
import { loadLive } from './live-program';
import { measureMachine } from './measure';
import { permission } from './permission';
import { programInfo } from './program-info';
import { restore } from './restore';

const reason = permission();
const asked = reason === null ? describe : describe.skip;

const parsed = (text: string): Program => {
  const result = parseAsm(text, { name: 'prog' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.program;
};

const SOCKET = '*(u64 *)(r10 - 8) = 7\ncall bpf_ktime_get_ns\nr0 = *(u64 *)(r10 - 8)\nexit';
const SYSCALL = `r6 = r1
r0 = *(u64 *)(r6 + 0)
r0 += 5
*(u64 *)(r6 + 8) = r0
call sub
exit
sub:
*(u64 *)(r10 - 72) = 4
call bpf_get_prandom_u32
r0 = *(u64 *)(r10 - 72)
exit`;
const RAW = `r6 = r1
r1 = *(u64 *)(r6 + 0)
*(u64 *)(r10 - 64) = r1
call bpf_ktime_get_ns
call sub
r1 = *(u64 *)(r10 - 64)
r0 += r1
exit
sub:
*(u64 *)(r10 - 128) = 3
call bpf_get_prandom_u32
r0 = *(u64 *)(r10 - 128)
exit`;
const MAPS = `r6 = 1
r2 = map[programs] ll
r3 = 1
call bpf_tail_call
r1 = map[data][0]+8 ll
r0 = *(u64 *)(r1 + 0)
r0 += r6
exit`;
const THROWS = '*(u64 *)(r10 - 64) = 1\nr6 = 5\nr1 = 3\ncall bpf_throw\nexit';
const MAY_GOTO = '*(u64 *)(r10 - 64) = 1\nr0 = 0\nl: may_goto end\nr0 += 1\ngoto l\nend: exit';

asked(`the running kernel's code${reason === null ? '' : ` (${reason})`}`, () => {
  const machine = reason === null ? measureMachine() : null;
  const located = (capture: object): LocatedCapture => {
    // As it is read from a file.
    const read = captureOf(JSON.parse(JSON.stringify(capture)));
    return { capture: read, type: captureType(read.prog_type), file: 'live', line: 1, machine: machine! };
  };
  const context = Uint8Array.from({ length: 64 }, (_, i) => i * 7 + 1);
  const captured = (type: ProgramType, text: string) =>
    captureLive({ name: 'live', program: parsed(text), type }, [context], 0x138);

  test.each<[ProgramType, string, number]>([
    ['socket_filter', SOCKET, 1],
    ['syscall', SYSCALL, 2],
    ['raw_tracepoint', RAW, 2],
  ])('a %s program does in the emulator what its test run did', (type, text, functions) => {
    const { capture, notRun } = captured(type, text);
    expect([notRun, capture.want.length]).toEqual([null, functions]);
    const imported = importCapture(located(capture));
    expect(imported.runs).toMatchObject([{ same: true, result: { findings: [] } }]);
    if (type === 'raw_tracepoint')
      expect(capture.request.funcs.every((each) => each.priv_frame_ptr !== null)).toBe(true);
  });

  test('maps and empty slots of programs are where the code expects them', () => {
    const { capture, notRun } = captured('socket_filter', MAPS);
    expect(notRun).toBeNull();
    expect(capture.maps!.map(({ type, pointer, value }) => [type, pointer !== null, value !== null])).toEqual([
      ['prog_array', true, true],
      ['array', false, true],
    ]);
    expect(capture.request.funcs[0]!.tail_calls).toEqual(['direct']);
    expect(importCapture(located(capture)).runs).toMatchObject([{ same: true, result: { retval: 1, findings: [] } }]);
  });

  test.each<[string, ProgramType, string, string]>([
    ['throws out of a private frame', 'tracepoint', THROWS, 'no test run'],
    ['has may_goto in a private frame', 'raw_tracepoint', MAY_GOTO, 'it has may_goto and a private frame'],
    ['reads a packet', 'socket_filter', 'r0 = *(u32 *)(r1 + 0)\nexit', 'it reads its context'],
    ['writes to a log', 'raw_tracepoint', 'r1 = 0\nr2 = 0\ncall bpf_trace_printk\nexit', 'refused'],
    ['depends on chance', 'raw_tracepoint', 'call bpf_get_prandom_u32\nexit', 'not the same each time'],
  ])('does not run what %s', (_, type, text, why) => {
    let said: string | null;
    try {
      said = captured(type, text).notRun;
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).toContain(why);
  });

  test('says where the callback is that it adds to a program that throws, and ours is the same size', () => {
    const { capture } = captured('tracepoint', THROWS);
    expect(capture.request.default_exception_cb).toBeDefined();
    const imported = importCapture(located({ ...capture, exec: undefined }), { context });
    expect([imported.problem, imported.madeCallback]).toEqual([null, true]);
    expect(imported.runs[0]!.result.findings[0]?.check).toBe('exception');
  });

  test('needs no lines of a program whose own are those of C', () => {
    const loaded = loadLive({ name: 'own', program: parsed(MAPS), type: 'raw_tracepoint' });
    try {
      const info = programInfo(loaded.fd);
      const options = { depths: [], throws: () => false, symbol: () => undefined };
      expect(restore({ ...info, lines: [] }, options).funcs).toEqual(restore(info, options).funcs);
    } finally {
      loaded.close();
    }
  });

  test('reads back a program that is loaded already, without the sizes that only its loader was told', () => {
    const loaded = loadLive({ name: 'own', program: parsed(RAW), type: 'raw_tracepoint' });
    try {
      const capture = captureById(programInfo(loaded.fd).id);
      expect(capture.request.funcs.map(({ stack_depth }) => stack_depth)).toEqual([64, 128]);
      expect(capture.estimates).toHaveLength(2);
      expect(importCapture(located(capture), { context }).runs).toMatchObject([{ result: { findings: [] } }]);
    } finally {
      loaded.close();
    }
  });

  test('of random programs is undone to what our JIT makes the same bytes of', () => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const { type, insns } = generate(seed);
      const program = loadProgram(insns.join(''), { name: 'random' });
      if (!program.ok) throw new Error(`seed ${seed}`);
      const live = { name: `seed ${seed}`, program: program.program, type: type.toLowerCase() as ProgramType };
      const imported = importCapture(located(captureLive(live, [], 0x138).capture), { context: new Uint8Array(512) });
      if (!imported.ourBytes || importFailed(imported))
        wrong.push(`seed ${seed}: ${JSON.stringify(imported).slice(0, 300)}`);
    }
    // Other kernels emit other bytes; they are read all the same.
    expect(machine!.kernel.startsWith('6.18') ? wrong : []).toEqual([]);
  });
});
