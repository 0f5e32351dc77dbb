import { BPF_HELPER_CALL, HELPERS, type Insn } from '../../jit';
import { CONTEXT_BASE } from '../machine/layout';
import { Series, type SeriesSetup } from '../machine/series';
import { Callee, NativeInterpreter } from '../oracle';
import { BUDGET } from './expected';
import { isCalled } from './helpers';
import type { FuzzInput } from './input';
import type { Prepared } from './prepare';
import type { Wanted } from './wanted';

const KINDS: Readonly<Record<string, number>> = { bpf_loop: Callee.LOOP, bpf_throw: Callee.THROW };

const kindOf = (name: string): number => KINDS[name] ?? (isCalled(name) ? Callee.OTHER : Callee.PLAIN);

/** The interpreter in C. */
export class QuickInterpreter {
  private readonly native = new NativeInterpreter({ contextBase: CONTEXT_BASE, budget: BUDGET });
  /** Whether the interpreter in C has room for the program. */
  isLoaded = false;
  private callees = 0;

  load({ program, fuzz, callees }: Prepared): void {
    const kfuncs = program.kfuncs.map((name) => (kindOf(name) << 8) | callees.indexOf(name));
    const helpers = new Map<number, number>();
    callees.forEach((name, i) => {
      const id = HELPERS.id(name);
      if (id !== undefined) helpers.set(id, (kindOf(name) << 8) | i);
    });
    const calleeOf = ({ src, imm }: Pick<Insn, 'src' | 'imm'>): number =>
      (src === BPF_HELPER_CALL ? helpers.get(imm) : kfuncs[imm]) ?? Callee.OTHER << 8;
    this.callees = callees.length;
    this.isLoaded = this.native.load(program.subprogs, calleeOf, fuzz.exceptionCallback);
  }

  /** For runs of what is loaded in one go. */
  series(setup: SeriesSetup): Series {
    return new Series(setup, this.native);
  }

  /** What a run has to come to, until the next one; null where the other interpreter has to say. */
  run(input: FuzzInput): Wanted | null {
    const { native } = this;
    if (!this.isLoaded || this.callees > native.returns.length) return null;
    for (let i = 0; i < this.callees; i++) native.returns[i] = input.returns[i] ?? 0n;
    return native.run(input.context, input.seed) === 'exit' ? native : null;
  }
}
