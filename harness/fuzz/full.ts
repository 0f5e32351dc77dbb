import type { Built } from '../build';
import { lowerLoaded } from '../cases';
import { type Judged, type JudgeOptions, judgeCase } from '../judge';
import { formatIssue, parseSpecText } from '../spec';

/** What every check says of a case. */
export type Judgement = Extract<Judged, { ok: true }>['report'];

/** The text of a generated case is no spec, or its events never happen. */
export class NoSpec extends Error {}

/** How a case is judged that came from nowhere and is nobody's to replay. */
type How = Pick<JudgeOptions, 'mutation' | 'known'>;

/** A spec's only case, judged with every check on. @throws NoSpec */
export function judgeText(text: string, file: string, how: How = {}): Judgement {
  const { specs, issues } = parseSpecText(text, file);
  const lowered = specs[0] && lowerLoaded(specs[0]);
  if (issues.length > 0 || !lowered?.ok) {
    const all = lowered && !lowered.ok ? [...issues, ...lowered.issues] : issues;
    throw new NoSpec(`a generated spec is not one: ${all.map(formatIssue).join('; ')}`);
  }
  const spec = lowered.value[0]!;
  const judged = judgeCase(spec, spec.cases[0]!, spec.cpus[0]!, { replay: () => '', bodies: new Map(), ...how });
  if (!judged.ok) throw new NoSpec(`a generated spec cannot be run: ${formatIssue(judged.issue)}`);
  return judged.report;
}

const STOP: Judged = { ok: false, issue: { file: '', line: 0, column: 0, path: '', message: 'not run' } };

/** What a spec's only case is before it runs; null where it does not come to that. */
export function builtOfText(text: string, file: string, how: Pick<How, 'mutation'>): Built | null {
  let found: Built | null = null;
  try {
    judgeText(text, file, {
      ...how,
      known: (built) => {
        found = built;
        return STOP;
      },
    });
  } catch (error) {
    if (!(error instanceof NoSpec)) throw error;
  }
  return found;
}
