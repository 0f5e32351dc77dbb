import { describe, expect, test } from '@jest/globals';
import { bpf, type Insn, type Program, parseAsm, type Subprog } from '../../jit';
import { formatFault, type InterpreterResult, type InterpretOptions, interpret, MAX_TAIL_CALLS } from './index';

function program(text: string): Program {
  const parsed = parseAsm(text, { kernelInternal: true });
  if (!parsed.ok) throw new Error(parsed.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return parsed.program;
}

const main = (...insns: Insn[]): Program => withSubprogs([insns]);
const withSubprogs = (bodies: readonly Insn[][], tables: Partial<Program> = {}): Program => {
  const subprogs = bodies.map((insns, i): Subprog => ({ name: i === 0 ? 'main' : `func${i}`, insns }));
  return { name: 'prog', kfuncs: [], maps: [], ...tables, subprogs };
};

const brief = (result: InterpreterResult): bigint | string =>
  result.kind === 'exit' ? result.r0 : result.kind === 'fault' ? formatFault(result.fault) : result.kind;
const run = (text: string, options?: InterpretOptions): bigint | string => brief(interpret(program(text), options));

const BASE = 0x1000n;
const region = (name: string, ...bytes: number[]) => ({ name, base: BASE, bytes: Uint8Array.from(bytes) });

describe('memory', () => {
  const ctx = region('ctx', 0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7);

  test.each([
    ['r0 = *(u8 *)(r1 + 0)', 0x80n],
    ['r0 = *(u16 *)(r1 + 1)', 0xa291n],
    ['r0 = *(u32 *)(r1 + 4)', 0xf7e6d5c4n],
    ['r0 = *(u64 *)(r1 + 0)', 0xf7e6d5c4b3a29180n],
    ['r0 = *(s8 *)(r1 + 0)', 0xffffffffffffff80n],
    ['r0 = *(s16 *)(r1 + 0)', 0xffffffffffff9180n],
    ['r0 = *(s32 *)(r1 + 4)', 0xfffffffff7e6d5c4n],
    ['r0 = load_acquire((u8 *)(r1 + 7))', 0xf7n],
    ['w0 = load_acquire((u16 *)(r1 + 0))', 0x9180n],
    ['w0 = load_acquire((u32 *)(r1 + 0))', 0xb3a29180n],
    ['r0 = load_acquire((u64 *)(r1 + 0))', 0xf7e6d5c4b3a29180n],
  ])('%s', (text, expected) => {
    expect(run(`${text}\nexit`, { regions: [ctx] })).toBe(expected);
  });

  test.each([
    ['*(u8 *)(r1 + 1) = -2', 'fe'],
    ['*(u16 *)(r1 + 1) = -2', 'fe ff'],
    ['*(u32 *)(r1 + 1) = -2', 'fe ff ff ff'],
    ['*(u64 *)(r1 + 0) = -2', 'fe ff ff ff ff ff ff ff'],
    ['r2 = 0x1122334455667788 ll\n*(u8 *)(r1 + 1) = r2', '88'],
    ['r2 = 0x1122334455667788 ll\n*(u16 *)(r1 + 1) = r2', '88 77'],
    ['r2 = 0x1122334455667788 ll\n*(u32 *)(r1 + 1) = r2', '88 77 66 55'],
    ['r2 = 0x1122334455667788 ll\n*(u64 *)(r1 + 0) = r2', '88 77 66 55 44 33 22 11'],
    ['r2 = 0x1122334455667788 ll\nstore_release((u16 *)(r1 + 1), w2)', '88 77'],
    ['r2 = 0x1122334455667788 ll\nstore_release((u64 *)(r1 + 0), r2)', '88 77 66 55 44 33 22 11'],
  ])('%s', (text, stored) => {
    const wanted = new Uint8Array(8);
    const bytes = stored.split(' ').map((byte) => Number.parseInt(byte, 16));
    wanted.set(bytes, bytes.length === 8 ? 0 : 1);
    const result = interpret(program(`${text}\nr0 = 0\nexit`), { regions: [region('ctx', 0, 0, 0, 0, 0, 0, 0, 0)] });
    expect(brief(result)).toBe(0n);
    expect(result.regions.get('ctx')).toEqual(wanted);
  });

  test("the caller's bytes stay as they are", () => {
    const given = region('ctx', 1, 2, 3, 4);
    interpret(program('*(u32 *)(r1 + 0) = 0\nr0 = 0\nexit'), { regions: [given] });
    expect([...given.bytes]).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['before a region', 'r0 = *(u8 *)(r1 - 1)', 'load of 1 bytes at 0x0000000000000fff'],
    ['across its end', 'r0 = *(u64 *)(r1 + 1)', 'load of 8 bytes at 0x0000000000001001'],
    ['behind it', '*(u8 *)(r1 + 8) = 1', 'store of 1 bytes at 0x0000000000001008'],
    ['at an address that wraps', 'r1 = -1\nr0 = *(u16 *)(r1 + 1)', 'load of 2 bytes at 0x0000000000000000'],
    ['above the frame', 'r0 = *(u32 *)(r10 - 3)', 'load of 4 bytes at 0xfffff4a3000001fd'],
    ['below the frame', '*(u8 *)(r10 - 513) = 1', 'store of 1 bytes at 0xfffff4a2ffffffff'],
    ['atomically', 'lock *(u64 *)(r1 + 4) += r2', 'atomic of 8 bytes at 0x0000000000001004'],
  ])('an access %s is a fault', (_, text, message) => {
    expect(run(`${text}\nr0 = 0\nexit`, { regions: [ctx] })).toContain(`memory: ${message}, which is in no region`);
  });

  test('a fault names its place', () => {
    const result = interpret(program('r2 = 1 ll\nr0 = *(u8 *)(r2 + 0)\nexit'));
    expect(result).toMatchObject({
      kind: 'fault',
      fault: { kind: 'memory', place: { program: 'prog', subprog: 'main', pc: 2, text: 'r0 = *(u8 *)(r2 + 0)' } },
    });
  });

  test('maps are regions of their names', () => {
    const values = { name: 'values', base: 0xffff_8881_0500_0138n, bytes: Uint8Array.of(1, 2, 3, 4) };
    const text = '.map values\nr1 = map[values][0]+2 ll\nr0 = *(u8 *)(r1 + 0)\nexit';
    expect(run(text, { regions: [values] })).toBe(3n);
    expect(run('.map values\nr0 = map[values] ll\nexit', { regions: [values] })).toBe(0xffff_8881_0500_0000n);
    expect(run(text)).toContain('the map has no region');
  });

  test('packet loads are big endian, and end the function outside of the packet', () => {
    const packet = Uint8Array.of(1, 2, 3, 4);
    expect(run('r0 = *(u16 *)skb[1]\nexit', { packet })).toBe(0x0203n);
    expect(run('r1 = 2\nr0 = *(u8 *)skb[r1 + 1]\nexit', { packet })).toBe(4n);
    expect(run('r0 = *(u32 *)skb[1]\nr0 = 5\nexit', { packet })).toBe(0n);
    expect(run('r0 = *(u32 *)skb[1]\nexit')).toContain('there is no packet');
  });
});

describe('atomics', () => {
  /** r0, r2 and the memory after one atomic instruction on 0x1122334455667788 with r2 = 0xff00ff00ff00ff01. */
  function atomic(insn: string, r0 = 0n) {
    const text = `r0 = 0x${r0.toString(16)} ll\nr2 = 0xff00ff00ff00ff01 ll\n${insn}
      *(u64 *)(r1 + 8) = r0\n*(u64 *)(r1 + 16) = r2\nr0 = 0\nexit`;
    const ctx = { name: 'ctx', base: BASE, bytes: new Uint8Array(24) };
    new DataView(ctx.bytes.buffer).setBigUint64(0, 0x1122334455667788n, true);
    const view = new DataView(interpret(program(text), { regions: [ctx] }).regions.get('ctx')!.buffer);
    const [memory, after, r2] = [0, 8, 16].map((at) => view.getBigUint64(at, true).toString(16));
    return { memory, r0: after, r2 };
  }
  const OLD = '1122334455667788';
  const R2 = 'ff00ff00ff00ff01';

  test.each([
    ['lock *(u64 *)(r1 + 0) += r2', { memory: '1023324554677689', r0: '0', r2: R2 }],
    ['lock *(u64 *)(r1 + 0) |= r2', { memory: 'ff22ff44ff66ff89', r0: '0', r2: R2 }],
    ['lock *(u64 *)(r1 + 0) &= r2', { memory: '1100330055007700', r0: '0', r2: R2 }],
    ['lock *(u64 *)(r1 + 0) ^= r2', { memory: 'ee22cc44aa668889', r0: '0', r2: R2 }],
    ['r2 = atomic64_fetch_add((u64 *)(r1 + 0), r2)', { memory: '1023324554677689', r0: '0', r2: OLD }],
    ['r2 = atomic64_fetch_or((u64 *)(r1 + 0), r2)', { memory: 'ff22ff44ff66ff89', r0: '0', r2: OLD }],
    ['r2 = atomic64_fetch_and((u64 *)(r1 + 0), r2)', { memory: '1100330055007700', r0: '0', r2: OLD }],
    ['r2 = atomic64_fetch_xor((u64 *)(r1 + 0), r2)', { memory: 'ee22cc44aa668889', r0: '0', r2: OLD }],
    ['r2 = atomic64_xchg((u64 *)(r1 + 0), r2)', { memory: R2, r0: '0', r2: OLD }],
    ['lock *(u32 *)(r1 + 0) += w2', { memory: '1122334454677689', r0: '0', r2: R2 }],
    ['w2 = atomic_fetch_add((u32 *)(r1 + 0), w2)', { memory: '1122334454677689', r0: '0', r2: '55667788' }],
    ['w2 = atomic_fetch_or((u32 *)(r1 + 4), w2)', { memory: 'ff22ff4555667788', r0: '0', r2: '11223344' }],
    ['w2 = atomic_fetch_and((u32 *)(r1 + 0), w2)', { memory: '1122334455007700', r0: '0', r2: '55667788' }],
    ['w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)', { memory: '11223344aa668889', r0: '0', r2: '55667788' }],
    ['w2 = xchg32_32(r1 + 4, w2)', { memory: 'ff00ff0155667788', r0: '0', r2: '11223344' }],
  ])('%s', (insn, expected) => {
    expect(atomic(insn)).toEqual(expected);
  });

  test.each([
    ['64 bits, equal', 'r0 = cmpxchg_64(r1 + 0, r0, r2)', 0x1122334455667788n, { memory: R2, r0: OLD, r2: R2 }],
    ['64 bits, different', 'r0 = cmpxchg_64(r1 + 0, r0, r2)', 0x55667788n, { memory: OLD, r0: OLD, r2: R2 }],
    [
      '32 bits, equal but for the upper half of r0, which is cleared',
      'w0 = cmpxchg32_32(r1 + 0, w0, w2)',
      0xffffffff55667788n,
      { memory: '11223344ff00ff01', r0: '55667788', r2: R2 },
    ],
    [
      '32 bits, different: the upper half of r0 is cleared too',
      'w0 = cmpxchg32_32(r1 + 0, w0, w2)',
      0xffffffff00000001n,
      { memory: OLD, r0: '55667788', r2: R2 },
    ],
  ])('compare and exchange of %s', (_, insn, r0, expected) => {
    expect(atomic(insn, r0)).toEqual(expected);
  });
});

describe('calls', () => {
  test('arguments go in, r6 to r9 and the frame stay, every activation has its own', () => {
    const text = `
      main:
        r6 = 6
        r9 = 9
        r1 = 3
        *(u64 *)(r10 - 8) = 100
        call fib
        r0 += r6
        r0 += r9
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        exit
      fib:
        r6 = r1
        r9 = 77
        *(u64 *)(r10 - 8) = r1
        if r1 == 0 goto done
        r1 += -1
        call fib
        r1 = *(u64 *)(r10 - 8)
        if r1 != r6 goto bad
        r0 += r6
        exit
      done:
        r0 = 0
        exit
      bad:
        r0 = 1000
        exit`;
    expect(run(text)).toBe(6n + 6n + 9n + 100n);
  });

  test('r1 to r5 are junk after a call', () => {
    const values = [1, 2, 3, 4, 5].map((r) =>
      run(`r${r} = ${r}\ncall bpf_get_smp_processor_id\nr0 = r${r}\nexit`, { args: [1n, 2n, 3n, 4n, 5n] }),
    );
    expect(values.some((value, i) => value === BigInt(i + 1))).toBe(false);
    expect(new Set(values).size).toBe(5);
  });

  test('the callee has its own r6 to r9, with nothing in them', () => {
    expect(run('r6 = 6\ncall f\nexit\nf:\nr0 = r6\nexit')).not.toBe(6n);
  });

  test('a pointer into the frame of a caller is good, into one that has returned is not', () => {
    const good = 'r1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\nf:\n*(u64 *)(r1 + 0) = 7\nr0 = 0\nexit';
    expect(run(good)).toBe(7n);
    expect(run('call f\nr0 = *(u64 *)(r0 - 8)\nexit\nf:\nr0 = r10\nexit')).toContain('which is in no region');
  });

  test('a chain that is too long is a fault', () => {
    expect(run('call f\nexit\nf:\ncall f\nexit')).toBe(
      'depth: more than 8 activations in one call chain (prog f pc 0: call f)',
    );
  });

  test('helpers and kfuncs by name, with the log', () => {
    const seen: string[] = [];
    const result = interpret(
      withSubprogs(
        [[bpf.mov64('r1', 5), bpf.callHelper('bpf_ktime_get_ns'), bpf.mov64('r1', 'r0'), bpf.callKfunc(0), bpf.exit()]],
        { kfuncs: ['bpf_rcu_read_lock'] },
      ),
      {
        helper: (name, [r1], { nth }) => {
          seen.push(`${name} ${nth} ${r1}`);
          return r1! + 1n;
        },
      },
    );
    expect(brief(result)).toBe(7n);
    expect(seen).toEqual(['bpf_ktime_get_ns 1 5', 'bpf_rcu_read_lock 1 6']);
    expect(result.log.map(({ name, args }) => [name, args.length, args[0]])).toEqual([
      ['bpf_ktime_get_ns', 5, 5n],
      ['bpf_rcu_read_lock', 5, 6n],
    ]);
  });

  test('what nobody models is a fault', () => {
    expect(run('call bpf_get_socket_cookie\nexit')).toContain('call: nobody models bpf_get_socket_cookie');
    expect(brief(interpret(main(bpf.callHelper(9999), bpf.exit())))).toContain('nobody knows whom this calls');
    expect(brief(interpret(main(bpf.callSubprog(3), bpf.exit())))).toContain('there is no subprog 3');
  });

  test("an error of a helper's own is not a fault of the program", () => {
    const helper = () => {
      throw new RangeError('mine');
    };
    expect(() => run('call bpf_ktime_get_ns\nexit', { helper })).toThrow('mine');
  });
});

describe('callbacks', () => {
  const LOOP = `
    main:
      *(u64 *)(r10 - 8) = 0
      r6 = 6
      r1 = 5
      r2 = func[body] ll
      r3 = r10
      r3 += -8
      r4 = 0
      call bpf_loop
      r1 = *(u64 *)(r10 - 8)
      r1 *= 100
      r0 += r1
      r0 += r6
      exit
    body:
      r6 = *(u64 *)(r2 + 0)
      r6 += r1
      *(u64 *)(r2 + 0) = r6
      STOP
      exit`;

  test('bpf_loop calls back with the round and the context', () => {
    expect(run(LOOP.replace('STOP', 'r0 = 0'))).toBe(5n + 1000n + 6n);
  });

  test('and stops when told to', () => {
    expect(run(LOOP.replace('STOP', 'r0 = 1\nif r1 == 2 goto +1\nr0 = 0'))).toBe(3n + 300n + 6n);
  });

  test('a fault in a callback is a fault of the run', () => {
    expect(run(LOOP.replace('STOP', 'r0 = *(u8 *)(r1 + 0)'))).toContain('(prog body pc 3: ');
  });

  test('what is no callback is none', () => {
    expect(run('r1 = 1\nr2 = 5 ll\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit')).toBe(2n ** 64n - 22n);
  });
});

describe('control', () => {
  test('the budget ends a loop', () => {
    const result = interpret(program('r0 = 0\nl:\ngoto l'), { budget: 1000 });
    expect(result).toMatchObject({ kind: 'budget', executed: 1000 });
  });

  test('gotol reaches as far as goto', () => {
    expect(run('r0 = 1\ngotol l\nr0 = 2\nl:\nexit')).toBe(1n);
  });

  test('may_goto breaks after its rounds, in every activation anew', () => {
    const text = 'r6 = 0\nl:\nmay_goto out\nr6 += 1\ngoto l\nout:\nr0 = r6\nexit';
    expect(run(text, { mayGoto: 3 })).toBe(3n);
    const twice = `main:\ncall f\nr6 = r0\ncall f\nr0 += r6\nexit\nf:\n${text}`;
    expect(run(twice, { mayGoto: 3 })).toBe(6n);
    expect(run(text, { budget: 10_000 })).toBe('budget');
  });

  test.each([
    ['falling off the end', [bpf.mov64('r0', 0)]],
    ['a jump behind the end', [bpf.goto(7), bpf.exit()]],
    ['a jump before the start', [bpf.goto(-2), bpf.exit()]],
    ['a long jump before the start', [bpf.gotol(-0x8000_0000), bpf.exit()]],
    ['no instruction', []],
  ])('%s is a fault', (_, insns) => {
    expect(brief(interpret(main(...insns)))).toContain('control left the instructions');
  });

  test('so are a jump into a wide load and an opcode without a meaning', () => {
    expect(brief(interpret(main(bpf.goto(1), bpf.ldImm64('r0', 1n), bpf.exit())))).toContain('the second half');
    for (const code of [0xff, 0x8d, 0x87 | 0x08, 0x99, 0x06])
      if (code !== 0x06)
        expect(brief(interpret(main({ code, dst: 0, src: 0, off: 0, imm: 0 })))).toContain('has no meaning');
    expect(brief(interpret(main({ ...bpf.mov64('r0', 'r1'), dst: 12 })))).toContain('has no meaning');
    expect(brief(interpret(main({ ...bpf.add64('r0', 'r1'), off: 2 })))).toContain('has no meaning');
  });
});

describe('tail calls', () => {
  const target = program('r0 = r1\nr0 += 7\nexit');
  const caller = program(`
    main:
      r1 = 100
      call sub
      r0 += 1000
      exit
    sub:
      r2 = 5
      r3 = 2
      call bpf_tail_call
      r0 = 3
      exit`);

  test("the target takes the caller's place and returns for it", () => {
    const tailCall = (array: bigint, index: number) => (array === 5n && index === 2 ? target : undefined);
    expect(brief(interpret(caller, { tailCall }))).toBe(1107n);
  });

  test('an empty slot falls through', () => {
    expect(brief(interpret(caller))).toBe(1003n);
  });

  test('no more than the limit', () => {
    const again: Program = program('*(u8 *)(r10 - 1) = 1\nr3 = 0\nr2 = 0\ncall bpf_tail_call\nr0 = 5\nexit');
    const result = interpret(again, { tailCall: () => again });
    expect(brief(result)).toBe(5n);
    expect(result.executed).toBe(4 * (MAX_TAIL_CALLS + 1) + 2);
  });
});

describe('exceptions', () => {
  const text = `
    main:
      call sub
      r0 = 1
      exit
    sub:
      r1 = 16
      call bpf_throw
      r0 = 2
      exit
    handler:
      r0 = r1
      r0 += 100
      exit
    .func handler`;

  test('unwind to the cookie', () => {
    expect(interpret(program(text))).toMatchObject({ kind: 'exit', r0: 16n, thrown: true });
  });

  test('or to the exception callback', () => {
    expect(interpret(program(text), { exceptionCallback: () => 2 })).toMatchObject({
      kind: 'exit',
      r0: 116n,
      thrown: true,
    });
  });

  test('but not through C code', () => {
    const loop = 'r1 = 5\nr2 = func[f] ll\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit\nf:\ncall bpf_throw\nexit';
    const result = interpret(program(loop));
    expect(brief(result)).toContain('throw: no main subprog');
    expect(result.log.map(({ name }) => name)).toEqual(['bpf_loop', 'bpf_throw']);
  });
});

describe("the kernel's own instructions", () => {
  test('loads that may fail give 0 outside of every region', () => {
    const user = region('ctx', 0xff);
    expect(run('r0 = 5\nr0 = *(u8 *)(r1 + 0) probe_mem\nexit', { regions: [user] })).toBe(0n);
    const ctx = { ...user, base: 0xffff_8881_0000_0000n };
    expect(run('r0 = *(u8 *)(r1 + 0) probe_mem\nexit', { regions: [ctx] })).toBe(255n);
    expect(run('r0 = *(s8 *)(r1 + 0) probe_memsx\nexit', { regions: [ctx] })).toBe(2n ** 64n - 1n);
    expect(run('r0 = 5\nr0 = *(u64 *)(r1 + 9) probe_mem\nexit', { regions: [ctx] })).toBe(0n);
  });

  test('arena accesses add the base to 32 bits, and skip what is not there', () => {
    const arena = { base: 0xffff_c900_0000_0000n, userBase: 0x7000_0000_0000n };
    const page = { name: 'arena', base: arena.base + 0x10n, bytes: new Uint8Array(8) };
    const options = { regions: [page], arena };
    const text = 'r1 = 0x700000000010 ll\n*(u64 *)(r1 + 0) = 9 probe_mem32\nr0 = *(u32 *)(r1 + 0) probe_mem32\nexit';
    expect(run(text, options)).toBe(9n);
    expect(run('r1 = 0\n*(u64 *)(r1 + 0) = 9 probe_mem32\nr0 = *(u32 *)(r1 + 0) probe_mem32\nexit', options)).toBe(0n);
    expect(run('r1 = 0x700000000010 ll\nr0 = addr_space_cast(r1, 0, 1)\nexit', options)).toBe(0x10n);
    expect(run('r1 = 0x10\nr0 = addr_space_cast(r1, 1, 0)\nexit', options)).toBe(0x7000_0000_0010n);
    expect(run('r1 = 0\nr0 = addr_space_cast(r1, 1, 0)\nexit', options)).toBe(0n);
  });

  test('the scratch register, per-CPU moves, barriers', () => {
    expect(run('ax = 5\nr0 = ax\nexit')).toBe(5n);
    const percpu = (address: bigint) => address + 0x1000n;
    expect(run('r1 = 1\nr0 = &(void __percpu *)(r1)\nexit', { percpu })).toBe(0x1001n);
    expect(run('r0 = 1\nnospec\nexit')).toBe(1n);
    expect(run('r1 = -1\nw0 = w1 zext\nexit', {})).toBe(0xffff_ffffn);
  });
});
