import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type KernelConfig, LINUX_6_18 } from './kernel-config';
import { link } from './link';
import { compiled } from './testing/program';

interface Machine {
  readonly kernel: string;
  readonly cpu_flags: readonly string[];
  readonly symbols: Readonly<Record<string, string>>;
  readonly jit: {
    readonly smp: boolean;
    readonly bmi2: boolean;
    readonly retpoline: boolean;
    readonly return_thunk: string;
    readonly ibt: boolean;
    readonly sls: boolean;
    readonly offsets: Readonly<Record<string, string>>;
    readonly tail_call_limit: number;
    readonly tail_call_offset: number;
  };
}

const machine: Machine = JSON.parse(readFileSync(join(__dirname, 'testdata', 'kernel', 'machine.json'), 'utf8'));

test('LINUX_6_18 is the machine of the captures', () => {
  const { jit, symbols } = machine;
  expect(LINUX_6_18.name).toContain(machine.kernel);
  expect(LINUX_6_18).toMatchObject({
    smp: jit.smp,
    bmi2: jit.bmi2,
    retpoline: jit.retpoline,
    returnThunk: true,
    sls: jit.sls,
    ibt: jit.ibt,
    tailCallLimit: jit.tail_call_limit,
    offsets: {
      mapMaxEntries: Number(jit.offsets['bpf_array.map.max_entries']),
      arrayPtrs: Number(jit.offsets['bpf_array.ptrs']),
      progFunc: Number(jit.offsets['bpf_prog.bpf_func']),
    },
    symbols: {
      bpfCallBase: BigInt(symbols.__bpf_call_base!),
      returnThunk: BigInt(symbols[jit.return_thunk]!),
      indirectThunkRcx: BigInt(symbols.__x86_indirect_thunk_rcx!),
      timedMayGoto: BigInt(symbols.arch_bpf_timed_may_goto!),
      bpfThrow: BigInt(symbols.bpf_throw!),
      thisCpuOff: BigInt(symbols.this_cpu_off!),
      cpuNumber: BigInt(symbols.cpu_number!),
    },
  });
  expect(machine.cpu_flags.includes('bmi2')).toBe(jit.bmi2);
});

const listing = (asm: string, config: Partial<KernelConfig> = {}): string[] =>
  compiled(asm, { config }).listing('main');

const FRAME = 'main: *(u64 *)(r10 - 64) = 1; r0 = 0; exit';
const SET_UP = ['nop dword ptr [rax+rax*1]', 'nop dword ptr [rax]', 'push rbp', 'mov rbp, rsp'];
const LOAD = ['mov r9, fp(main)', 'add r9, qword ptr gs:[this_cpu_off]'];
const BODY = ['mov qword ptr [r9-0x40], 0x1', 'xor eax, eax', 'leave'];

describe('what a configuration changes', () => {
  test('nothing', () => {
    expect(listing(FRAME)).toEqual([...SET_UP, ...LOAD, ...BODY, 'jmp return_thunk']);
  });

  test('no SMP: there is one copy of per-CPU memory', () => {
    expect(listing(FRAME, { smp: false })).toEqual([...SET_UP, LOAD[0], ...BODY, 'jmp return_thunk']);
  });

  test('no return thunk', () => {
    expect(listing(FRAME, { returnThunk: false })).toEqual([...SET_UP, ...LOAD, ...BODY, 'ret']);
  });

  test('no return thunk, but SLS', () => {
    expect(listing(FRAME, { returnThunk: false, sls: true }).slice(-2)).toEqual(['ret', 'int3']);
  });

  test('IBT: a landing pad at the entry, one where tail calls arrive', () => {
    const pads = ['endbr64', ...SET_UP, 'endbr64'];
    expect(listing(FRAME, { ibt: true })).toEqual([...pads, ...LOAD, ...BODY, 'jmp return_thunk']);
  });
});

const TAIL_CALL = 'main: r6 = r1; r3 = *(u32 *)(r1 + 0); call bpf_tail_call; r0 = 0; exit';

describe('an indirect tail call', () => {
  const jumps = (config: Partial<KernelConfig>): string[] => {
    const code = listing(TAIL_CALL, config);
    return code.slice(
      code.findIndex((line) => line.startsWith('add rcx, ')),
      code.indexOf('xor eax, eax'),
    );
  };

  test.each<[what: string, Partial<KernelConfig>, string[]]>([
    ['through the thunk, past the 12 bytes of a prologue', {}, ['add rcx, 0xc', 'jmp indirect_thunk_rcx']],
    ['without retpoline', { retpoline: false }, ['add rcx, 0xc', 'jmp rcx']],
    ['without retpoline, but SLS', { retpoline: false, sls: true }, ['add rcx, 0xc', 'jmp rcx', 'int3']],
    ['with IBT, past 16 bytes', { ibt: true }, ['add rcx, 0x10', 'jmp indirect_thunk_rcx']],
  ])('%s', (_, config, want) => {
    expect(jumps(config)).toEqual(want);
  });

  test.each([false, true])('lands behind the frame set-up; IBT %s', (ibt) => {
    const { image } = compiled(TAIL_CALL, { config: { ibt } });
    const rows = image.functions[0]!.listing();
    const setUp = rows.filter(({ insn }) => insn.site.role === 'frame-setup');
    const landing = rows.find(({ offset }) => offset === (ibt ? 16 : 12))!;
    // With IBT the landing pad is the last of the set-up.
    expect(ibt ? setUp[setUp.length - 1] : landing).toEqual(landing);
    expect(landing.insn.form.mnemonic).toBe(ibt ? 'endbr64' : 'cmp');
    expect(machine.jit.tail_call_offset).toBe(12);
  });

  test('reads the offsets and the limit that the configuration names', () => {
    const offsets = { mapMaxEntries: 0x24, arrayPtrs: 0x110, progFunc: 0x30 };
    const code = listing(TAIL_CALL, { offsets, tailCallLimit: 20 });
    expect(code).toEqual(
      expect.arrayContaining([
        'cmp dword ptr [rsi+0x24], edx',
        'mov rcx, qword ptr [rsi+rdx*8+0x110]',
        'mov rcx, qword ptr [rcx+0x30]',
        'cmp qword ptr [rax], 0x14',
        'cmp rax, 0x14',
      ]),
    );
  });
});

describe('addresses', () => {
  test('of thunks and per-CPU variables are those of the configuration', () => {
    const symbols = {
      ...LINUX_6_18.symbols,
      returnThunk: 0xffffffffc0100000n,
      thisCpuOff: 0xffffffff80001230n,
    };
    const { image, placement } = compiled(FRAME, { config: { symbols } });
    const code = Buffer.from(link(image, placement)[0]!).toString('hex');
    expect(code).toContain('65 4c 03 0c 25 30 12 00 80'.replaceAll(' ', ''));
    const length = image.functions[0]!.bytes.length;
    const displacement = Number(symbols.returnThunk - (placement.functions[0]! + BigInt(length)));
    expect(Buffer.from(code, 'hex').readInt32LE(length - 4)).toBe(displacement);
  });

  test('of user space are the bounds of a probing load', () => {
    const config = { vsyscall: 0xffffffffff700000n, userLimit: 0x100000000000000n };
    const asm = 'main: r0 = *(u64 *)(r1 + 16) probe_mem; exit';
    expect(compiled(asm, { config }).at('main', 0)).toEqual([
      'mov r10, 0xffffffffff700000',
      'mov r11, rdi',
      'add r11, 0x10',
      'sub r11, r10',
      'mov r10, 0x100000000900000',
      'cmp r11, r10',
      'ja +0x33',
      'xor eax, eax',
      'jmp +0x37',
      'mov rax, qword ptr [rdi+0x10]',
    ]);
  });
});
