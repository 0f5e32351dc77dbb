import type { Report } from './model';

export interface ReporterOptions {
  readonly color: boolean;
  /** Collapses and leaves out nothing: every point of a sweep, every table, every finding. */
  readonly verbose?: boolean;
}

/** Prints a report, ending in a newline; printing nothing at all is allowed. */
export type Reporter = (report: Report, options: ReporterOptions) => string;
