import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type FuzzFigures, measureFuzz } from '../harness';
import { EVERY } from '../harness/fuzz';
import {
  BPF_HELPER_CALL,
  BPF_PSEUDO_CALL,
  bpf,
  type CompileInput,
  compile,
  decodeInsns,
  factsFromRequest,
  type Insn,
  LINUX_6_18,
  policyNamed,
  type Resolver,
} from '../jit';
import { UsageError } from './exit-codes';

/** Measured figures of the JIT, each the median of all rounds. */
export interface JitFigures {
  readonly version: 1;
  /** How often all captures were compiled. */
  readonly runs: number;
  /** BPF instructions of all captures. */
  readonly instructions: number;
  readonly instructionsPerSecond: number;
  /** Time to compile, as a multiple of that of a loop that only reads the same instructions. */
  readonly ratioToLoop: number;
  readonly sizes: readonly { readonly instructions: number; readonly milliseconds: number }[];
}

export interface BenchOptions {
  readonly runs: number;
  readonly sizes: readonly number[];
}

const CAPTURES = join(__dirname, '..', 'jit', 'testdata', 'kernel', 'captures.ndjson.gz');

/** Times that programs of the given sizes are compiled. */
const SIZE_ROUNDS = 9;

const resolver: Resolver = {
  call({ src, imm }) {
    if (src === BPF_PSEUDO_CALL) return { kind: 'subprog', name: '', index: imm };
    const kind = src === BPF_HELPER_CALL ? 'helper' : 'kfunc';
    return { kind, name: '', address: LINUX_6_18.symbols.bpfCallBase + BigInt(imm) };
  },
  address: ({ imm64 }) => ({ value: imm64! }),
};

const shared = { policy: policyNamed('linux-6.18')!, config: LINUX_6_18, resolver };

type Request = Parameters<typeof factsFromRequest>[0] & { readonly funcs: readonly { readonly insns: string[] }[] };

function readInputs(): CompileInput[] {
  const lines = gunzipSync(readFileSync(CAPTURES)).toString().trim().split('\n');
  return lines.map((line) => {
    const { name, request } = JSON.parse(line) as { name: string; request: Request };
    const subprogs = request.funcs.map(({ insns }, i) => {
      const decoded = decodeInsns(insns);
      if (!decoded.ok) throw new Error(`capture ${name} does not decode`);
      return { name: `func${i}`, insns: decoded.insns };
    });
    return { name, subprogs, ...factsFromRequest(request), ...shared };
  });
}

/** A program of so many instructions, a tenth of them jumps. */
function programOf(size: number, facts: CompileInput['facts']): CompileInput {
  const insns = Array.from({ length: size }, (_, i): Insn => {
    if (i === size - 1) return bpf.exit();
    return i % 10 === 3 && i + 6 < size ? bpf.jeq64('r1', 7, 5) : bpf.add64(`r${i % 8}` as 'r0', i);
  });
  return { name: `${size}`, subprogs: [{ name: 'main', insns }], facts, blockAddresses: [], ...shared };
}

function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Reads every field of every instruction: what any compiler has to do at least. */
function readAll(inputs: readonly CompileInput[]): number {
  let sum = 0;
  for (const { subprogs } of inputs) {
    for (const { insns } of subprogs)
      for (const { code, dst, src, off, imm } of insns) sum ^= code + dst + src + off + imm;
  }
  return sum;
}

export function measureJit({ runs, sizes }: BenchOptions): JitFigures {
  const inputs = readInputs();
  const compileAll = (): void => inputs.forEach(compile);
  const warmUp = Math.min(runs, 10);
  for (let i = 0; i < warmUp; i++) compileAll();
  const compiling: number[] = [];
  const reading: number[] = [];
  for (let i = 0; i < runs; i++) {
    compiling.push(milliseconds(compileAll));
    reading.push(milliseconds(() => void readAll(inputs)));
  }
  const plain = inputs.find(({ facts }) => facts.subprogs.length === 1 && facts.subprogs[0]!.private === null)!;
  const instructions = inputs.flatMap(({ subprogs }) => subprogs).reduce((sum, { insns }) => sum + insns.length, 0);
  return {
    version: 1,
    runs,
    instructions,
    instructionsPerSecond: Math.round((instructions / median(compiling)) * 1000),
    ratioToLoop: median(compiling) / median(reading),
    sizes: sizes.map((size) => {
      const program = programOf(size, plain.facts);
      const times = Array.from({ length: SIZE_ROUNDS }, () => milliseconds(() => void compile(program)));
      return { instructions: size, milliseconds: median(times) };
    }),
  };
}

function text({ runs, instructions, instructionsPerSecond, ratioToLoop, sizes }: JitFigures): string {
  return [
    `${(instructionsPerSecond / 1e6).toFixed(2)} million BPF instructions a second (${instructions}, median of ${runs} rounds)`,
    `${ratioToLoop.toFixed(0)} times as long as a loop that only reads them`,
    ...sizes.map((each) => `${String(each.instructions).padStart(7)} instructions: ${each.milliseconds.toFixed(1)} ms`),
    '',
  ].join('\n');
}

const us = (value: number): string => `${value.toFixed(0).padStart(6)} us`;

function fuzzText({ policy, rounds, every, compared, twoWorkers }: FuzzFigures): string {
  const lines = compared.flatMap(({ inputs, cases, ratio, cpuRatio, bare, ours, stages }) => [
    `${inputs} input${inputs === 1 ? '' : 's'} a program: ${ratio.toFixed(2)} of the bare loop, ${cpuRatio.toFixed(2)} by processor time (${cases} cases a round)`,
    `${us(bare)}  the bare loop in C: write, invalidate, restore, run, compare`,
    `${us(ours)}  ours`,
    ...Object.entries(stages).map(([stage, time]) => `${us(time)}    ${stage}`),
  ]);
  if (twoWorkers !== null) lines.push(`two workers: ${twoWorkers.toFixed(2)} times one`);
  return `policy ${policy}, median of ${rounds} rounds, every check on one case in ${every}\n${lines.join('\n')}\n`;
}

async function benchFuzz(rounds: number, json: boolean): Promise<void> {
  // As many cases as there are to one that every check looks at: each round has its share of that.
  const sizes = [1, 16].map((inputs) => ({ inputs, cases: EVERY, warmUp: 30_000 }));
  const figures = await measureFuzz({ policy: 'linux-6.18-fixed', rounds, every: EVERY, sizes, together: 8192 });
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : fuzzText(figures));
}

/** `privstack bench`: figures, warm, on this machine. @throws UsageError */
export async function bench(what: string, options: { readonly runs?: number; readonly json?: boolean }): Promise<void> {
  const { runs, json = false } = options;
  if (runs !== undefined && runs < 1) throw new UsageError('--runs must be at least 1');
  if (what === 'fuzz') return benchFuzz(runs ?? 9, json);
  if (what !== 'jit') throw new UsageError(`unknown benchmark \`${what}\`, expected jit or fuzz`);
  const figures = measureJit({ runs: runs ?? 100, sizes: [50_000, 100_000, 200_000] });
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : text(figures));
}
