import { github } from './github';
import { json } from './json';
import { junit } from './junit';
import type { Reporter } from './reporter';
import { text } from './text';

export { costLines } from './costs-text';
export { designsText } from './designs-text';
export type { FaultExplanation, FaultMatrix, FaultRow, ListingPair } from './faults-model';
export { faultsJson, faultsText, faultText } from './faults-text';
export { imagesJson, imagesProblem, imagesText } from './images-text';
export { designsJson, matrixJson } from './matrix-json';
export type { Designs, Matrix } from './matrix-model';
export { matrixText } from './matrix-text';
export type {
  CaseReport,
  FindingReport,
  FramePointerReport,
  Report,
  SourcePlace,
  VerdictName,
} from './model';
export type { Reporter, ReporterOptions } from './reporter';

export type ReporterName = 'text' | 'json' | 'junit' | 'github';

export const REPORTERS: Record<ReporterName, Reporter> = { text, json, junit, github };
