import { CALLBACK_MODELS } from '../kernel/callbacks';
import type { CallMap, HelperCall, PendingCallback } from '../kernel/helper-call';
import { helperResult } from '../kernel/helpers';
import type { KernelCode } from '../kernel/kernel-code';
import { RecursionGuard } from '../kernel/recursion';
import { junk } from '../machine/junk';
import { CONTEXT_BASE } from '../machine/layout';
import type { HelperState, KernelState } from '../oracle';
import { evaluate, type TermEnvironment } from '../spec';
import { Incomparable, type ReferenceProgram, type ReferenceSetup } from './setup';

/** What happens in a call of a helper before the helper does anything; whether something did. */
export type InCall = (name: string, state: HelperState) => boolean;

/** So many calls of one helper in a run, and nobody waits for the rest. */
const MOST_CALLS = 1 << 13;
/** Bytes of a helper's frame that its model may use. */
const LOCALS = 64;

const nothing = (): undefined => undefined;

/** The machine's helpers, and its bookkeeping of who runs where, around programs in the interpreter. */
export class ReferenceKernel {
  cpu: number;
  readonly guard = new RecursionGuard();
  readonly pending = new Map<bigint, PendingCallback>();
  private readonly maps: readonly CallMap[];
  private readonly returns: ReadonlyMap<string, bigint>;
  private readonly inAssembly: ReadonlySet<string>;

  /** @param uncertain helpers whose count is not that of the machine */
  constructor(
    private readonly setup: ReferenceSetup,
    private readonly uncertain: ReadonlySet<string>,
    private readonly inCall: InCall,
  ) {
    this.cpu = setup.cpu;
    this.maps = setup.data.flatMap(({ address, size, pointer, elements }) =>
      pointer === undefined ? [] : [{ pointer, value: address, size, ...(elements && { elements }) }],
    );
    const { helpers } = setup.scenario;
    this.returns = new Map(helpers.flatMap(({ name, returns }) => (returns === undefined ? [] : [[name, returns]])));
    this.inAssembly = new Set(helpers.flatMap(({ name, asm }) => (asm ? [name] : [])));
  }

  /** Calls a helper, and returns its r0. */
  helper(name: string, args: readonly bigint[], state: HelperState): bigint {
    if (this.inAssembly.has(name)) throw new Incomparable(`${name} is given in assembly`);
    if (state.nth > MOST_CALLS) throw new Incomparable(`more than ${MOST_CALLS} calls of ${name}`);
    const call = this.callOf(name, args, state);
    const happened = this.inCall(name, state);
    if (name === 'bpf_throw') return 0n;
    const model = Object.hasOwn(CALLBACK_MODELS, name) ? CALLBACK_MODELS[name] : undefined;
    const planned = this.planned(call, state);
    // As in the machine: what a rule says of the result says that the model does not run, unless something happens in it.
    if (planned !== undefined && !happened && !model) return planned;
    const declared = model ? undefined : this.returns.get(name);
    const result = model ? this.callBack(model(call), state) : (declared ?? helperResult(call));
    // What the spec declares does not depend on how often it was called.
    return planned ?? (this.uncertain.has(name) && declared === undefined ? state.junk() : result);
  }

  private callOf(name: string, args: readonly bigint[], state: HelperState): HelperCall {
    let frame: bigint | undefined;
    return {
      name,
      nth: state.nth,
      cpu: this.cpu,
      seed: this.setup.seed,
      arguments: args,
      memory: {
        read: (address, bytes) => state.memory.read(address, bytes) ?? null,
        write: (address, bytes) => state.memory.write(address, bytes),
      },
      get frame() {
        frame ??= state.scratch(LOCALS);
        return frame;
      },
      maps: this.maps,
      pending: this.pending,
    };
  }

  private callBack(code: KernelCode, state: HelperState): bigint {
    for (let step = code.next(); ; ) {
      if (step.done) return step.value;
      const { address, arguments: args } = step.value;
      const to = state.functionAt(address);
      if (!to) throw new Incomparable('a helper calls back what is no subprog');
      step = code.next(state.enter(to.program, to.subprog, args));
    }
  }

  /** The result that the spec's rules give one call. */
  private planned({ name, nth }: HelperCall, state: HelperState): bigint | undefined {
    let result: bigint | undefined;
    let rax: bigint | undefined;
    for (const rule of this.setup.scenario.clobbers) {
      const applies = rule.name === name && nth >= rule.calls.from && nth <= rule.calls.to;
      if (!applies || (rule.cpu !== undefined && rule.cpu !== this.cpu)) continue;
      result = rule.returns ?? result;
      const term = rule.registers.get('rax');
      // What depends on where frames are is nobody's business here.
      if (term) rax = evaluate(term.value, this.environment) ?? state.junk();
    }
    const value = rax ?? result;
    return value !== undefined && this.uncertain.has(name) ? state.junk() : value;
  }

  private readonly environment: TermEnvironment = {
    privateStackPtr: nothing,
    block: nothing,
    framePointer: nothing,
    kernelStack: nothing,
    depth: nothing,
    caller: nothing,
    junk: (label) => junk(this.setup.seed, label),
  };

  /** A program runs as such: behind the recursion guard's counter. */
  count<T>({ name, type }: ReferenceProgram, cpu: number, run: () => T): T {
    const before = this.cpu;
    this.cpu = cpu;
    this.guard.enter(name, type, cpu);
    const result = run();
    this.guard.leave(name, type, cpu);
    this.cpu = before;
    return result;
  }

  blocks({ name, type }: ReferenceProgram, cpu: number): boolean {
    return this.guard.blocks(name, type, cpu);
  }

  /** A program interrupts whatever runs. */
  interrupt(program: ReferenceProgram, cpu: number, state: KernelState): void {
    this.count(program, cpu, () => state.enter(program.program, 0, [CONTEXT_BASE]));
  }

  /** Programs of a trampoline, one after the other. */
  trace(programs: readonly ReferenceProgram[], state: KernelState): void {
    for (const each of programs) {
      if (this.blocks(each, this.cpu)) continue;
      // Its context is the arguments of what is traced.
      this.count(each, this.cpu, () => state.enter(each.program, 0, [state.scratch(LOCALS)]));
    }
  }
}
