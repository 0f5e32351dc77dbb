export { printAtt } from './print-att';
export { printIntel } from './print-intel';
export type { PrintContext } from './print-values';
