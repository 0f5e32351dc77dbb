export { judgeDesigns } from './designs';
export { claimMatrix, type MatrixOptions, type Unknown } from './matrix';
