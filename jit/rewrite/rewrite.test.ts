import { describe, expect, test } from '@jest/globals';
import {
  analyse,
  decodeInsns,
  type Insn,
  LINUX_6_18,
  loadProgram,
  MAY_GOTO_THUNKS,
  type Program,
  type ProgramType,
  parseAsm,
  printInsn,
  type RewriteOptions,
  rewrite,
} from '..';
import { readCaptures } from '../testing/captures';

/** A program rewritten as the kernel does it. */
function rewritten(program: Program, type: ProgramType, inline = true, mayGoto: RewriteOptions['mayGoto'] = 'offset') {
  const { depths, subprogs } = analyse(program, 'function', { type });
  const throws = subprogs[0]!.exceptionBoundary;
  const options = { config: LINUX_6_18, ownDepths: depths.own, throws, inline, mayGoto };
  return { own: depths.own, ...rewrite(program, options) };
}

/** Calls and addresses are numbered differently on both sides; everything else is compared. */
function comparable(insn: Insn): string {
  if (insn.code === 0x85) return 'call';
  return insn.code === 0x18 && insn.src !== 0 ? 'address' : printInsn(insn);
}

/**
 * Where the verifier followed values: a branch that is always or never taken, and the code behind it. The rewrites do
 * not do that; each of these differs first at such a branch.
 */
const DEAD_CODE = new Set([
  ...['jmp/JGE32-imm', 'jmp/JGE64-imm', 'jmp/JLE32-imm', 'jmp/JLE64-imm', 'jmp/JSLE32-imm'],
  ...['random/rawtp-002', 'random/rawtp-031', 'random/rawtp-032', 'random/rawtp-079', 'random/rawtp-086'],
  ...['random/rawtp-152', 'random/rawtp-157', 'random/rawtp-176', 'random/syscall-006', 'random/syscall-012'],
  ...['random/syscall-072', 'random/syscall-114', 'random/syscall-138', 'random/syscall-186', 'random/syscall-192'],
]);

const whole = readCaptures().filter(({ exec }) => exec !== undefined);

test.each(whole.map((capture) => [capture.name, capture] as const))('%s', (name, { exec, prog_type, request }) => {
  const loaded = loadProgram(exec!.insns.join(''), { name: 'prog' });
  if (!loaded.ok) throw new Error('the program of a capture does not load');
  const { program, depths, own } = rewritten(loaded.program, prog_type.toLowerCase() as ProgramType);
  const ours = program.subprogs.map(({ insns }) => insns.map(comparable));
  const kernel = request.funcs.map(({ insns }) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error('the request of a capture does not decode');
    return decoded.insns.map(comparable);
  });
  if (DEAD_CODE.has(name)) {
    const length = (functions: readonly (readonly string[])[]) => functions.flat().length;
    expect(length(ours)).toBeGreaterThan(length(kernel));
    return;
  }
  expect(ours).toEqual(kernel);
  expect(own.map((depth, i) => depth + depths[i]!)).toEqual(request.funcs.map(({ stack_depth }) => stack_depth));
});

function parsed(asm: string): Program {
  const result = parseAsm(asm, { name: 'prog' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.program;
}

describe('what no capture shows', () => {
  const rows: readonly [string, string, readonly string[]][] = [
    [
      '64-bit remainder by a register',
      'r0 s%= r1',
      ['ax = r1', 'ax += 1', 'if ax > 1 goto +3', 'if ax == 1 goto +3', 'w0 = 0', 'goto +1', 'r0 s%= r1'],
    ],
    ['32-bit quotient by -1', 'w3 s/= -1', ['w3 = -w3']],
    ['32-bit remainder by -1', 'w3 s%= -1', ['w3 = 0']],
    ['an unsigned quotient by -1 stays', 'r3 /= -1', ['r3 /= -1']],
    [
      'may_goto',
      'may_goto +0',
      [
        '*(u64 *)(r10 - 16) = 65535',
        '*(u64 *)(r10 - 8) = 0',
        'ax = *(u64 *)(r10 - 16)',
        'if ax == 0 goto +5',
        'ax -= 1',
        'if ax != 0 goto +2',
        'ax = -16',
        'call kfunc#0',
        '*(u64 *)(r10 - 16) = ax',
      ],
    ],
  ];
  test.each(rows)('%s', (_name, asm, want) => {
    const { program } = rewritten(parsed(`${asm}\nr0 = 0\nexit`), 'kprobe');
    const text = program.subprogs[0]!.insns.map((insn) => printInsn(insn));
    expect(text.slice(0, -2)).toEqual(want);
  });

  test('may_goto whose thunk takes a pointer', () => {
    const { program } = rewritten(parsed('may_goto +0\nr0 = 0\nexit'), 'kprobe', true, 'pointer');
    expect(program.kfuncs).toEqual([MAY_GOTO_THUNKS.pointer]);
    expect(program.subprogs[0]!.insns.map((insn) => printInsn(insn)).slice(2, -2)).toEqual([
      ...['ax = *(u64 *)(r10 - 16)', 'if ax == 0 goto +6', 'ax -= 1', 'if ax != 0 goto +3'],
      ...['ax = r10', 'ax += -16', 'call kfunc#0', '*(u64 *)(r10 - 16) = ax'],
    ]);
  });

  test('jumps over and into what grew still arrive', () => {
    const asm = 'r0 = 8; r1 = 2; goto over\nagain: r0 /= r1\nover: r0 /= r1; if r0 > 1 goto again; exit';
    const { program, origins } = rewritten(parsed(asm), 'kprobe');
    const text = program.subprogs[0]!.insns.map((insn) => printInsn(insn));
    expect(text).toEqual([
      ...['r0 = 8', 'r1 = 2', 'goto +4'],
      ...['if r1 != 0 goto +2', 'w0 ^= w0', 'goto +1', 'r0 /= r1'],
      ...['if r1 != 0 goto +2', 'w0 ^= w0', 'goto +1', 'r0 /= r1'],
      ...['if r0 > 1 goto -9', 'exit'],
    ]);
    expect(origins[0]).toEqual([0, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 6]);
  });

  test('a program that throws and has no callback gets the hidden one', () => {
    const { program, exceptionCallback } = rewritten(parsed('r1 = 0; call bpf_throw; r0 = 0; exit'), 'tracepoint');
    expect(exceptionCallback).toBe(1);
    expect(program.subprogs[1]!.insns.map((insn) => printInsn(insn))).toEqual(['r0 = r1', 'exit']);
  });

  test('helpers stay calls where inlining is off', () => {
    const { program } = rewritten(parsed('call bpf_get_smp_processor_id; exit'), 'kprobe', false);
    expect(program.subprogs[0]!.insns).toHaveLength(2);
  });
});

/** Each measured on Linux 6.18: loaded, and the rewritten program read back. */
describe('whether r0 is extended behind a 32-bit compare and exchange', () => {
  const extended = (asm: string): boolean => {
    const { program } = rewritten(parsed(asm), 'raw_tracepoint');
    return program.subprogs.some(({ insns }) => insns.some(({ code, imm }) => code === 0xbc && imm === 1));
  };
  const exchange = 'r0 = 1; r2 = 2; *(u64 *)(r10 - 8) = r0; w0 = cmpxchg32_32(r10 - 8, w0, w2)';
  test.each([
    ['a swap of 64 bits reads all of it', 'r0 = bswap64 r0; r0 = 0', true],
    ['a swap of 32 bits does not', 'r0 = bswap32 r0', false],
    ['a swap of 16 bits does not', 'r0 = bswap16 r0', false],
    ['an acquiring load overwrites it', 'r0 = load_acquire((u64 *)(r10 - 8))', false],
    ['a 32-bit move of it does not', 'w3 = w0; r0 = 0', false],
    ['a 64-bit move does', 'r3 = r0; r0 = 0', true],
    ['the exit of the program does', '', true],
  ])('%s', (_name, use, want) => {
    expect(extended(`${exchange}; ${use}; exit`)).toBe(want);
  });

  test.each([
    ['overwrites it', 'r0 = 0', false],
    ['reads its lower half', 'w6 = w0; r0 = 0', false],
    ['reads all of it', 'r6 = r0; r0 = 0', true],
    ['returns it', '', true],
  ])('the result of a static subprog whose caller %s', (_name, use, want) => {
    expect(extended(`main: call sub; ${use}; exit\nsub: ${exchange}; exit`)).toBe(want);
  });
});
