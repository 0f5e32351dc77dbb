import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  BPF_HELPER_CALL,
  BPF_PSEUDO_CALL,
  type CompileInput,
  compile,
  decodeInsns,
  factsFromRequest,
  JitError,
  LINUX_6_18,
  LinkError,
  link,
  policyNamed,
  type Resolver,
} from '../../jit';
import { applied } from './apply';
import type { Mutation } from './mutation';

/** What Linux 6.18 was handed to compile, and what it made of it (jit/testdata/kernel/README.md). */
interface Capture {
  readonly name: string;
  readonly input: Omit<CompileInput, 'policy'>;
  readonly functions: readonly bigint[];
  readonly want: readonly Buffer[];
}

const FILE = join(__dirname, '..', '..', 'jit', 'testdata', 'kernel', 'captures.ndjson.gz');

const { bpfCallBase, bpfThrow } = LINUX_6_18.symbols;

/** Captures hold addresses: helpers and kfuncs relative to __bpf_call_base, maps and callbacks as they are. */
const resolver: Resolver = {
  call({ src, imm }) {
    if (src === BPF_PSEUDO_CALL) return { kind: 'subprog', name: `func${imm}`, index: imm };
    const address = bpfCallBase + BigInt(imm);
    const kind = src === BPF_HELPER_CALL ? 'helper' : 'kfunc';
    return { kind, name: address === bpfThrow ? 'bpf_throw' : `0x${address.toString(16)}`, address };
  },
  address: ({ imm64 }) => ({ value: imm64! }),
};

type Line = {
  readonly name: string;
  readonly request: Parameters<typeof factsFromRequest>[0] & {
    readonly ksyms: readonly string[];
    readonly funcs: readonly { readonly insns: readonly string[] }[];
  };
  readonly want: readonly { readonly bytes: string }[];
};

function read({ name, request, want }: Line): Capture {
  const subprogs = request.funcs.map(({ insns }, i) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error(`the capture ${name} cannot be read`);
    return { name: `func${i}`, insns: decoded.insns };
  });
  return {
    name,
    input: { name, subprogs, ...factsFromRequest(request), config: LINUX_6_18, resolver },
    functions: request.ksyms.map(BigInt),
    want: want.map(({ bytes }) => Buffer.from(bytes, 'hex')),
  };
}

let captures: readonly Capture[] | undefined;

function load(): readonly Capture[] {
  captures ??= gunzipSync(readFileSync(FILE))
    .toString()
    .trim()
    .split('\n')
    .map((line) => read(JSON.parse(line) as Line));
  return captures;
}

/** A program whose bytes a mutation changes. */
export interface Difference {
  readonly capture: string;
  readonly fn: number;
  /** The function as the kernel made it, and as the mutant does; null when it is not compiled at all. */
  readonly codes: readonly [KernelCode, KernelCode] | null;
}

interface KernelCode {
  readonly bytes: Uint8Array;
  readonly address: bigint;
}

function differenceIn({ name, input, functions, want }: Capture, mutation: Mutation): Difference | null {
  const { policy, rework } = applied(mutation, policyNamed('linux-6.18')!);
  const { subprogs, facts } = input;
  const program = { name, subprogs, facts: facts.subprogs, callGraph: { edges: [] } };
  try {
    const image = compile({ ...input, policy, rework: rework(program) });
    const code = link(image, { functions, resolve: () => undefined });
    for (const [fn, bytes] of code.entries()) {
      const other = want[fn]!;
      if (other.equals(bytes)) continue;
      const address = functions[fn]!;
      return { capture: name, fn, codes: [other, bytes].map((each) => ({ bytes: each, address })) as never };
    }
  } catch (error) {
    if (!(error instanceof JitError) && !(error instanceof LinkError)) throw error;
    return { capture: name, fn: error instanceof JitError ? error.subprog : 0, codes: null };
  }
  return null;
}

/** The first program that Linux 6.18 compiled and that a mutation of policy linux-6.18 compiles to other bytes. */
export function byteDifference(mutation: Mutation): Difference | null {
  for (const capture of load()) {
    const found = differenceIn(capture, mutation);
    if (found) return found;
  }
  return null;
}
