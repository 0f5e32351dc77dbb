import { LINUX_6_18, policyNamed } from '../../jit';
import { sameCode } from '../fault/code';
import type { Fault } from '../fault/fault';
import type { Mutation } from '../fault/mutation';
import { caseOf, type FuzzCase } from './case';
import { Examiner } from './examine';
import { AROUND, FULL_ONLY } from './find';
import type { FuzzInput } from './input';
import { isMeant } from './meant';
import type { Prepared } from './prepare';

/** How a mutant is sought: as a campaign looks at cases. */
export interface Search {
  readonly seed: number;
  /** Cases after which it is given up. */
  readonly cap: number;
  /** Inputs for each program. */
  readonly inputs: number;
  /** One case in so many is looked at with every check. */
  readonly every: number;
}

/** How far a mutant was sought with a seed. */
export interface Sought {
  readonly fault: string;
  readonly seed: number;
  /** Cases that were generated, the one that shows it included. */
  readonly cases: number;
  /** What showed it, in the words of the cheap look, or the check; `bytes` for those of which nothing else shows; null when nothing did. */
  readonly found: string | null;
}

/** The same mutation, which says whether it has changed anything since it was asked last. */
function watched(mutation: Mutation): { readonly mutation: Mutation; fired(): boolean } {
  const { stream, bytes, ...others } = mutation;
  const always = Object.keys(others).length > 0;
  let changed = false;
  return {
    mutation: {
      ...others,
      ...(stream && {
        stream: (items, of) => {
          const after = stream(items, of);
          changed ||= after.length !== items.length || after.some((item, i) => item !== items[i]);
          return after;
        },
      }),
      ...(bytes && {
        bytes: (before, item) => {
          const after = bytes(before, item);
          changed ||= Buffer.compare(after, before) !== 0;
          return after;
        },
      }),
    },
    fired() {
      const had = changed;
      changed = false;
      return had || always;
    },
  };
}

/** Looks for one mutant in generated cases, one after the other. */
export class Teeth {
  private readonly watch: ReturnType<typeof watched>;
  /** With the fault, and without. */
  private readonly mutant: Examiner;
  private readonly sound: Examiner;

  constructor(
    private readonly fault: Fault,
    private readonly search: Search,
  ) {
    const policy = policyNamed(fault.policy)!;
    this.watch = watched(fault.mutation);
    this.mutant = new Examiner(policy, LINUX_6_18, this.watch.mutation);
    this.sound = new Examiner(policy);
  }

  /** What shows the mutant in a case, if anything does. Whatever is wrong without the fault shows nothing. */
  look(index: number): string | null {
    const { search, mutant, watch } = this;
    const each = caseOf(search.seed, index, search.inputs);
    watch.fired();
    const prepared = mutant.prepare({ program: each.fuzz });
    if (!prepared) return null;
    const fired = watch.fired();
    const closely = index % search.every === 0;
    if (this.fault.check === 'bytes') return this.lookAtBytes(each, prepared, fired, closely);
    const seen = fired ? this.lookQuickly(each, prepared) : undefined;
    return seen === undefined && closely ? this.lookClosely(each, prepared, fired) : (seen ?? null);
  }

  /** What shows the mutant; null where something shows that is no news, undefined where nothing does. */
  private lookQuickly({ fuzz, inputs }: FuzzCase, prepared: Prepared): string | null | undefined {
    const { mutant, sound } = this;
    mutant.load(prepared);
    for (const input of inputs) {
      const what = mutant.runLoaded(input)?.what;
      if (what === undefined) continue;
      const control = sound.prepare({ program: fuzz });
      // A campaign that sees it where a known defect can be the cause does not report it.
      const isNews = mutant.known(prepared) === undefined;
      const alone = isNews && control !== null && sound.fast(control, { input }) === null;
      return alone && isMeant(this.fault.id, () => mutant.full(prepared, { input }).findings) ? what : null;
    }
    return undefined;
  }

  private lookClosely({ fuzz, inputs, around }: FuzzCase, prepared: Prepared, fired: boolean): string | null {
    const { mutant, sound } = this;
    mutant.fast(prepared, { input: inputs[0]! });
    if (mutant.isLong || mutant.known(prepared) !== undefined) return null;
    const closely: readonly (readonly [string, FuzzInput])[] = [
      ...(fired ? [[FULL_ONLY, inputs[0]!] as const] : []),
      [AROUND, { ...inputs[0]!, around: around() }],
    ];
    for (const [, input] of closely) {
      const { findings } = mutant.full(prepared, { input });
      const [finding] = findings;
      if (finding === undefined || !isMeant(this.fault.id, () => findings)) continue;
      const control = sound.prepare({ program: fuzz });
      if (control !== null && sound.full(control, { input }).findings.length === 0) return finding.check;
    }
    return null;
  }

  /** Whether bytes differ from those of the sound compile, which are the kernel's. */
  private lookAtBytes(
    { fuzz, inputs, around }: FuzzCase,
    prepared: Prepared,
    fired: boolean,
    closely: boolean,
  ): string | null {
    const { mutant, sound } = this;
    if (!fired && !closely) return null;
    const control = sound.prepare({ program: fuzz });
    if (control === null) return null;
    if (fired && !sameCode(control.built, prepared.built)) return 'bytes';
    if (!closely) return null;
    const input = { ...inputs[0]!, around: around() };
    const [want, got] = [sound.built(control, { input }), mutant.built(prepared, { input })];
    return want !== null && got !== null && !sameCode(want, got) ? 'bytes' : null;
  }

  close(): void {
    this.mutant.close();
    this.sound.close();
  }
}
