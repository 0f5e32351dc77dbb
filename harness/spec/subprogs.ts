import type { Hints } from './issues';
import { suggest } from './jit';
import { oneOf } from './words';

/** A subprog of one of the spec's programs. */
export interface SubprogRef {
  readonly program: string;
  readonly subprog: string;
}

export type Resolved =
  | { readonly ok: true; readonly ref: SubprogRef }
  | ({ readonly ok: false; message: string } & Hints);

/** Finds subprogs by the names that expectations use: `sub`, or `prog.sub` where two programs have a `sub`. */
export class SubprogNames {
  readonly #byName = new Map<string, SubprogRef[]>();

  constructor(programs: Iterable<readonly [program: string, subprogs: readonly string[]]>) {
    for (const [program, subprogs] of programs) {
      for (const subprog of subprogs) {
        const ref = { program, subprog };
        this.#add(subprog, ref);
        this.#add(`${program}.${subprog}`, ref);
      }
    }
  }

  resolve(name: string): Resolved {
    const refs = this.#byName.get(name) ?? [];
    if (refs.length === 1) return { ok: true, ref: refs[0]! };
    if (refs.length > 1) {
      const qualified = refs.map((each) => `${each.program}.${each.subprog}`);
      return { ok: false, message: `several programs have a subprog \`${name}\``, expected: oneOf(qualified) };
    }
    const known = this.known();
    const short = known.filter((each) => !each.includes('.'));
    return {
      ok: false,
      message: `unknown subprog \`${name}\``,
      expected: oneOf(short.length > 0 ? short : known),
      suggestion: suggest(name, known),
    };
  }

  /** Every name that means exactly one subprog. */
  known(): string[] {
    return [...this.#byName].filter(([, refs]) => refs.length === 1).map(([name]) => name);
  }

  #add(name: string, ref: SubprogRef): void {
    const refs = this.#byName.get(name);
    if (refs) refs.push(ref);
    else this.#byName.set(name, [ref]);
  }
}
