import { readFileSync } from 'node:fs';
import type { Ending, Found } from './campaign';
import { isKnownKind } from './known';
import { endOfBlock } from './schedule';
import { emptyTally, type Seen, type Tally } from './tally';

/** What has to be the same of campaigns that are parts of one. */
export interface CampaignHead {
  readonly version: 1;
  readonly policy: string;
  readonly seed: number;
  readonly inputs: number;
  readonly every: number;
  readonly runs: number | null;
  readonly corpus: number;
  readonly unguarded: boolean;
  readonly guided: boolean;
  readonly alike: number;
  readonly enough: number;
  /** This part of so many, from 1. */
  readonly shard: readonly [part: number, of: number];
}

export interface CampaignEnd {
  readonly ending: Ending;
  readonly tally: Tally;
  readonly seconds: number;
  readonly reached: readonly string[];
}

/** One line of a file of results. */
export type ResultLine =
  | { readonly campaign: CampaignHead }
  | { readonly seen: Seen }
  | { readonly find: Found }
  | { readonly end: CampaignEnd };

/** A campaign as its lines tell. */
export interface CampaignResults {
  readonly head: CampaignHead;
  readonly seen: readonly Seen[];
  readonly finds: readonly Found[];
  /** Null of one that was killed. */
  readonly end: CampaignEnd | null;
}

/** Files that are no results, or not those of parts of one campaign. Its message is for people. */
export class ResultsProblem extends Error {}

/** The campaigns of a file, in order. @throws ResultsProblem */
export function readResults(file: string): CampaignResults[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ResultsProblem(`${file}: cannot be read: ${(error as Error).message}`);
  }
  const found: { head: CampaignHead; seen: Seen[]; finds: Found[]; end: CampaignEnd | null }[] = [];
  const lines = text.split('\n');
  // A line without an end is one that was being written when the campaign was killed.
  lines.pop();
  for (const [i, line] of lines.entries()) {
    const at = `${file}:${i + 1}:1`;
    let row: Partial<Record<'campaign' | 'seen' | 'find' | 'end', never>>;
    try {
      row = JSON.parse(line) as typeof row;
    } catch {
      throw new ResultsProblem(`${at}: no JSON, expected a line of \`privstack fuzz --results\``);
    }
    if (row?.campaign) found.push({ head: row.campaign, seen: [], finds: [], end: null });
    const current = found[found.length - 1];
    if (!current) throw new ResultsProblem(`${at}: expected a line that begins a campaign`);
    if (row.seen) current.seen.push(row.seen);
    else if (row.find) current.finds.push(row.find);
    else if (row.end) current.end = row.end;
    else if (!row.campaign) throw new ResultsProblem(`${at}: expected \`campaign\`, \`seen\`, \`find\` or \`end\``);
  }
  if (found.length === 0) throw new ResultsProblem(`${file}: there is no campaign in it`);
  return found;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function checkParts(parts: readonly CampaignResults[]): void {
  const { shard, ...first } = parts[0]!.head;
  for (const { head } of parts) {
    const { shard: other, ...rest } = head;
    for (const key of Object.keys(first) as (keyof typeof first)[]) {
      if (rest[key] === first[key]) continue;
      throw new ResultsProblem(`these are not parts of one campaign: ${key} ${first[key]} and ${rest[key]}`);
    }
    if (other[1] !== shard[1]) {
      throw new ResultsProblem(`these are not parts of one campaign: shards of ${shard[1]} and of ${other[1]}`);
    }
  }
  if (first.guided && shard[1] > 1) throw new ResultsProblem('a guided campaign has no parts');
  for (let part = 1; part <= shard[1]; part++) {
    const times = parts.filter(({ head }) => head.shard[0] === part).length;
    if (times !== 1) throw new ResultsProblem(`shard ${part}/${shard[1]}: expected once, there are ${times}`);
  }
}

/**
 * What one campaign would have given instead of its parts: the same finds, and the same figures when it went to its end.
 * @throws ResultsProblem when they are not the parts of one campaign
 */
export function mergeResults(parts: readonly CampaignResults[]): CampaignResults {
  if (parts.length === 0) throw new ResultsProblem('nothing to merge');
  checkParts(parts);
  const head: CampaignHead = { ...parts[0]!.head, shard: [1, 1] };
  const all = parts.flatMap(({ seen }) => seen).sort((a, b) => a.index - b.index);
  const times = new Map<string, number>();
  const looks = new Set<number>();
  let explained = 0;
  let end = Number.POSITIVE_INFINITY;
  const seen: Seen[] = [];
  for (const each of all) {
    if (each.index >= end) break;
    seen.push(each);
    const so = (times.get(each.kind) ?? 0) + 1;
    times.set(each.kind, so);
    if (so > head.alike || explained >= head.enough) continue;
    looks.add(each.index);
    if (!isKnownKind(each.kind)) explained++;
    if (explained >= head.enough) end = endOfBlock(each.index);
  }
  const finds = parts
    .flatMap((part) => part.finds)
    .filter(({ index }) => looks.has(index))
    .sort((a, b) => a.index - b.index);
  return { head, seen, finds, end: mergeEnds(parts) };
}

function mergeEnds(parts: readonly CampaignResults[]): CampaignEnd | null {
  const tally = emptyTally();
  const reached = new Set<string>();
  let seconds = 0;
  let ending: Ending = 'all cases';
  for (const { end } of parts) {
    if (!end) return null;
    for (const key of Object.keys(tally) as (keyof Tally)[]) tally[key] += end.tally[key];
    for (const each of end.reached) reached.add(each);
    seconds = Math.max(seconds, end.seconds);
    if (end.ending !== 'all cases') ending = end.ending;
  }
  return { ending, tally, seconds, reached: [...reached].sort() };
}

/** A campaign as lines of a file. */
export const linesOf = ({ head, seen, finds, end }: CampaignResults): ResultLine[] => [
  { campaign: head },
  ...seen.map((each) => ({ seen: each })),
  ...finds.map((each) => ({ find: each })),
  ...(end ? [{ end }] : []),
];

/** In words: what was done, and what for. */
export function tallyText({ cases, runs, checked, refused }: Tally): string {
  return `${plural(cases, 'case')}, ${plural(runs, 'run')}; ${checked} with every check, ${refused} not run under this policy`;
}
