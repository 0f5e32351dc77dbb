import { describe, expect, test } from '@jest/globals';
import { type Program, parseAsm } from '../../jit';
import { type Entrance, Interpreter, type InterpretOptions, type KernelState, MAX_TAIL_CALLS } from './index';

function program(text: string, name = 'prog'): Program {
  const parsed = parseAsm(text, { name, kfuncs: ['probe', 'bpf_throw'] });
  if (!parsed.ok) throw new Error(parsed.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return parsed.program;
}

const probe = { helper: () => 0n };

/** How a run of a program ends: r0, or what is wrong. */
function ending(main: Program, options: InterpretOptions = {}, subprog = 0): bigint | string {
  const result = new Interpreter({ ...probe, ...options }).run(main, subprog);
  return result.kind === 'exit' ? result.r0 : result.kind === 'fault' ? result.fault.kind : result.kind;
}

describe('from run to run', () => {
  test('memory persists, and calls are counted anew', () => {
    const counts: number[] = [];
    const regions = [{ name: 'ctx', base: 0x1000n, bytes: Uint8Array.of(1) }];
    const interpreter = new Interpreter({
      regions,
      helper: (_, __, { nth }) => {
        counts.push(nth);
        return 0n;
      },
    });
    const add = program('r6 = *(u8 *)(r1 + 0)\nr6 += 1\n*(u8 *)(r1 + 0) = r6\ncall probe\ncall probe\nr0 = r6\nexit');
    const runs = [interpreter.run(add), interpreter.run(add)];
    expect(runs).toMatchObject([
      { kind: 'exit', r0: 2n, executed: 7 },
      { kind: 'exit', r0: 3n, executed: 7 },
    ]);
    expect(runs.map(({ log }) => log.length)).toEqual([2, 2]);
    expect(counts).toEqual([1, 2, 1, 2]);
    expect([interpreter.memory.get('ctx')![0], regions[0]!.bytes[0]]).toEqual([3, 1]);
    interpreter.write(0x1000n, Uint8Array.of(8));
    expect(interpreter.run(add)).toMatchObject({ r0: 9n });
  });

  test('a run that ended badly leaves nothing behind', () => {
    const interpreter = new Interpreter(probe);
    const text = 'main:\ncall sub\nexit\nsub:\nr0 = *(u64 *)(r1 + 0)\nexit\n';
    expect(interpreter.run(program(text), 0, [0n]).kind).toBe('fault');
    expect(interpreter.run(program('r0 = r1\nexit'), 0, [7n])).toMatchObject({ kind: 'exit', r0: 7n });
  });
});

describe('an exception', () => {
  const THROWER = 'call sub\nr0 = 1\nexit\nsub:\nr1 = 16\ncall bpf_throw\nexit';
  const CATCHER = `${THROWER}\ncatch:\nr0 = r1\nr0 += 100\nexit\n.func catch`;

  const main = program('r6 = 7\ncall hook\nr0 += r6\nexit\nhook:\nr0 = 0\nexit');
  const replaced =
    (by: Program) =>
    (at: Program, subprog: number): Entrance | undefined =>
      at === main && subprog === 1 ? { kind: 'replaced', by } : undefined;

  test('ends the innermost main subprog, of an extension too; its caller goes on with its own registers', () => {
    const extension = program(`main:\nr6 = 9\n${THROWER}`, 'ext');
    expect(ending(main, { entrance: replaced(extension) })).toBe(16n + 7n);
  });

  test('enters the callback of the program that it ends, in the place of its main subprog', () => {
    const extension = program(`main:\nr6 = 9\n${CATCHER}`, 'ext');
    const exceptionCallback = (of: Program) => (of === extension ? 2 : undefined);
    expect(ending(main, { entrance: replaced(extension), exceptionCallback })).toBe(116n + 7n);
  });

  test('out of the callback looks for a boundary further out', () => {
    const text = `main:\n${THROWER}\ncatch:\nr1 += 1\ncall bpf_throw\nexit\n.func catch`;
    const extension = program(text, 'ext');
    const exceptionCallback = (of: Program) => (of === extension ? 2 : undefined);
    expect(ending(extension, { exceptionCallback })).toBe('throw');
    expect(ending(main, { exceptionCallback, entrance: replaced(extension) })).toBe(17n);
  });

  test('finds none through C code: a tracer around the subprog, a callback', () => {
    const inner = program(`main:\n${THROWER}`);
    const around: Entrance = { kind: 'traced', before: () => {}, after: () => {} };
    expect(ending(inner, { entrance: (_, subprog) => (subprog === 1 ? around : undefined) })).toBe('throw');
    const before: Entrance = { kind: 'traced', before: () => {} };
    expect(ending(inner, { entrance: (_, subprog) => (subprog === 1 ? before : undefined) })).toBe(16n);
    expect(ending(inner, {}, 1)).toBe('throw');
  });
});

describe('C code in the middle of a run', () => {
  const traced = program('r6 = 1\nr1 = 5\ncall sub\nr0 += r6\nexit\nsub:\nr0 = r1\nr6 = 70\nr0 += 10\nexit');
  const other = program('r6 = 90\nr7 = 90\nr1 = 90\ncall probe\nr0 = 3\nexit', 'other');
  const entering = (state: KernelState) => {
    expect(state.enter(other, 0, [])).toBe(3n);
  };

  test.each<[string, Entrance]>([
    ['before a subprog', { kind: 'traced', before: entering }],
    ['around a subprog', { kind: 'traced', before: entering, after: entering }],
  ])('%s leaves registers, arguments and results alone', (_, around) => {
    const entrance = (at: Program, subprog: number) => (at === traced && subprog === 1 ? around : undefined);
    const result = new Interpreter({ ...probe, entrance }).run(traced);
    expect(result).toMatchObject({ kind: 'exit', r0: 5n + 10n + 1n });
    expect(result.log).toHaveLength('after' in around ? 2 : 1);
  });

  test('so does what happens before an instruction, each time that it is reached', () => {
    const loop = program('r6 = 0\nagain:\nr6 += 1\nif r6 != 3 goto again\nr0 = r6\nexit');
    const asked: string[] = [];
    const before: InterpretOptions['before'] = (at, subprog, pc) => {
      asked.push(`${at.name} ${subprog} ${pc}`);
      return at === loop && pc === 1 ? entering : undefined;
    };
    const result = new Interpreter({ ...probe, before }).run(loop);
    expect(result).toMatchObject({ kind: 'exit', r0: 3n });
    expect(result.log).toHaveLength(3);
    expect(asked.filter((each) => each.startsWith('prog'))).toEqual([0, 1, 2, 3, 4].map((pc) => `prog 0 ${pc}`));
  });

  test('memory of its own is gone when it returns', () => {
    const lent: bigint[] = [];
    const options: InterpretOptions = {
      helper: (_, __, state) => {
        if (lent.length > 0) return state.memory.read(lent[0]!, 8) ? 1n : 0n;
        lent.push(state.scratch(8));
        return state.memory.write(lent[0]!, new Uint8Array(8)) ? 1n : 0n;
      },
    };
    expect(ending(program('call probe\nr6 = r0\ncall probe\nr6 <<= 1\nr0 |= r6\nexit'), options)).toBe(2n);
  });

  test('knows functions of any program by their addresses', () => {
    const first = program('r1 = f ll\ncall probe\nexit\nf:\nexit', 'first');
    const second = program('r1 = f ll\ncall probe\nexit\nf:\nexit', 'second');
    const interpreter = new Interpreter(probe);
    const [a, b] = [first, second].map((each) => interpreter.run(each).log[0]!.args[0]!);
    expect(interpreter.functionAt(a!)).toEqual({ program: first, subprog: 1 });
    expect(interpreter.functionAt(b!)).toEqual({ program: second, subprog: 1 });
    expect(interpreter.functionAt(a! + 1n)).toBeUndefined();
  });
});

test('tail calls are counted from the entry of a program on, in all of its activations', () => {
  const target = program('r0 = 1\nexit', 'target');
  const calls = (times: number) => 'call sub\n'.repeat(times);
  const text = (times: number) => `main:\nr6 = r1\n${calls(times)}exit\nsub:\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit`;
  const tailCall = () => target;
  expect(ending(program(text(MAX_TAIL_CALLS)), { tailCall })).toBe(1n);
  expect(ending(program(text(MAX_TAIL_CALLS + 1)), { tailCall })).toBe(0n);
});

describe('what nobody may rely on', () => {
  const SURROUNDINGS: readonly InterpretOptions[] = [
    {},
    {
      inverted: true,
      addresses: { frames: 0xffff_8b5c_ef9b_d758n, stride: -0x1_0240n, functions: 0xffff_95ee_0000_0018n },
    },
  ];
  const both = (text: string) =>
    SURROUNDINGS.map((options) => {
      const path: bigint[] = [];
      const r0 = ending(program(text), { ...options, path: (value) => path.push(value) });
      return { r0, path };
    });

  test.each([
    ['junk', 'r0 = *(u8 *)(r10 - 8)\nr0 &= 1\nexit'],
    ['junk in a register', 'r0 = r5\nr0 &= 0x80\nexit'],
    ['an address of a frame', 'r0 = r10\nexit'],
    ['the lowest byte of one', 'r0 = r10\nr0 &= 0xff\nexit'],
    ['where a function is', 'r0 = f ll\nexit\nf:\nexit'],
    ['which frame is further up', 'r1 = r10\ncall f\nexit\nf:\nr0 = r10\nr0 -= r1\nr0 s>>= 63\nexit'],
  ])('%s is another value', (_, text) => {
    const [one, other] = both(text);
    expect(one!.r0).not.toBe(other!.r0);
    expect(one!.path).toEqual(other!.path);
  });

  test.each([
    ['a branch on junk', 'r1 = *(u64 *)(r10 - 8)\nr0 = 0\nif r1 == 5 goto +0\nexit'],
    ['a branch on its lower half', 'w1 = *(u32 *)(r10 - 8)\nr0 = 0\nif w1 > 5 goto +0\nexit'],
    ['a branch on frames', 'r6 = r10\ncall f\nexit\nf:\nr0 = 0\nif r10 > r6 goto +0\nexit'],
    ['an access at junk', 'r1 = *(u8 *)(r10 - 8)\nr1 &= 7\nr2 = r10\nr2 -= r1\nr0 = *(u8 *)(r2 - 16)\nr0 = 0\nexit'],
  ])('%s is told as such', (_, text) => {
    const [one, other] = both(text);
    expect(one!.path).not.toEqual(other!.path);
  });

  test.each([
    ['a comparison of a pointer with null', 'r0 = 0\nif r10 == 0 goto +0\nexit'],
    ['a frame, wherever it is', '*(u64 *)(r10 - 8) = 4\nr1 = r10\ncall f\nexit\nf:\nr0 = *(u64 *)(r1 - 8)\nexit'],
  ])('%s is not', (_, text) => {
    const [one, other] = both(text);
    expect(one).toEqual(other);
  });
});
