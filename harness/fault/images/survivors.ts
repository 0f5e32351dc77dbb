import type { ImageSurvivor, SurvivorGroup } from '../../report/images-model';

/** A survivor, and what is known of it besides. */
export interface Survivor {
  readonly of: ImageSurvivor;
  /** Whether the image has findings of its own, and this mutant none. */
  readonly mends: boolean;
}

/** Why survivors survive: the first row that is true of one is its group. */
export const REASONS: readonly { readonly why: string; readonly holds: (survivor: Survivor) => boolean }[] = [
  {
    why:
      "The image itself loses the caller's registers when it throws out of a private frame, a known bug of the kernel; " +
      'with one push less, or one pop more, the callback finds them where they are: the mutant is right.',
    holds: ({ mends }) => mends,
  },
];

/** Survivors in groups, those that nobody can explain last. */
export function grouped(survivors: readonly Survivor[]): SurvivorGroup[] {
  const groups = new Map<string | null, ImageSurvivor[]>(REASONS.map(({ why }) => [why, []]));
  groups.set(null, []);
  for (const each of survivors) {
    const why = REASONS.find(({ holds }) => holds(each))?.why ?? null;
    groups.get(why)!.push(each.of);
  }
  return [...groups].flatMap(([why, all]) => (all.length === 0 ? [] : [{ why, survivors: all }]));
}
