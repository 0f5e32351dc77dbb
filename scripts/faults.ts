import {
  EXCLUDED,
  explainFaultNamed,
  FAULTS,
  faultsJson,
  faultsPage,
  faultsText,
  faultText,
  imagesJson,
  imagesProblem,
  imagesText,
  loadFiles,
  runFaults,
  runImageFaults,
} from '../harness';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';

export interface FaultsCommand {
  readonly json?: boolean;
  readonly whole?: boolean;
  readonly page?: boolean;
  readonly images?: boolean;
  readonly sample?: number;
  readonly seed?: number;
}

/** 0 when enough mutants of images are killed, and all others are explained. */
function images({ json = false, sample, seed }: FaultsCommand): void {
  const matrix = runImageFaults({
    ...(sample !== undefined && { count: sample }),
    ...(seed !== undefined && { seed }),
  });
  process.stdout.write(json ? imagesJson(matrix) : imagesText(matrix));
  const problem = imagesProblem(matrix);
  if (json && problem !== null) process.stderr.write(`${problem}\n`);
  process.exitCode = problem === null ? EXIT.ok : EXIT.deviation;
}

async function explain(id: string, json: boolean): Promise<void> {
  const found = await explainFaultNamed(id, { command: calledAs() });
  if (!found) {
    const ids = [...FAULTS, ...EXCLUDED].map((each) => each.id).join(', ');
    throw new UsageError(`there is no fault \`${id}\`, expected ${ids}`);
  }
  if ('excluded' in found) {
    process.stdout.write(`${found.excluded}\n`);
    return;
  }
  process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : faultText(found));
  process.exitCode = found.problem === null ? EXIT.ok : EXIT.deviation;
}

/** `privstack faults`: 0 when every mutant is killed by the check that must kill it, 1 when some are not. */
export async function faults(id: string | undefined, command: FaultsCommand): Promise<void> {
  const { json = false, whole = false, page = false } = command;
  if (command.images) {
    if (id !== undefined) throw new UsageError("`--images` takes no fault: its mutants are nobody's");
    return images(command);
  }
  if (command.sample !== undefined || command.seed !== undefined) {
    throw new UsageError('`--sample` and `--seed` are of `--images`');
  }
  if (page) {
    const { specs } = loadFiles(['specs']);
    process.stdout.write(faultsPage((name) => specs.find(({ spec }) => spec.name === name)?.file ?? '?'));
    return;
  }
  if (id !== undefined) return explain(id, json);
  const matrix = await runFaults({ command: calledAs(), whole });
  process.stdout.write(json ? faultsJson(matrix) : faultsText(matrix));
  if (json) for (const problem of matrix.problems) process.stderr.write(`${problem}\n`);
  process.exitCode = matrix.problems.length === 0 ? EXIT.ok : EXIT.deviation;
}
