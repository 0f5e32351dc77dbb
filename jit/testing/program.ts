import { type AnalysisOptions, analyse } from '../analysis';
import { BPF_HELPER_CALL, BPF_PSEUDO_CALL, HELPERS, type Program, parseAsm } from '../bpf';
import { compile } from '../compile';
import type { Resolver } from '../emit/context';
import type { JitImage } from '../image';
import { type KernelConfig, LINUX_6_18 } from '../kernel-config';
import { link, type Placement } from '../link';
import { policyNamed, type StackPolicy } from '../policy';
import { eachInstruction } from '../x86/testing/from-iced';
import { icedIntel } from '../x86/testing/iced-text';

export interface Options extends Partial<AnalysisOptions> {
  readonly policy?: string | StackPolicy;
  readonly config?: Partial<KernelConfig>;
}

const CODE = 0xffffffffc0000000n;
const HELPERS_AT = 0xffffffff81500000n;
const BLOCKS = 0x607900000000n;

export function program(asm: string): Program {
  const parsed = parseAsm(asm, { kernelInternal: true });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.program;
}

const calleeNames = ({ kfuncs }: Program): string[] => [...HELPERS.names, ...kfuncs];

function resolverOf(source: Program): Resolver {
  const names = calleeNames(source);
  return {
    call({ src, imm }) {
      if (src === BPF_PSEUDO_CALL) return { kind: 'subprog', name: source.subprogs[imm]!.name, index: imm };
      const isHelper = src === BPF_HELPER_CALL;
      const name = isHelper ? HELPERS.name(imm)! : source.kfuncs[imm]!;
      return { kind: isHelper ? 'helper' : 'kfunc', name, address: HELPERS_AT + BigInt(16 * names.indexOf(name)) };
    },
    address: ({ imm64 }) => ({ value: imm64! }),
  };
}

export interface Compiled {
  readonly image: JitImage;
  readonly code: readonly Uint8Array[];
  readonly placement: Placement;
  /** Machine code of a subprog as iced-x86 reads the linked bytes, with names for addresses. */
  listing(subprog: string): string[];
  /** That of one BPF instruction. */
  at(subprog: string, pc: number): string[];
}

/** A program, in the kernel's assembly or as instructions, compiled and placed. */
export function compiled(
  given: string | Program,
  { policy = 'linux-6.18', config, ...options }: Options = {},
): Compiled {
  const source = typeof given === 'string' ? program(given) : given;
  const stackPolicy = typeof policy === 'string' ? policyNamed(policy)! : policy;
  const kernel = { ...LINUX_6_18, ...config };
  const facts = analyse(source, stackPolicy.block, { type: 'kprobe', ...options });
  const blockAddresses = facts.blocks.map((_, i) => BLOCKS + 0x1000n * BigInt(i));
  const { name, subprogs } = source;
  const image = compile({
    ...{ name, subprogs, facts, blockAddresses },
    ...{ policy: stackPolicy, config: kernel, resolver: resolverOf(source) },
  });
  const placement: Placement = {
    functions: subprogs.map((_, i) => CODE + 0x1000n * BigInt(i)),
    resolve: () => undefined,
  };
  const code = link(image, placement);

  const names = new Map<bigint, string>([
    ...calleeNames(source).map((callee, i) => [HELPERS_AT + BigInt(16 * i), callee] as const),
    ...subprogs.map(({ name }, i) => [placement.functions[i]!, name] as const),
    [kernel.symbols.returnThunk, 'return_thunk'],
    [kernel.symbols.indirectThunkRcx, 'indirect_thunk_rcx'],
    [kernel.symbols.thisCpuOff, 'this_cpu_off'],
  ]);
  facts.subprogs.forEach(({ private: frame }, i) => {
    if (frame) names.set(blockAddresses[frame.block]! + BigInt(frame.offset), `fp(${subprogs[i]!.name})`);
  });
  const indexOf = (subprog: string): number => subprogs.findIndex(({ name }) => name === subprog);
  const listing = (subprog: string): string[] => {
    const start = placement.functions[indexOf(subprog)]!;
    const lines: string[] = [];
    eachInstruction(code[indexOf(subprog)]!, start, (iced) => {
      const text = icedIntel(iced).replace(/(-?)0x([0-9a-f]+)/g, (number, sign: string, digits: string) => {
        const value = BigInt.asUintN(64, BigInt(`0x${digits}`) * (sign ? -1n : 1n));
        const inside = value > start && value < start + 0x1000n;
        return names.get(value) ?? (inside ? `+0x${(value - start).toString(16)}` : number);
      });
      lines.push(text);
    });
    return lines;
  };
  const at = (subprog: string, pc: number): string[] => {
    const rows = image.functions[indexOf(subprog)]!.listing();
    return listing(subprog).filter((_, i) => rows[i]!.insn.site.pc === pc);
  };
  return { image, code, placement, listing, at };
}
