export { type Analysis, type AnalysisOptions, analyse } from './analyse';
export type { CallEdge, CallGraph } from './call-graph';
export { type ErrorOptions, type ProgramError, programErrors } from './errors';
export * from './facts';
export { type Attachment, isProgramType, mayHavePrivateStack, PROGRAM_TYPES, type ProgramType } from './program-type';
export { factsFromRequest, RequestError, type RequestFacts } from './request';
export { asyncCallbacksOf, type HandedOver, handedOver } from './scan';
export { depthLog } from './stack-depth';
