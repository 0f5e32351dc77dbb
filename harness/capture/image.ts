import {
  BPF_HELPER_CALL,
  BPF_PSEUDO_CALL,
  compile,
  type Insn,
  JitError,
  type JitImage,
  type KernelConfig,
  LinkError,
  link,
  policyNamed,
  type RequestFacts,
  type Resolver,
} from '../../jit';
import type { Callees } from './callees';
import { subprogName } from './program';

/** Calls and addresses as a kernel has them: relative to its call base, and as they are. */
export function kernelResolver(config: KernelConfig, names?: Pick<Callees, 'of'>): Resolver {
  return {
    call(insn) {
      const { src, imm } = insn;
      if (src === BPF_PSEUDO_CALL) return { kind: 'subprog', name: subprogName(imm), index: imm };
      const address = BigInt.asUintN(64, config.symbols.bpfCallBase + BigInt(imm));
      const kind = src === BPF_HELPER_CALL ? 'helper' : 'kfunc';
      const throws = address === config.symbols.bpfThrow;
      return { kind, name: throws ? 'bpf_throw' : (names?.of(insn, undefined).name ?? ''), address };
    },
    address: ({ imm64 = 0n }) => ({ value: imm64 }),
  };
}

/** What our JIT makes of a request for that machine; null where it cannot. */
export function compileRequest(
  functions: readonly (readonly Insn[])[],
  { facts, blockAddresses }: RequestFacts,
  ksyms: readonly bigint[],
  config: KernelConfig,
  names?: Pick<Callees, 'of'>,
): { readonly image: JitImage; readonly code: readonly Uint8Array[] } | null {
  const subprogs = functions.map((insns, i) => ({ name: subprogName(i), insns }));
  const resolver = kernelResolver(config, names);
  const policy = policyNamed('linux-6.18')!;
  try {
    const image = compile({ name: 'request', subprogs, facts, blockAddresses, policy, config, resolver });
    return { image, code: link(image, { functions: ksyms, resolve: () => undefined }) };
  } catch (error) {
    if (error instanceof JitError || error instanceof LinkError) return null;
    throw error;
  }
}

export const sameBytes = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0);
