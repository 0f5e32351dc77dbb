import {
  bpf,
  type CompileInput,
  compile,
  type Insn,
  type KernelConfig,
  link,
  policyNamed,
  type SubprogFacts,
} from '../../jit';
import type { CodeFunction } from '../run/code';
import { compiledCode } from '../run/code';

/** The callback that a kernel adds to a program that throws and has none. No kernel shows its image. */
export interface DefaultCallback {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly facts: SubprogFacts;
  readonly code: CodeFunction;
  readonly bytes: Uint8Array;
}

const INSNS = [bpf.mov64('r0', 'r1'), bpf.exit()];

/**
 * Compiles it by the kernel's rules, for a boundary with those facts: it pops what the boundary pushed, from where it is
 * told that this is.
 * @throws JitError
 */
export function defaultCallback(
  boundary: SubprogFacts,
  input: Pick<CompileInput, 'blockAddresses'> & { readonly blocks: CompileInput['facts']['blocks'] },
  config: KernelConfig,
  address: bigint,
): DefaultCallback {
  const name = 'default_exception_cb';
  const facts: SubprogFacts = {
    isSubprog: true,
    stackDepth: 0,
    private: null,
    tailCallReachable: false,
    exceptionBoundary: false,
    exceptionCallback: true,
    arena: null,
    tailCalls: [],
  };
  const image = compile({
    name,
    subprogs: [
      { name: 'main', insns: [bpf.exit()] },
      { name, insns: INSNS },
    ],
    facts: { subprogs: [boundary, facts], blocks: input.blocks },
    blockAddresses: input.blockAddresses,
    policy: policyNamed('linux-6.18')!,
    config,
    resolver: {
      call: () => ({ kind: 'kfunc', name: 'none' }),
      address: ({ imm64 = 0n }) => ({ value: imm64 }),
    },
  });
  const code = link(image, { functions: [address, address], resolve: () => undefined });
  return { name, insns: INSNS, facts, code: compiledCode(image)[1]!, bytes: code[1]! };
}
