import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { decodeInsns, formatInsnError, loadProgram, type Program, parseHex, toHex } from '../../jit';
import { formatFault, type InterpreterResult, type InterpretOptions, interpret } from './index';

/** Programs that a 6.18 kernel ran, before and after its verifier, with what came out. */
interface Capture {
  readonly name: string;
  readonly prog_type: string;
  readonly request: {
    readonly ksyms: readonly string[];
    readonly funcs: readonly { readonly insns: readonly string[]; readonly stack_depth: number }[];
  };
  readonly exec?: {
    readonly insns: readonly string[];
    readonly runs: readonly { readonly ctx: string }[];
    readonly results: readonly { readonly retval: number; readonly ctx?: string }[];
  };
}

const DATA = join(__dirname, '..', '..', 'jit', 'testdata', 'kernel');

const captures = gunzipSync(readFileSync(join(DATA, 'captures.ndjson.gz')))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Capture)
  .filter(({ exec }) => exec);

const kernel = JSON.parse(readFileSync(join(DATA, 'machine.json'), 'utf8')) as {
  readonly symbols: Readonly<Record<'__bpf_call_base' | 'cpu_number', string>>;
  readonly helpers: Readonly<Record<string, { readonly name: string; readonly addr?: string }>>;
};

/** The kernel's clock, which an inlined bpf_jiffies64() reads; machine.json does not name it. */
const JIFFIES = 0xffff_ffff_8300_9980n;

const CONTEXT = 0xffff_8881_0400_0000n;

function bytes(hex: string): Uint8Array {
  const parsed = parseHex(hex);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.bytes;
}

const brief = (result: InterpreterResult): string | number =>
  result.kind === 'fault'
    ? formatFault(result.fault)
    : result.kind === 'exit'
      ? Number(BigInt.asUintN(32, result.r0))
      : result.kind;

/** The results of all runs, in the captures' own form. */
function results(program: Program, { exec, prog_type }: Capture, options: InterpretOptions) {
  return exec!.runs.map(({ ctx }) => {
    const context = { name: 'ctx', base: CONTEXT, bytes: bytes(ctx) };
    const result = interpret(program, { ...options, regions: [context, ...(options.regions ?? [])] });
    const after = toHex(result.regions.get('ctx')!);
    return { retval: brief(result), ...(prog_type === 'SYSCALL' && { ctx: after }) };
  });
}

test('there are programs with results', () => {
  expect(captures.length).toBe(303);
});

describe('programs as they were handed to the kernel', () => {
  test.each(captures)('$name', (capture) => {
    const loaded = loadProgram(capture.exec!.insns.join(''));
    if (!loaded.ok) throw new Error(loaded.errors.map(formatInsnError).join('\n'));
    expect(results(loaded.program, capture, {})).toEqual(capture.exec!.results);
  });
});

/** Names of helpers by the distance of their address from `__bpf_call_base`, which is what a resolved call holds. */
const HELPER_AT = new Map<number, string>();
for (const { name, addr } of Object.values(kernel.helpers)) {
  if (addr === undefined) continue;
  const distance = BigInt(addr) - BigInt(kernel.symbols.__bpf_call_base);
  HELPER_AT.set(Number(BigInt.asIntN(32, distance)), name);
}

function rewritten({ request }: Capture): Program {
  const subprogs = request.funcs.map(({ insns }, i) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error(decoded.errors.map(formatInsnError).join('\n'));
    return { name: i === 0 ? 'main' : `func${i}`, insns: decoded.insns };
  });
  return { name: 'prog', subprogs, kfuncs: [], maps: [] };
}

describe("programs as the kernel's verifier rewrote them", () => {
  test.each(captures)('$name', (capture) => {
    const { request } = capture;
    const kernelData = [
      { name: 'cpu_number', base: BigInt(kernel.symbols.cpu_number), bytes: new Uint8Array(4) },
      { name: 'jiffies', base: JIFFIES, bytes: new Uint8Array(8) },
    ];
    const addresses = request.ksyms.map(BigInt);
    const options: InterpretOptions = {
      regions: kernelData,
      frameBytes: Math.max(512, ...request.funcs.map(({ stack_depth }) => stack_depth)),
      resolver: {
        callee: ({ imm }) => HELPER_AT.get(imm),
        address: ({ imm64 }) => imm64,
        subprogAt: (address) => addresses.indexOf(address),
      },
    };
    expect(results(rewritten(capture), capture, options)).toEqual(capture.exec!.results);
  });
});
