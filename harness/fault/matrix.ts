import type { Built } from '../build';
import { type Judged, judgeCase } from '../judge';
import { type KernelModel, LINUX_KERNEL } from '../kernel/model';
import type { FaultRow } from '../report/faults-model';
import type { CaseReport, FindingReport } from '../report/model';
import type { CheckId } from '../spec';
import { byteDifference } from './byte-oracle';
import { alike, codeOf } from './code';
import { type Fault, shows } from './fault';
import type { Mutation } from './mutation';
import type { ShippedCase } from './shipped';

/** A mutant's row, and what killed it. */
export interface FaultResult {
  readonly row: FaultRow;
  readonly killer: { readonly found: FindingReport; readonly report: CaseReport; readonly of: ShippedCase } | null;
  /** First findings of other checks, or of other signs: for people who look for the right check. */
  readonly others: readonly FindingReport[];
}

/** A kernel model that says when it decides otherwise than Linux. */
function watched(model: KernelModel, note: () => void): KernelModel {
  const watch =
    <K extends keyof KernelModel>(name: K): KernelModel[K] =>
    // biome-ignore lint/suspicious/noExplicitAny: functions of any one argument
    (argument: any): any => {
      const [want, got] = [
        (LINUX_KERNEL[name] as (a: unknown) => unknown)(argument),
        (model[name] as typeof watch)(argument),
      ];
      if (want !== got) note();
      return got;
    };
  return Object.fromEntries(
    (Object.keys(LINUX_KERNEL) as (keyof KernelModel)[]).map((name) => [name, watch(name)]),
  ) as never;
}

const STOP: Judged = { ok: false, issue: { file: '', line: 0, column: 0, path: '', message: 'the same code' } };

/** Judges cases as they are, and under mutations. */
export class FaultJudge {
  private readonly sound = new Map<string, ReturnType<typeof codeOf>>();

  constructor(private readonly command = './scripts/privstack') {}

  /** What a mutation makes of a case before it runs; null when that cannot be compiled. */
  built(each: ShippedCase, mutation: Mutation): Built | null {
    let found: Built | null = null;
    this.judge(each, mutation, (built) => {
      found = built;
      return STOP;
    });
    return found;
  }

  private soundCode(each: ShippedCase): ReturnType<typeof codeOf> {
    const known = this.sound.get(each.key);
    if (known) return known;
    const built = this.built(each, {});
    const code = built ? codeOf(built) : [];
    this.sound.set(each.key, code);
    return code;
  }

  private judge(
    { spec, specCase, cpu, bodies }: ShippedCase,
    mutation: Mutation,
    known: (built: Built) => Judged | undefined,
    replay = '',
  ): Judged {
    return judgeCase(spec, specCase, cpu, { replay: () => replay, bodies, mutation, known });
  }

  /** Whether a mutation changes the code of a case. */
  changes(each: ShippedCase, mutation: Mutation): boolean {
    const built = this.built(each, mutation);
    return !alike(this.soundCode(each), built ? codeOf(built) : []);
  }

  /** A mutant in one case: the report, or null where it changes nothing or cannot be compiled. */
  mutant(each: ShippedCase, { id, mutation }: Fault): { readonly fired: boolean; readonly report: CaseReport | null } {
    let fired = false;
    const options: Mutation['options'] = (around) => {
      const changed = { ...around, ...mutation.options?.(around) };
      return changed.kernel === LINUX_KERNEL
        ? changed
        : { ...changed, kernel: watched(changed.kernel, () => (fired = true)) };
    };
    const mayDecide = mutation.options !== undefined;
    const judged = this.judge(
      each,
      { ...mutation, options },
      (built) => {
        if (!alike(this.soundCode(each), codeOf(built))) fired = true;
        return fired || mayDecide ? undefined : STOP;
      },
      `${this.command} faults ${id}`,
    );
    return { fired, report: judged.ok ? judged.report : null };
  }
}

/**
 * Runs a mutant in the cases of its policy, those of the spec that is known to kill it first, until the check that must kill
 * it has.
 * @param whole in all cases, whoever kills it
 */
export function judgeFault(
  fault: Fault,
  cases: ReadonlyMap<string, readonly ShippedCase[]>,
  judge: FaultJudge,
  whole = false,
): FaultResult {
  const { id, check: named, mutation, sign } = fault;
  const silent = named === 'bytes';
  const difference = silent ? byteDifference(mutation) : null;
  const different = difference !== null;
  const killedBy = new Set<CheckId>(different ? [named] : []);
  const others: FindingReport[] = [];
  let fired = different;
  let killer: FaultResult['killer'] = null;
  for (const of of silent && !whole ? [] : inOrder(cases.get(fault.policy) ?? [], fault.spec)) {
    const { fired: here, report } = judge.mutant(of, fault);
    fired ||= here;
    const first = report?.findings[0];
    if (!here || !report || !first) continue;
    for (const { check } of report.findings) killedBy.add(check as CheckId);
    if (first.check !== named || !shows(sign, first)) others.push(first);
    else killer ??= { found: first, report, of };
    if (killer && !whole) break;
  }
  const spec = difference ? `capture ${difference.capture}` : (killer?.report.spec ?? null);
  const row = { id, fired, killedBy: [...killedBy].sort(), named, spec, survived: killedBy.size === 0 };
  return { row, killer, others };
}

/** What is wrong with a mutant's row, and what to do; null when the check that must kill it has. */
export function problemOf({ id, story, check, policy }: Fault, { row, others }: FaultResult): string | null {
  if (row.spec !== null) return null;
  const head = `${id} (${story})`;
  if (!row.fired) {
    return check === 'bytes'
      ? `${head}\n  never fired: no program that Linux 6.18 compiled has other bytes with it. Name another check, or leave it out with the reason.`
      : `${head}\n  never fired: no shipped spec that runs under ${policy} and is declared to hold compiles to other code with it. Add a spec that does, or leave it out with the reason.`;
  }
  const [first] = others;
  if (!first) {
    return `${head}\n  survived: no check finds anything. Add the smallest spec under ${policy} that makes ${check} find it, or make that check stronger.`;
  }
  const where = first.yaml ? ` (${first.yaml.file}:${first.yaml.line})` : '';
  return `${head}\n  killed, but not by ${check} with its sign: ${first.check} comes first: ${first.message}${where}. Name that check, mend the sign, or add a spec in which ${check} comes first.`;
}

/** The cases of the spec with that name first. */
function inOrder(cases: readonly ShippedCase[], name: string): ShippedCase[] {
  const known = cases.filter(({ spec }) => spec.name === name);
  return [...known, ...cases.filter((each) => !known.includes(each))];
}
