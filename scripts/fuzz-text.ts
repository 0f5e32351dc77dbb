import {
  type CampaignEnd,
  type CampaignHead,
  coverageReport,
  type Found,
  type Progress,
  tallyText,
} from '../harness/fuzz';

/** Names of what was never seen, unless there are more. */
const NAMES = 40;
/** Reasons of the running kernel that are shown. */
const REASONS = 5;

const seenText = (seen: ReadonlyMap<string, number>): string =>
  seen.size === 0 ? 'nothing seen' : [...seen].map(([kind, times]) => `${kind} ${times}`).join(', ');

/** How far a campaign is, on a line. */
export function progressText({ tally, seen, reached, seconds }: Progress): string {
  const rate = Math.round(tally.cases / Math.max(seconds, 0.001));
  const { roles, ofRoles, rows, ofRows } = coverageReport(reached);
  return `${tally.cases} cases, ${tally.runs} runs, ${rate}/s; roles ${roles}/${ofRoles}, encodings ${rows}/${ofRows}: ${seenText(seen)}`;
}

/** A find, without how it is shown again. */
export function findText({ known, check, policy, path, insns, message, kernel, again }: Found): string {
  const head = known === null ? 'found' : `known (${known})`;
  const lines = [
    `${head}: ${check} under ${policy}, case ${path}, ${insns} instructions`,
    `  ${message}`,
    ...(known === null ? [`  again in ${again} of 3 fresh engines; the running kernel's verifier: ${kernel}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** What the running kernel said of the sound programs that it was asked about; nothing when it was not asked. */
export function refusalText(
  { asked, loaded }: CampaignEnd['tally'],
  refusals: readonly (readonly [path: string, reason: string])[],
): string {
  if (asked === 0) return '';
  const percent = ((100 * loaded) / asked).toFixed(1);
  const lines = [`the running kernel's verifier took ${loaded} of ${asked} programs (${percent} %)`];
  for (const [path, reason] of refusals.slice(0, REASONS)) lines.push(`  case ${path}: ${reason}`);
  if (refusals.length > REASONS) lines.push(`  and ${refusals.length - REASONS} more`);
  return `${lines.join('\n')}\n`;
}

const ENDINGS = {
  'all cases': 'all cases were run',
  time: 'time is up',
  enough: 'enough was found (`--enough`)',
  stopped: 'it was stopped',
} as const;

function coverageText(reached: readonly string[]): string[] {
  const { roles, ofRoles, neverRoles, rows, ofRows, neverRows, sites, blocks } = coverageReport(new Set(reached));
  const never = (names: readonly string[]): string =>
    names.length === 0 || names.length > NAMES ? '' : ` (never: ${names.join('; ')})`;
  return [
    `emitter: roles ${roles} of ${ofRoles}${never(neverRoles)}`,
    `  encodings ${rows} of ${ofRows}${never(neverRows)}`,
    `  ${sites} pairs of role and encoding, ${blocks} kinds of machine blocks`,
  ];
}

/** The last lines of a campaign, of one that was put together from shards as well. */
export function endText(
  { policy, seed, shard }: CampaignHead,
  { seen, end }: { readonly seen: ReadonlyMap<string, number>; readonly end: CampaignEnd | null },
  { known, unknown }: { readonly known: number; readonly unknown: number },
): string {
  const part = shard[1] === 1 ? '' : ` --shard ${shard[0]}/${shard[1]}`;
  const lines = [
    ...(end ? coverageText(end.reached) : []),
    ...(end ? [tallyText(end.tally)] : ['a part did not come to its end: figures are missing']),
    seenText(seen),
    `${unknown} found, ${known} known (--policy ${policy} --seed ${seed}${part}); ${end ? ENDINGS[end.ending] : 'killed'}`,
  ];
  return `${lines.join('\n')}\n`;
}
