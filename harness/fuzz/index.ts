export { BOUNDS, boundsText } from './bounds';
export { Campaign, type CampaignOptions, type Progress } from './campaign';
export type { Find } from './find';
export { KNOWN } from './known';
export { fileOf, saveResult, saveSpec } from './save';
