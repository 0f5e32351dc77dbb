export { BOUNDS, boundsText } from './bounds';
export { Campaign, type CampaignOptions, type Ending, type Found, type Progress } from './campaign';
export { readCorpus, writeCorpus } from './corpus';
export { type CoverageReport, coverageReport } from './coverage';
export type { Find } from './find';
export { KNOWN } from './known';
export { isPath } from './path';
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
