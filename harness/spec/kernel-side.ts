import type { LowerContext, Placed } from './context';
import type { Path, Position } from './issues';
import { suggest } from './jit';
import { isHelper, type KernelNames } from './kernel-names';
import { CALLER_SAVED, type CallerSaved } from './names';
import type { ScenarioSpec, Spec } from './schema';
import type { SubprogNames } from './subprogs';
import type { Term } from './terms';
import { hexBytes, wideValue } from './values';

/** What a helper or kfunc is made of, where a spec says so. */
export interface HelperBody {
  readonly name: string;
  readonly kind: 'helper' | 'kfunc';
  /** x86-64 assembly, Intel syntax, and where each of its lines stands. */
  readonly asm?: { readonly text: string; readonly lines: readonly Position[] };
  readonly returns?: bigint;
  readonly position: Position;
}

/** What certain calls of a helper or kfunc leave in registers. */
export interface ClobberRule {
  readonly name: string;
  /** Calls of the run, counted from 1; `to` may be Infinity. */
  readonly calls: { readonly from: number; readonly to: number };
  /** Only on this CPU. */
  readonly cpu?: number;
  /** The spec says explicitly that all caller-saved registers become junk. */
  readonly all: boolean;
  readonly returns?: bigint;
  readonly registers: ReadonlyMap<CallerSaved, Placed<Term>>;
  readonly position: Position;
}

/** Bytes r1 points to where a spec says nothing: more than any context that our program types have. */
export const DEFAULT_CONTEXT_BYTES = 256;

type Helpers = NonNullable<Spec['helpers']>;
type Clobbers = NonNullable<Spec['clobbers']>;

export function lowerHelpers(written: Helpers | undefined, path: Path, context: LowerContext): HelperBody[] {
  return Object.entries(written ?? {}).map(([name, { asm, returns }]) => {
    const at = [...path, name];
    if (asm !== undefined && returns !== undefined) {
      context.reportKey([...at, 'returns'], 'a body in assembly returns what it leaves in rax', {
        expected: 'no `returns`',
      });
    }
    const lines = asm?.split('\n').map((_, line) => context.source.inText([...at, 'asm'], line + 1, 1)) ?? [];
    return {
      name,
      kind: isHelper(name) ? 'helper' : 'kfunc',
      ...(asm === undefined ? {} : { asm: { text: asm, lines } }),
      ...(returns === undefined ? {} : { returns: wideValue(returns) }),
      position: context.source.key(at),
    };
  });
}

export function lowerClobbers(
  written: Clobbers | undefined,
  path: Path,
  kernel: KernelNames,
  names: SubprogNames,
  context: LowerContext,
): ClobberRule[] {
  return Object.entries(written ?? {}).flatMap(([name, rules]) => {
    if (!kernel.all.has(name)) {
      context.reportKey([...path, name], `unknown helper or kfunc \`${name}\``, {
        expected: 'a known name, or one under `helpers` or `kfuncs`',
        suggestion: suggest(name, kernel.all),
      });
      return [];
    }
    return rules.map((rule, at): ClobberRule => {
      const here = [...path, name, at];
      const registers = CALLER_SAVED.flatMap((register): [CallerSaved, Placed<Term>][] => {
        const value = rule[register];
        const term = value === undefined ? undefined : context.term(value, [...here, register], names);
        if (term?.value.parts.some(({ atom }) => atom.kind === 'kernel_stack')) {
          const expected = 'a number, fp(), block(), junk() or caller.<register>';
          context.report([...here, register], '`kernel_stack()` has no value while the program runs', { expected });
        }
        return term ? [[register, term]] : [];
      });
      return {
        name,
        calls: callRange(rule.call, [...here, 'call'], context),
        ...(rule.cpu === undefined ? {} : { cpu: rule.cpu }),
        all: rule.all === 'junk',
        ...(rule.returns === undefined ? {} : { returns: wideValue(rule.returns) }),
        registers: new Map(registers),
        position: context.position(here),
      };
    });
  });
}

function callRange(written: number | string | undefined, path: Path, context: LowerContext): ClobberRule['calls'] {
  if (written === undefined) return { from: 1, to: Number.POSITIVE_INFINITY };
  if (typeof written === 'number') return { from: written, to: written };
  const [first, last] = written.split('..');
  const range = { from: Number(first), to: last === '' ? Number.POSITIVE_INFINITY : Number(last) };
  if (range.from < 1) context.report(path, 'calls are counted from 1', { expected: `"1..${last}"` });
  if (range.to < range.from)
    context.report(path, `the range ${written} runs backwards`, { expected: `"${last}..${first}"` });
  return range;
}

export function lowerContextBytes(written: ScenarioSpec['context'] | Spec['context']): Uint8Array {
  return typeof written === 'string' ? hexBytes(written) : new Uint8Array(written ?? DEFAULT_CONTEXT_BYTES);
}
