import { HELPERS, KFUNCS } from './jit';
import type { Spec } from './schema';

/** Helpers and kfuncs that a spec's programs may call. */
export interface KernelNames {
  readonly kfuncs: readonly string[];
  /** Helpers and kfuncs together. */
  readonly all: ReadonlySet<string>;
}

const HELPER_NAMES: ReadonlySet<string> = new Set(HELPERS.names);

/** Whether a name is a helper's, by the kernel's own table; any other kernel function is a kfunc. */
export const isHelper = (name: string): boolean => HELPER_NAMES.has(name);

/** The known names, with those that the spec declares. */
export function kernelNames(spec: Spec): KernelNames {
  const scenarios = Object.values(spec.scenarios ?? {});
  const bodies = [spec.helpers, ...scenarios.map((each) => each.helpers)].flatMap((each) => Object.keys(each ?? {}));
  const declared = [...(spec.kfuncs ?? []), ...bodies].filter((name) => !isHelper(name));
  const kfuncs = [...new Set([...KFUNCS, ...declared])];
  return { kfuncs, all: new Set([...HELPERS.names, ...kfuncs]) };
}
