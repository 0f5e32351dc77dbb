import { lowerLoaded } from '../cases';
import { type Judged, judgeCase } from '../judge';
import { formatIssue, parseSpecText } from '../spec';

/** What every check says of a case. */
export type Judgement = Extract<Judged, { ok: true }>['report'];

/** The text of a generated case is no spec, or its events never happen. */
export class NoSpec extends Error {}

/** A spec's only case, judged with every check on. @throws NoSpec */
export function judgeText(text: string, file: string): Judgement {
  const { specs, issues } = parseSpecText(text, file);
  const lowered = specs[0] && lowerLoaded(specs[0]);
  if (issues.length > 0 || !lowered?.ok) {
    const all = lowered && !lowered.ok ? [...issues, ...lowered.issues] : issues;
    throw new NoSpec(`a generated spec is not one: ${all.map(formatIssue).join('; ')}`);
  }
  const spec = lowered.value[0]!;
  const judged = judgeCase(spec, spec.cases[0]!, spec.cpus[0]!, { replay: () => '', bodies: new Map() });
  if (!judged.ok) throw new NoSpec(`a generated spec cannot be run: ${formatIssue(judged.issue)}`);
  return judged.report;
}
