/** Campaigns. Nothing of this runs a case, or loads what does: the workers do. */

export { BOUNDS, boundsText, EVERY } from './bounds';
export { Campaign, type CampaignOptions, type Ending, type Found, type Progress } from './campaign';
export { type CoverageReport, coverageReport } from './coverage';
export { prefork } from './crew';
export type { Find } from './find';
export { KNOWN } from './known';
export { isPath } from './path-text';
export {
  type CampaignEnd,
  type CampaignHead,
  type CampaignResults,
  linesOf,
  mergeResults,
  ResultsProblem,
  readResults,
  tallyText,
} from './results';
export { fileOf, saveLines, saveSpec } from './save';

/** Folders of programs, which have to be read. */
export const corpora = (): typeof import('./corpus') => require('./corpus') as typeof import('./corpus');
