import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { Fault } from '../fault/fault';
import type { Sought } from './teeth';

/** With how many seeds a mutant is sought. */
export const SEEDS = [1, 2, 3, 4, 5] as const;

/** A file of results that is none. */
export class ResultsError extends Error {}

function lineOf(text: string, where: string): Sought {
  let value: Partial<Sought>;
  try {
    value = JSON.parse(text) as Partial<Sought>;
  } catch {
    throw new ResultsError(`${where}: this is no JSON, expected {"fault","seed","cases","found"}`);
  }
  const { fault, seed, cases, found } = value;
  const isText = found === null || typeof found === 'string';
  if (typeof fault !== 'string' || !Number.isInteger(seed) || !Number.isInteger(cases) || !isText) {
    throw new ResultsError(`${where}: expected {"fault": id, "seed": number, "cases": number, "found": text or null}`);
  }
  return { fault, seed: seed!, cases: cases!, found };
}

/** Results, a line each; of lines about the same mutant and seed the last one counts, which goes on where the others ended. */
export class TeethResults {
  private readonly lines = new Map<string, Sought>();
  /** Bytes of whole lines, and whether the last one lacks its end. */
  private readonly whole: number;
  private repair: 'cut' | 'end' | null = null;

  /** @throws ResultsError with file and line; of a last line that was cut off nothing is said */
  constructor(private readonly file: string) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const texts = text.split('\n');
    const last = texts.pop()!;
    this.whole = Buffer.byteLength(text.slice(0, text.length - last.length));
    texts.forEach((each, i) => {
      if (each !== '') this.take(lineOf(each, `${file}:${i + 1}`));
    });
    if (last === '') return;
    try {
      this.take(lineOf(last, ''));
      this.repair = 'end';
    } catch {
      // Somebody was ended while writing it.
      this.repair = 'cut';
    }
  }

  private take(sought: Sought): void {
    this.lines.set(`${sought.fault} ${sought.seed}`, sought);
  }

  /** @throws Error of the file system */
  add(sought: Sought): void {
    this.take(sought);
    if (this.repair === 'cut') truncateSync(this.file, this.whole);
    if (this.repair === 'end') appendFileSync(this.file, '\n');
    this.repair = null;
    appendFileSync(this.file, `${JSON.stringify(sought)}\n`);
  }

  of(fault: string, seed: number): Sought | undefined {
    return this.lines.get(`${fault} ${seed}`);
  }

  /** Whether nothing more has to be done for a mutant with a seed. */
  isDone(fault: string, seed: number, cap: number): boolean {
    const sought = this.of(fault, seed);
    if (sought && (sought.found !== null || sought.cases >= cap)) return true;
    // Where most seeds have given up, the others do not move the median.
    const given = SEEDS.filter((each) => (this.of(fault, each)?.cases ?? 0) >= cap && !this.of(fault, each)?.found);
    return given.length > SEEDS.length / 2;
  }
}

/** What the seeds say of a mutant. */
export interface Tooth {
  readonly fault: Fault;
  /** Cases until it is found, the median of the seeds; null where that is none below the cap. */
  readonly median: number | null;
  readonly least: number;
  /** Null where a seed has given up. */
  readonly most: number | null;
  /** What shows it, the most frequent first. */
  readonly shown: readonly string[];
}

/** A mutant's row; null where it was not sought to the end. */
export function toothOf(fault: Fault, results: TeethResults, cap: number): Tooth | null {
  if (!SEEDS.every((seed) => results.isDone(fault.id, seed, cap))) return null;
  const all = SEEDS.map((seed) => results.of(fault.id, seed));
  const found = all.flatMap((each) => (each && each.found !== null ? [each.cases] : [])).sort((a, b) => a - b);
  const words = all.flatMap((each) => each?.found ?? []);
  const times = (word: string): number => words.filter((each) => each === word).length;
  const shown = [...new Set(words)].sort((a, b) => times(b) - times(a));
  const every = found.length === SEEDS.length;
  const median = found[Math.floor(SEEDS.length / 2)] ?? null;
  return { fault, median, least: found[0] ?? cap, most: every ? found.at(-1)! : null, shown };
}
