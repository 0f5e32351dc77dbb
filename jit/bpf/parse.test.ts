import { describe, expect, test } from '@jest/globals';
import { bpf, type ParseOptions, type Program, parseAsm } from './index';

function parsed(text: string, options?: ParseOptions) {
  const result = parseAsm(text, options);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result;
}

const program = (text: string, options?: ParseOptions): Program => parsed(text, options).program;
const namesOf = (text: string): string[] => program(text).subprogs.map(({ name }) => name);

function errorsOf(text: string, options?: ParseOptions): string[] {
  const result = parseAsm(text, options);
  return result.ok ? [] : result.errors.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

test('a program with a subprog', () => {
  const text = `
    main:
      r1 = 42
      *(u64 *)(r10 - 256) = r1
      call sub
      r0 = *(u64 *)(r10 - 256)
      exit
    sub:
      *(u64 *)(r10 - 128) = 7
      call bpf_get_prandom_u32
      r0 = *(u64 *)(r10 - 128)
      exit`;
  expect(program(text, { name: 'nested' })).toEqual({
    name: 'nested',
    subprogs: [
      {
        name: 'main',
        insns: [
          bpf.mov64('r1', 42),
          bpf.stx64('r10', -256, 'r1'),
          bpf.callSubprog(1),
          bpf.ldx64('r0', 'r10', -256),
          bpf.exit(),
        ],
      },
      {
        name: 'sub',
        insns: [
          bpf.st64('r10', -128, 7),
          bpf.callHelper('bpf_get_prandom_u32'),
          bpf.ldx64('r0', 'r10', -128),
          bpf.exit(),
        ],
      },
    ],
    kfuncs: [],
    maps: [],
  });
});

describe('statements', () => {
  test.each([
    ['newlines', 'r0 = 1\nexit'],
    ['carriage returns', 'r0 = 1\r\nexit\r\n'],
    ['semicolons', 'r0 = 1; exit;'],
    ['empty ones', ';;\n\n r0 = 1 ;; ; exit\n;'],
    ['comments', '// one\nr0 = 1 // two; three\n# four\nexit # five'],
    ['no spaces', 'r0=1;exit'],
    ['many spaces', '\t r0\t=  1 \n  exit  '],
    ['a label on the line', 'main: r0 = 1\nexit'],
  ])('%s', (_, text) => {
    expect(program(text).subprogs).toEqual([{ name: 'main', insns: [bpf.mov64('r0', 1), bpf.exit()] }]);
  });

  test('a number glued to a name by # is no comment', () => {
    expect(program('call bpf_ktime_get_ns#5 #6\nexit#').subprogs[0]!.insns).toEqual([bpf.callHelper(5), bpf.exit()]);
  });
});

describe('labels', () => {
  test('a first label names the main subprog, and may be jumped to', () => {
    expect(program('loop: r1 += 1\nif r1 < 9 goto loop\nexit').subprogs).toEqual([
      { name: 'loop', insns: [bpf.add64('r1', 1), bpf.jlt64('r1', 9, -2), bpf.exit()] },
    ]);
  });

  test('count slots, so a 64-bit load is two', () => {
    const { insns } = program('goto l\nr1 = 5 ll\nr2 = 6 ll\nl: exit').subprogs[0]!;
    expect(insns[0]).toEqual(bpf.goto(4));
  });

  test('belong to their subprog', () => {
    const text = 'main: call f; goto out; out: exit; f: goto out; r0 = 1; out: exit';
    expect(program(text).subprogs.map(({ insns }) => insns.filter(({ code }) => code === 0x05))).toEqual([
      [bpf.goto(0)],
      [bpf.goto(1)],
    ]);
  });

  test('several may stand in one place', () => {
    expect(program('main: a: b: goto a; goto b').subprogs[0]!.insns).toEqual([bpf.goto(-1), bpf.goto(-2)]);
  });

  test.each([
    ['called', 'call f; exit; f: exit', ['main', 'f']],
    ['called by distance', 'call pc+1; exit; f: exit', ['main', 'f']],
    ['called by distance, without a label', 'call pc+1; exit; exit', ['main', 'func_2']],
    ['a callback', 'r2 = func[f] ll; exit; f: exit', ['main', 'f']],
    ['a callback as LLVM writes it', 'r2 = f ll; exit; f: exit', ['main', 'f']],
    ['declared', '.func f\nexit; f: exit', ['main', 'f']],
    ['global', 'exit\n.global f\nf: exit', ['main', 'f']],
    ['none of these', 'goto f; f: exit', ['main']],
    ['called before the first label', 'start: call start; exit', ['start']],
  ])('are subprogs when %s', (_, text, names) => {
    expect(namesOf(text)).toEqual(names);
  });

  test('global subprogs are marked', () => {
    expect(program('.global f\ncall f; exit; f: exit').subprogs.map(({ isGlobal }) => isGlobal)).toEqual([
      undefined,
      true,
    ]);
  });
});

describe('names', () => {
  const text = 'call bpf_throw; call bpf_rcu_read_lock; call bpf_throw; r1 = map[b] ll; r1 = map[a][0]+4; exit';

  test('kfuncs and maps are numbered as they are used', () => {
    const { kfuncs, maps, subprogs } = program(text);
    expect({ kfuncs, maps }).toEqual({ kfuncs: ['bpf_throw', 'bpf_rcu_read_lock'], maps: ['b', 'a'] });
    expect(subprogs[0]!.insns.slice(0, 5)).toEqual([
      bpf.callKfunc(0),
      bpf.callKfunc(1),
      bpf.callKfunc(0),
      bpf.ldMap('r1', 0),
      bpf.ldMapValue('r1', 1, 4),
    ]);
  });

  test('or as they are declared', () => {
    const declared = program(`.kfunc mine\n.kfunc bpf_rcu_read_lock\n.map a\n.map b\n${text}`);
    expect(declared.kfuncs).toEqual(['mine', 'bpf_rcu_read_lock', 'bpf_throw']);
    expect(declared.maps).toEqual(['a', 'b']);
    expect(program(text, { maps: ['a', 'b', 'c'] }).maps).toEqual(['a', 'b', 'c']);
  });

  test('a subprog goes before a helper, a helper before a kfunc', () => {
    const insns = (asm: string) => program(asm, { kfuncs: ['bpf_ktime_get_ns'] }).subprogs[0]!.insns;
    expect(insns('call bpf_ktime_get_ns; exit')[0]).toEqual(bpf.callHelper(5));
    expect(insns('call bpf_ktime_get_ns; exit; bpf_ktime_get_ns: exit')[0]).toEqual(bpf.callSubprog(1));
  });

  test('kfuncs that are not known can be given', () => {
    expect(errorsOf('call mine; exit')).toEqual(['1:6 unknown function `mine`']);
    expect(program('call mine; exit', { kfuncs: ['mine'] }).kfuncs).toEqual(['mine']);
  });
});

test('the source says where everything stands', () => {
  const { source } = parsed('  r0 = 1; call f\n l: exit\n.global f\nf:\n  r1 = 5 ll\nm: exit');
  expect(source.subprogs).toEqual([
    {
      name: 'main',
      position: { line: 1, column: 3 },
      isGlobal: false,
      labels: new Map([['l', 2]]),
      insns: [
        { line: 1, column: 3 },
        { line: 1, column: 11 },
        { line: 2, column: 5 },
      ],
    },
    {
      name: 'f',
      position: { line: 4, column: 1 },
      isGlobal: true,
      labels: new Map([['m', 2]]),
      insns: [
        { line: 5, column: 3 },
        { line: 6, column: 4 },
      ],
    },
  ]);
});

describe('errors', () => {
  test.each([
    ['', '1:1 the program is empty'],
    ['frobnicate', '1:1 `frobnicate` begins no statement'],
    ['exti', '1:1 `exti` begins no statement, did you mean `exit`?'],
    ['r1 = @', '1:6 `@` is not expected'],
    ['r1 = 0x', '1:6 `0x` is not a number'],
    ['r1 = 12ab', '1:6 `12ab` is not a number'],
    ['r1 = r11', "1:6 r11 is the verifier's own register, not a program's"],
    ['r1 = ax', "1:6 r11 is the verifier's own register, not a program's"],
    ['r12 = 1', '1:1 unknown register r12: there are r0 to r10'],
    ['w12 = 1', '1:1 unknown register w12: there are r0 to r10'],
    ['r10 = 5', '1:1 the frame pointer r10 is read only'],
    ['w10 += w1', '1:1 the frame pointer r10 is read only'],
    ['r10 = *(u64 *)(r1 + 0)', '1:1 the frame pointer r10 is read only'],
    ['r10 = xchg_64(r1 + 0, r10)', '1:1 the frame pointer r10 is read only'],
    [
      'r1 += w2',
      '1:7 unexpected `w2` in a 64-bit operation, which takes `r2`; expected a register (r0 to r10), a number',
    ],
    [
      'w1 = r2',
      '1:6 unexpected `r2` in a 32-bit operation, which takes `w2`; expected a 32-bit register (w0 to w9), a number, `-`, `(`, `*`, ...',
    ],
    ['r1 = be16 r2', '1:11 both registers must be the same'],
    ['r1 = -r2', '1:7 both registers must be the same'],
    [
      'r1 = 4294967295',
      '1:6 4294967295 does not fit in the immediate of a 64-bit operation, which is 32 bits and signed; load it into a register with `ll`',
    ],
    [
      'r1 = -2147483649',
      '1:6 -2147483649 does not fit in the immediate of a 64-bit operation, which is 32 bits and signed; load it into a register with `ll`',
    ],
    ['w1 = 4294967296', '1:6 4294967296 does not fit in 32 bits'],
    ['r1 = 0x10000000000000000 ll', '1:6 18446744073709551616 does not fit in 64 bits'],
    ['r1 = *(u64 *)(r2 + 32768)', '1:18 offset 32768 does not fit in 16 bits'],
    ['r1 = *(u24 *)(r2 + 0)', '1:8 unexpected `u24`; expected `u8`, `u16`, `u32`, `u64`, `s8`, ...'],
    ['r1 <<= 64', '1:8 shift by 64: a 64-bit operation shifts by 0 to 63'],
    ['w1 s>>= 32', '1:9 shift by 32: a 32-bit operation shifts by 0 to 31'],
    ['w1 /= 0', '1:7 division by zero'],
    ['r1 s%= 0', '1:8 division by zero'],
    ['call bpf_ktime_get_n', '1:6 unknown function `bpf_ktime_get_n`, did you mean `bpf_ktime_get_ns`?'],
    ['call constructor#5', '1:6 unknown function `constructor`'],
    ['call 5000', '1:6 unknown helper 5000'],
    ['call bpf_ktime_get_ns#6', '1:6 bpf_ktime_get_ns is helper 5, not 6'],
    ['call func#1', '1:6 unknown subprog 1: the program has 1'],
    ['call pc+7', '1:6 call of slot 8, where no instruction begins'],
    ['goto nowhere', '1:6 unknown label `nowhere`'],
    ['ready: goto raedy', '1:13 unknown label `raedy`'],
    ['goto raedy; ready: exit', '1:6 unknown label `raedy`, did you mean `ready`?'],
    ['nospec', '1:1 only the verifier makes this instruction'],
    ['r1 = *(u64 *)(r2 + 0) probe_mem', '1:1 only the verifier makes this instruction'],
    ['r1 = map[] ll', '1:10 unexpected `]`; expected a name'],
    ['r1: exit', "1:1 `r1` cannot be a label's name"],
    ['.global', '1:8 `.global` takes one name'],
    ['.global f', '1:9 there is no label `f`'],
    ['l: l: exit', '1:4 label `l` is given twice'],
  ])('%s', (text, error) => {
    const tail = text === '' ? '' : '\nexit';
    expect(errorsOf(text + tail)).toEqual([error]);
  });

  test.each([
    ['falling off the end', 'r0 = 1', '1:1 control falls off the end: the last instruction must be exit or a jump'],
    [
      'falling into the next subprog',
      'call f\nr0 = 1\nf: exit',
      '2:1 control falls off the end: the last instruction must be exit or a jump',
    ],
    ['a jump out of the program', 'goto +5\nexit', '1:1 jump to 6, outside of the subprog (0 to 1)'],
    ['a jump before it', 'goto -2\nexit', '1:1 jump to -1, outside of the subprog (0 to 1)'],
    ['a jump behind it', 'goto end\nend:', '1:1 jump to 1, outside of the subprog (0 to 0)'],
    ['a jump into a 64-bit load', 'goto +1\nr1 = 5 ll\nexit', '1:1 jump to 2, into the middle of a 64-bit load'],
    [
      'a jump into another subprog',
      'call f; goto l\nf: l: exit',
      '1:14 label `l` is in subprog `f`; a jump stays in its subprog (`main`)',
    ],
    [
      'a jump to another subprog',
      'call f; goto f\nf: exit',
      '1:14 label `f` is in subprog `f`; a jump stays in its subprog (`main`)',
    ],
    ['a subprog without instructions', 'main: f: call f; exit', '1:1 main has no instructions'],
    ['two subprogs of one name', 'call f; exit; f: exit; f: exit', '1:24 label `f` is given twice'],
    [
      'a map that is not given',
      '.map counters\nr1 = map[conters] ll; exit',
      '2:10 unknown map `conters`, did you mean `counters`?',
    ],
  ])('%s', (_, text, error) => {
    expect(errorsOf(text)).toEqual([error]);
  });

  test('a jump that does not reach suggests gotol', () => {
    const far = `goto far\n${'r0 = 0\n'.repeat(40000)}far: exit`;
    expect(parseAsm(far)).toEqual({
      ok: false,
      errors: [
        { line: 1, column: 6, message: 'the target is 40000 slots away; a jump reaches 32767', suggestion: 'gotol' },
      ],
    });
    expect(program(far.replace('goto', 'gotol')).subprogs[0]!.insns[0]).toEqual(bpf.gotol(40000));
  });

  test('all are reported, in the order of the text', () => {
    expect(errorsOf('r1 = r12\nexti\n  call nobody\ngoto x').map((error) => error.split(' ')[0])).toEqual([
      '1:6',
      '2:1',
      '3:8',
      '4:6',
    ]);
  });

  test('say what could have stood there', () => {
    expect(parseAsm('r1 = *(u64 *)(r2 + 0\nexit')).toEqual({
      ok: false,
      errors: [{ line: 1, column: 21, message: 'the statement ends early; expected `)`', expected: ['`)`'] }],
    });
    expect(parseAsm('r1 = 0xdeadbeef\nexit')).toMatchObject({ errors: [{ suggestion: '0xdeadbeef ll' }] });
  });
});

test("the verifier's instructions are read where they are allowed", () => {
  const options = { kernelInternal: true };
  expect(program('ax = r1; wax = 5; r0 = r11; nospec; call bpf_throw', options).subprogs[0]!.insns).toEqual([
    bpf.mov64('ax', 'r1'),
    bpf.mov32('ax', 5),
    bpf.mov64('r0', 'ax'),
    { code: 0xc2, dst: 0, src: 0, off: 0, imm: 0 },
    bpf.callKfunc(0),
  ]);
});
