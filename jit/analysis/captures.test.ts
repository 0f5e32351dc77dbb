import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { BPF_CALL, BPF_JMP, decodeInsns, decodeProgram, HELPERS, type Insn, isLdImm64, type Program } from '../bpf';
import { type AnalysisOptions, analyse, factsFromRequest, isProgramType } from './index';

/** What a 6.18 kernel was handed (`exec`), and what its verifier handed to its JIT (`request`). */
interface Capture {
  readonly name: string;
  readonly prog_type: string;
  readonly request: Request;
  readonly exec?: { readonly insns: readonly string[] };
}

interface Request {
  readonly ksyms: readonly string[];
  readonly expected_attach_type?: string;
  readonly funcs: readonly { readonly insns: readonly string[] }[];
}

interface Machine {
  readonly symbols: Readonly<Record<string, string>>;
  readonly helpers: Readonly<Record<string, { readonly addr?: string }>>;
}

const DATA = join(__dirname, '..', 'testdata', 'kernel');
const machine: Machine = JSON.parse(readFileSync(join(DATA, 'machine.json'), 'utf8'));
const captures = gunzipSync(readFileSync(join(DATA, 'captures.ndjson.gz')))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Capture);

/** Bytes that rewrites add to frames, by capture: the analysis is of what was there before. */
const REWRITTEN: Readonly<Record<string, readonly number[]>> = {
  // bpf_loop, inlined: three registers are saved.
  'callback/loop-128-512': [24, 0],
};

/** Entries of the captures' arrays of programs, which the captures do not tell: 9 is the one constant index out of range. */
const ARRAY_ENTRIES = new Map([['map', 8]]);

function optionsOf({ prog_type, request }: Capture): AnalysisOptions {
  const type = prog_type.toLowerCase();
  if (!isProgramType(type)) throw new Error(`unknown program type ${prog_type}`);
  const { subprogs } = factsFromRequest(request).facts;
  const callback = subprogs.findIndex(({ exceptionCallback }) => exceptionCallback);
  return {
    type,
    attachType: request.expected_attach_type?.replace('TRACE_', '').toLowerCase(),
    exceptionCallback: callback < 0 ? undefined : callback,
    arena: subprogs[0]!.arena ?? undefined,
    arrayEntries: ARRAY_ENTRIES,
  };
}

/** The program as it was handed to the kernel. */
function handedOver(slots: readonly string[]): Program {
  const decoded = decodeProgram(Buffer.from(slots.join(''), 'hex'));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  return decoded.program;
}

const CALL = BPF_JMP | BPF_CALL;
const TAIL_CALL = HELPERS.id('bpf_tail_call')!;
const KFUNCS = ['bpf_throw', 'other'];

/** The verifier's output as a program again: addresses turned back into indices. */
function rewritten({ ksyms, funcs }: Request): Program {
  const base = BigInt(machine.symbols.__bpf_call_base!);
  const helperAt = new Map(Object.entries(machine.helpers).map(([id, { addr }]) => [addr, Number(id)]));
  const back = (insn: Insn): Insn => {
    const target = `0x${(base + BigInt(insn.imm)).toString(16)}`;
    if (insn.code === CALL && insn.src === 0)
      return { ...insn, imm: insn.imm === TAIL_CALL ? TAIL_CALL : (helperAt.get(target) ?? 0) };
    if (insn.code === CALL && insn.src === 2) return { ...insn, imm: target === machine.symbols.bpf_throw ? 0 : 1 };
    if (!isLdImm64(insn) || insn.src === 0) return insn;
    // Which map it is does not matter.
    return { ...insn, imm64: insn.src === 4 ? BigInt(ksyms.indexOf(`0x${insn.imm64!.toString(16)}`)) : 0n };
  };
  const subprogs = funcs.map(({ insns }, i) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
    return { name: `func${i}`, insns: decoded.insns.map(back) };
  });
  return { name: 'prog', subprogs, kfuncs: KFUNCS, maps: ['map'] };
}

function compare(capture: Capture, program: Program, rewriteDepths: readonly number[]): void {
  const { facts } = factsFromRequest(capture.request);
  const analysis = analyse(program, 'function', { ...optionsOf(capture), rewriteDepths });
  expect(analysis.subprogs).toEqual(facts.subprogs);
  expect(analysis.blocks).toEqual(facts.blocks);
  expect(analysis.refusal).toBeNull();
}

describe('programs as they were handed to the kernel', () => {
  const runnable = captures.filter(({ exec }) => exec);
  expect(runnable.length).toBe(303);
  test.each(runnable)('$name', (capture) => {
    compare(capture, handedOver(capture.exec!.insns), REWRITTEN[capture.name] ?? []);
  });
});

describe("the verifier's output", () => {
  expect(captures.length).toBe(565);
  // What rewrites need of a frame is in their instructions.
  test.each(captures)('$name', (capture) => {
    compare(capture, rewritten(capture.request), []);
  });
});
