export type { ThrowSite } from './bodies';
export {
  type BodyFiles,
  MAX_TYPES_BYTES,
  readBytes,
  runningKernelTypes,
} from './body-files';
export type { Claim, Premise } from './claim';
export type { Placed } from './context';
export type { EventPoint, PointRole } from './event-points';
export type {
  FireEvent,
  InterruptEvent,
  ReplaceEvent,
  RunEvent,
  ScenarioEvent,
  ThrowEvent,
  TrampolineEvent,
} from './events';
export type {
  DeclaredVerdict,
  Expectation,
  FramePointerExpectation,
  ListingExpectation,
} from './expectation';
export { objectHints, objectSources } from './file-body';
export { MAX_SPEC_BYTES } from './files';
export { CAPTURED, hasImage, type ImageBody, type ImageReader, onlyImages } from './image-body';
export { formatIssue, formatPath, type Issue, type Path, type Position, type SourcePosition } from './issues';
export type { ClobberRule, HelperBody } from './kernel-side';
export { impliedSpec, type Loaded, type LoadedSpec, loadFiles, parseSpecText } from './load';
export { type Lowered, type LoweredSpec, type LowerOptions, lowerSpec, type SpecCase } from './lower';
export type { BodyMap, MapElements, MapSpec } from './maps';
export {
  CALLEE_SAVED,
  CALLER_SAVED,
  CHECK_IDS,
  type CheckId,
  DEFAULT_POLICIES,
  MACHINE_CPUS,
  PROGRAM_TYPES,
  type ProgramType,
  REGISTERS,
  type Register,
  VERDICTS,
  type Verdict,
} from './names';
export { objectMap } from './object-maps';
export { type Place, parsePlace } from './places';
export { type PolicyRef, writtenPolicies } from './policies';
export type { Analyse, LoweredProgram, ProgramError } from './programs';
export type { LoweredScenario } from './scenarios';
export { jsonSchema, type Spec, specSchema } from './schema';
export { ALL_POLICIES, type InlinePolicy } from './schema-policy';
export type { SpecSource } from './source';
export { SubprogNames, type SubprogRef } from './subprogs';
export type { Point } from './sweep';
export { evaluate, type TermEnvironment } from './term-values';
export { type Atom, constantTerm, parseTerm, type Term } from './terms';
