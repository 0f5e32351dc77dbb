/** A mutant of a captured image that somebody outside can tell from it, and in which no check finds anything. */
export interface ImageSurvivor {
  readonly image: string;
  readonly function: string;
  /** Of the instruction, from the start of the function. */
  readonly offset: number;
  /** In Intel's syntax; of a swap both. */
  readonly instruction: string;
  readonly operation: string;
  /** What somebody outside sees first: `rbx at the end`. */
  readonly changed: string;
}

/** Survivors of which the same can be said. */
export interface SurvivorGroup {
  /** Why no check can or should find them; null where nobody knows. */
  readonly why: string | null;
  readonly survivors: readonly ImageSurvivor[];
}

/** How many mutants there are of each kind. */
export interface ImageCounts {
  readonly mutants: number;
  /** Instructions that could not be moved. */
  readonly unmovable: number;
  /** What was changed is executed in no run. */
  readonly notRun: number;
  /** Nobody outside can tell them from the image, in any run; and in how many of those a check finds something. */
  readonly equal: number;
  readonly equalButFound: number;
  readonly killed: number;
  readonly survived: number;
}

/** What became of the mutants of captured images. */
export interface ImageMatrix extends ImageCounts {
  readonly images: number;
  /** Killed ones among those that change behaviour, which are the killed and the survivors. */
  readonly ratio: number;
  /** By what is done to an instruction. */
  readonly operations: Readonly<Record<string, ImageCounts>>;
  /** By the check whose finding comes first. */
  readonly killedBy: Readonly<Record<string, number>>;
  readonly groups: readonly SurvivorGroup[];
  /** Only so many mutants, chosen by this seed; null when it was all. */
  readonly sample: { readonly count: number; readonly seed: number } | null;
}
