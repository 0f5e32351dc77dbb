import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { factsFromRequest } from '../analysis';
import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, decodeInsns } from '../bpf';
import type { CompileInput } from '../compile';
import type { Resolver } from '../emit/context';
import { LINUX_6_18 } from '../kernel-config';
import type { Placement } from '../link';
import { policyNamed } from '../policy';

/** What Linux 6.18 was handed to compile, and what it made of it (testdata/kernel/README.md). */
export interface Capture {
  readonly name: string;
  /** Upper case, without BPF_PROG_TYPE_. */
  readonly prog_type: string;
  readonly request: {
    readonly ksyms: readonly string[];
    readonly funcs: readonly {
      readonly insns: readonly string[];
      readonly stack_depth: number;
      readonly arena_vm_start?: string | null;
      readonly arena_user_vm_start?: string | null;
      readonly priv_frame_ptr: string | null;
      readonly is_subprog: boolean;
      readonly tail_call_reachable: boolean;
      readonly exception_boundary: boolean;
      readonly exception_cb: boolean;
    }[];
  };
  readonly want: readonly {
    readonly bytes: string;
    readonly relocs: readonly {
      readonly off: number;
      readonly size: number;
      readonly kind: string;
      readonly target: string;
    }[];
  }[];
  /** The program as it was handed to the kernel, and what it did there. */
  readonly exec?: {
    readonly insns: readonly string[];
    readonly runs: readonly { readonly ctx: string }[];
    readonly results: readonly { readonly retval: number; readonly ctx?: string }[];
  };
}

export function readCaptures(): Capture[] {
  const file = join(__dirname, '..', 'testdata', 'kernel', 'captures.ndjson.gz');
  const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Capture);
}

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

/** A capture's request as the compiler takes it. */
export function compileInput({ name, request }: Capture): CompileInput {
  const subprogs = request.funcs.map(({ insns }, i) => {
    const decoded = decodeInsns(insns);
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
    return { name: `func${i}`, insns: decoded.insns };
  });
  return {
    name,
    subprogs,
    ...factsFromRequest(request),
    policy: policyNamed('linux-6.18')!,
    config: LINUX_6_18,
    resolver,
  };
}

/** Where the kernel placed a capture's functions. */
export const placementOf = ({ request }: Capture): Placement => ({
  functions: request.ksyms.map(BigInt),
  resolve: () => undefined,
});
