import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  type JitFunction,
  LINUX_6_18,
  type Program,
  parseAsm,
  pcsOf,
  policyNamed,
  type StackPolicy,
} from '../../jit';
import { compileProgram } from '../build';
import { PercpuAllocator } from '../kernel/percpu';
import type { Cost, PolicyCosts, Size } from '../report/matrix-model';
import { verify } from '../request-program';

/** Frames that are private under every layout that has any; one call of each kind that returns. */
const PLAIN = `
  main:
    *(u64 *)(r10 - 128) = 1
    call bpf_ktime_get_ns
    call bpf_rcu_read_lock
    call sub
    r0 = 0
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    r0 = 0
    exit`;

/** The same, and a throw: main is an exception boundary. Nothing of it is ever run. */
const THROWING = `${PLAIN.replace('call sub', 'call sub\n    r1 = 0\n    call bpf_throw')}
  .func caught
  caught:
    *(u64 *)(r10 - 136) = 3
    r0 = 0
    exit`;

/** In the order of the calls. */
const CALL_KINDS = ['helper', 'kfunc', 'subprog', 'throw'] as const;

const ENTRY = -1;
/** Where each subprog stores to its frame. */
const ACCESS = 0;

/** Machine code of a subprog by the BPF instruction that it comes from, -1 for the prologue; and all of it. */
interface Measured {
  readonly at: (pc: number) => Size;
  readonly whole: Size;
  readonly exit: number;
  readonly calls: readonly number[];
}

function measure(fn: JitFunction, { subprogs }: Program): Measured {
  const rows = fn.listing();
  const size = (chosen: typeof rows): Size => ({
    bytes: chosen.reduce((sum, row) => sum + row.size, 0),
    insns: chosen.length,
  });
  const { insns } = subprogs[fn.index]!;
  const pcs = pcsOf(insns);
  const of = (code: number) => insns.flatMap((insn, i) => (insn.code === (BPF_JMP | code) ? [pcs[i]!] : []));
  return {
    at: (pc) => size(rows.filter(({ insn }) => insn.site.pc === pc)),
    whole: size(rows),
    exit: of(BPF_EXIT)[0]!,
    calls: of(BPF_CALL),
  };
}

function compiled(asm: string, exceptionCallback: number | undefined, policy: StackPolicy): Measured[] {
  const parsed = parseAsm(asm);
  if (!parsed.ok) throw new Error(`the program that costs are measured on: ${parsed.errors[0]!.message}`);
  const { program: written } = parsed;
  const whole = {
    program: written,
    type: 'tracepoint',
    attachType: undefined,
    exceptionCallback,
    asyncCallbacks: [],
  } as const;
  const { program, analysis } = verify(whole, policy, LINUX_6_18, false);
  const rest = { policy, config: LINUX_6_18, allocator: new PercpuAllocator(), mapAddress: () => 0n };
  const { image } = compileProgram('costs', program, analysis, rest);
  return image.functions.map((fn) => measure(fn, program));
}

const minus = (a: Size, b: Size): Size => ({ bytes: a.bytes - b.bytes, insns: a.insns - b.insns });
const plus = (a: Size, b: Size): Size => ({ bytes: a.bytes + b.bytes, insns: a.insns + b.insns });

const aroundBody = ({ at, exit }: Measured): Size => plus(at(ENTRY), at(exit));

function programs(policy: StackPolicy) {
  const [main, sub] = compiled(PLAIN, undefined, policy) as [Measured, Measured];
  const throwing = compiled(THROWING, 2, policy);
  const [boundary, , callback] = throwing as [Measured, Measured, Measured];
  return { main, sub, boundary, callback, total: throwing.map(({ whole }) => whole).reduce(plus) };
}

let control: ReturnType<typeof programs> | undefined;

/** What a policy costs, counted in the listings of two fixed programs. */
export function policyCosts(policy: StackPolicy): PolicyCosts {
  control ??= programs(policyNamed('kernel-stack')!);
  const without = control;
  const own = programs(policy);
  const cost = (now: Size, then: Size): Cost => ({ ...now, added: minus(now, then) });
  const frame = (name: 'main' | 'sub' | 'boundary') => ({
    prologue: cost(own[name].at(ENTRY), without[name].at(ENTRY)),
    epilogue: cost(own[name].at(own[name].exit), without[name].at(without[name].exit)),
  });
  const calls = CALL_KINDS.map((kind, i) => {
    const pc = own.boundary.calls[i]!;
    return [kind, minus(own.boundary.at(pc), without.boundary.at(pc))] as const;
  });
  return {
    policy: policy.name,
    ...frame('main'),
    inner: frame('sub'),
    boundary: frame('boundary'),
    callback: cost(aroundBody(own.callback), aroundBody(without.callback)),
    call: Object.fromEntries(calls) as PolicyCosts['call'],
    access: minus(own.main.at(ACCESS), without.main.at(ACCESS)),
    total: cost(own.total, without.total),
  };
}
