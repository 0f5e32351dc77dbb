import {
  FAULTS,
  NOT_FOUND,
  ResultsError,
  runTeeth,
  type Sought,
  TeethResults,
  teethPage,
  teethSummary,
} from '../harness';
import { EXIT, UsageError } from './exit-codes';

export interface TeethCommand {
  readonly fault?: string;
  readonly page?: boolean;
}

function opened(file: string): TeethResults {
  try {
    return new TeethResults(file);
  } catch (error) {
    throw error instanceof ResultsError ? new UsageError(error.message) : error;
  }
}

const soughtText = ({ fault, seed, cases, found }: Sought): string =>
  `${fault} seed ${seed}: ${found === null ? `not found in ${cases} cases` : `${found}, ${cases} cases`}\n`;

/** `privstack teeth`: 0 when every mutant that was sought is found, or is known not to be, 1 otherwise. */
export async function teeth(file: string, { fault, page = false }: TeethCommand): Promise<void> {
  const ids = fault?.split(',');
  const strangers = ids?.filter((id) => !FAULTS.some((each) => each.id === id)) ?? [];
  if (strangers.length > 0)
    throw new UsageError(`there is no fault \`${strangers[0]}\`; \`privstack faults\` lists them`);
  const faults = FAULTS.filter(({ id }) => ids?.includes(id) ?? true);
  const results = opened(file);
  if (page) {
    process.stdout.write(teethPage(FAULTS, results));
    return;
  }
  const end = new AbortController();
  const interrupted = (): void => end.abort();
  process.once('SIGINT', interrupted);
  try {
    const done = (sought: Sought): void => void process.stdout.write(soughtText(sought));
    // What takes longest, and finds nothing, comes last.
    const hopeless = (id: string): number => (NOT_FOUND[id] === undefined ? 0 : 1);
    const inOrder = faults.toSorted((a, b) => hopeless(a.id) - hopeless(b.id));
    await runTeeth({ faults: inOrder, results, signal: end.signal, done });
  } finally {
    process.removeListener('SIGINT', interrupted);
  }
  const { behaviour, bytes, missed, open } = teethSummary(faults, results);
  const unknown = missed.filter(({ id }) => NOT_FOUND[id] === undefined);
  process.stdout.write(
    `${behaviour.length + bytes.length} of ${faults.length} found, ${behaviour.length} by behaviour, ${bytes.length} by bytes; ${missed.length} not found, ${open.length} not sought to the end\n`,
  );
  for (const { id, story } of unknown) process.stdout.write(`not found, and nobody knows why: ${id} ${story}\n`);
  process.exitCode = unknown.length > 0 || open.length > 0 ? EXIT.deviation : EXIT.ok;
}
