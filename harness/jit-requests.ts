import {
  type Analysis,
  analyse,
  compile,
  decodeInsns,
  factsFromRequest,
  formatInsnError,
  type JitImage,
  type KernelConfig,
  LINUX_6_18,
  link,
  MAY_GOTO_THUNKS,
  type Placement,
  type Program,
  type ProgramFacts,
  type Resolver,
  type StackPolicy,
  type SymbolRef,
  targetOf,
  validateProgram,
} from '../jit';
import { resolver as namedResolver } from './build';
import addresses from './kernel/linux-6.18-helpers.json';
import { PercpuAllocator } from './kernel/percpu';
import { address, programType, type Request, RequestProblem, strings, verify, wholeProgram } from './request-program';

/** A place in a function's bytes that depends on addresses, as the captures word it. */
export interface RequestReloc {
  readonly off: number;
  readonly size: number;
  readonly kind: string;
  readonly target: string;
  readonly sym?: string;
}

export interface JitAnswer {
  readonly name: unknown;
  /** Hex, by function. */
  readonly funcs: readonly string[];
  readonly relocs: readonly (readonly RequestReloc[])[];
  readonly analysis?: readonly object[];
}

/** Where functions go that the request does not place. */
const IMAGE = 0xffffffffc0020000n;

const HELPER_ADDRESSES: Readonly<Record<string, string>> = addresses;

/** Address of a helper, or one in reach for what has none here. */
function symbolAddress(config: KernelConfig, { name }: SymbolRef): bigint {
  if (name === 'bpf_throw') return config.symbols.bpfThrow;
  if (Object.values(MAY_GOTO_THUNKS).includes(name)) return config.symbols.timedMayGoto;
  return BigInt(HELPER_ADDRESSES[name] ?? config.symbols.bpfCallBase + 0x100n);
}

function kindOf({ kind, size, symbol }: JitImage['functions'][number]['relocations'][number], opcode: number): string {
  if (kind === 'rel') return opcode === 0xe8 ? 'call' : 'jmp';
  if (symbol.kind === 'percpu') return 'gs_disp32';
  if (symbol.kind === 'private-frame') return 'percpu_priv_frame';
  return size === 8 ? 'addr64' : 'addr32s';
}

function answer(name: unknown, image: JitImage, placement: Placement, shown: number): JitAnswer {
  const code = link(image, placement);
  const functions = image.functions.slice(0, shown);
  return {
    name,
    funcs: functions.map((_, i) => Buffer.from(code[i]!).toString('hex')),
    relocs: functions.map((fn) =>
      fn.relocations.map((relocation): RequestReloc => {
        const { offset, size, symbol } = relocation;
        const kind = kindOf(relocation, fn.bytes[offset - 1]!);
        const target = `0x${targetOf(relocation, placement).toString(16)}`;
        return { off: offset, size, kind, target, ...(symbol.name !== '' && { sym: symbol.name }) };
      }),
    ),
  };
}

/** Places functions at the request's addresses, or one behind the other. */
function place(image: JitImage, ksyms: unknown, config: KernelConfig): Placement {
  const given =
    ksyms === undefined || ksyms === null ? [] : strings(ksyms, 'ksyms').map((each) => address(each, 'ksyms'));
  let next = IMAGE;
  const functions = image.functions.map(({ bytes }, i) => {
    const start = given[i] ?? next;
    next = start + BigInt(Math.ceil(bytes.length / 16) * 16);
    return start;
  });
  return { functions, resolve: (symbol) => symbolAddress(config, symbol) };
}

/** Whether a constant can only be the address of something allocated: in the direct map or the vmalloc area. */
const isKernelObject = (value: bigint): boolean => value >= 0xffff888000000000n && value < 0xffffea0000000000n;

/** Calls and addresses as a kernel's own: relative to its call base, and as they are. */
function rawResolver(config: KernelConfig, program: Program): Resolver {
  return {
    call(insn) {
      if (insn.src === 1) return { kind: 'subprog', name: program.subprogs[insn.imm]?.name ?? '', index: insn.imm };
      const target = config.symbols.bpfCallBase + BigInt(insn.imm);
      const throws = target === config.symbols.bpfThrow;
      return { kind: insn.src === 2 ? 'kfunc' : 'helper', name: throws ? 'bpf_throw' : '', address: target };
    },
    address({ src, imm64 = 0n }) {
      if (src === 0 && !isKernelObject(imm64)) return { value: imm64 };
      return { value: imm64, symbol: { kind: 'map', name: '?', address: imm64 } };
    },
  };
}

/** The functions of a request, as the kernel's JIT got them. */
function requestedFunctions(funcs: readonly { readonly insns?: unknown }[]): Program {
  const subprogs = funcs.map(({ insns }, index) => {
    const decoded = decodeInsns(strings(insns, `funcs[${index}].insns`));
    if (!decoded.ok)
      throw new RequestProblem(`funcs[${index}]: ${decoded.errors.map(({ message }) => message).join('; ')}`);
    return { name: index === 0 ? 'main' : `func${index}`, insns: decoded.insns };
  });
  return { name: 'request', subprogs, kfuncs: [], maps: [] };
}

/** The facts of a request under a policy: another layout than the kernel's is planned here. */
function plan(
  program: Program,
  request: Request,
  policy: StackPolicy,
): { facts: ProgramFacts; blocks: readonly bigint[] } {
  const { facts, blockAddresses } = factsFromRequest(request);
  if (policy.block === 'function') return { facts, blocks: blockAddresses };
  const planned = analyse(program, policy.block, { type: programType(request.prog_type) });
  const allocator = new PercpuAllocator();
  const subprogs = facts.subprogs.map((each, i) => ({ ...each, private: planned.subprogs[i]!.private }));
  return {
    facts: { subprogs, blocks: planned.blocks },
    blocks: planned.blocks.map(({ size }) => allocator.allocate(size)),
  };
}

/** Compiles what a kernel's JIT was given: functions after all rewrites, facts included. */
function compileFunctions(request: Request, policy: StackPolicy, config: KernelConfig): JitAnswer {
  if (!Array.isArray(request.funcs) || request.funcs.length === 0) {
    throw new RequestProblem('funcs: expected a list of functions');
  }
  const program = requestedFunctions(request.funcs as { insns?: unknown }[]);
  const errors = validateProgram(program, { kernelInternal: true });
  if (errors.length > 0) throw new RequestProblem(errors.slice(0, 5).map(formatInsnError).join('; '));
  const { facts, blocks } = plan(program, request, policy);
  const { subprogs } = program;
  const resolver = rawResolver(config, program);
  const image = compile({ name: 'request', subprogs, facts, blockAddresses: blocks, policy, config, resolver });
  return answer(request.name ?? null, image, place(image, request.ksyms, config), image.functions.length);
}

const shownFacts = ({ subprogs }: Analysis, count: number): object[] =>
  subprogs.slice(0, count).map((facts) => ({
    stack_depth: facts.stackDepth,
    private: facts.private !== null,
    is_subprog: facts.isSubprog,
    tail_call_reachable: facts.tailCallReachable,
    exception_boundary: facts.exceptionBoundary,
    exception_cb: facts.exceptionCallback,
  }));

/** Compiles a whole program, as it is handed to a kernel. */
function compileWhole(request: Request, policy: StackPolicy, config: KernelConfig): JitAnswer {
  const { program, analysis, hidden } = verify(wholeProgram(request), policy, config, true);
  const allocator = new PercpuAllocator();
  const frames = Array.isArray(request.priv_frame_ptrs) ? (request.priv_frame_ptrs as unknown[]) : [];
  const blocks = analysis.blocks.map(({ owner, size }) => {
    const { offset } = analysis.subprogs[owner]!.private!;
    const given = frames[owner];
    return given === undefined || given === null
      ? allocator.allocate(size)
      : address(given, `priv_frame_ptrs[${owner}]`) - BigInt(offset);
  });
  const { subprogs } = program;
  const resolver = namedResolver(program, () => 0xffff888105000000n);
  const image = compile({
    name: 'request',
    subprogs,
    facts: analysis,
    blockAddresses: blocks,
    policy,
    config,
    resolver,
  });
  const shown = subprogs.length - hidden;
  const placement = place(image, request.ksyms, config);
  return { ...answer(request.name ?? null, image, placement, shown), analysis: shownFacts(analysis, shown) };
}

/**
 * Answers one request of `jit --ndjson`.
 * @throws RequestProblem, RequestError, JitError or LinkError: their messages are the answer
 */
export function answerJit(request: Request, policy: StackPolicy, config: KernelConfig = LINUX_6_18): JitAnswer {
  if (request.insns !== undefined && request.funcs === undefined) return compileWhole(request, policy, config);
  return compileFunctions(request, policy, config);
}
