import type { FaultExplanation, FaultMatrix } from '../report/faults-model';
import { EXCLUDED, FAULTS, faultNamed } from './catalogue';
import { explainFault } from './explain';
import type { Fault } from './fault';
import { FaultJudge, judgeFault, problemOf } from './matrix';
import { shippedCases } from './shipped';

export { EXCLUDED, FAULTS } from './catalogue';
export type { Fault } from './fault';
export { type ImageFaultOptions, runImageFaults } from './images/campaign';
export { faultsPage } from './page';

export interface FaultOptions {
  /** Specs, as files and folders. Default: those that are shipped. */
  readonly paths?: readonly string[];
  /** How the command line is called. */
  readonly command?: string;
  /** Every mutant in every case, whoever kills it. */
  readonly whole?: boolean;
  readonly faults?: readonly Fault[];
}

const SHIPPED = ['specs'];

/** The kill matrix: every fault on the shipped specs. @throws Error when a spec is invalid */
export async function runFaults(options: FaultOptions = {}): Promise<FaultMatrix> {
  const { paths = SHIPPED, command, whole, faults = FAULTS } = options;
  const cases = await shippedCases(paths);
  const judge = new FaultJudge(command);
  const results = faults.map((fault) => ({ fault, result: judgeFault(fault, cases, judge, whole) }));
  const problems = results.flatMap(({ fault, result }) => problemOf(fault, result) ?? []);
  return {
    mutants: faults.length,
    killed: faults.length - problems.length,
    rows: results.map(({ result }) => result.row),
    excluded: EXCLUDED,
    problems,
  };
}

/** One fault explained, why it is left out, or undefined where there is none with that id. */
export async function explainFaultNamed(
  id: string,
  { paths = SHIPPED, command }: FaultOptions = {},
): Promise<FaultExplanation | { readonly excluded: string } | undefined> {
  const fault = faultNamed(id);
  const excluded = EXCLUDED.find((each) => each.id === id);
  if (!fault) return excluded && { excluded: `${id} is left out: ${excluded.reason}` };
  const judge = new FaultJudge(command);
  return explainFault(fault, judgeFault(fault, await shippedCases(paths), judge), judge);
}
