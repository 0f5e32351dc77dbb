import { HELPER_NAMES } from './helper-names';
import { KFUNC_NAMES } from './kfunc-names';

/** Helpers both ways: names to ids and ids to names. */
export class HelperTable {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #names: ReadonlyMap<number, string>;

  constructor(entries: Iterable<readonly [id: number, name: string]>) {
    const list = [...entries];
    this.#names = new Map(list);
    this.#ids = new Map(list.map(([id, name]) => [name, id]));
  }

  /** The id of a helper, undefined for an unknown name. */
  id(name: string): number | undefined {
    return this.#ids.get(name);
  }

  /** The name of a helper, undefined for an unknown id. */
  name(id: number): string | undefined {
    return this.#names.get(id);
  }

  /** All names, in the order of the ids. */
  get names(): string[] {
    return [...this.#names.values()];
  }
}

/** The helpers of Linux 6.18 (include/uapi/linux/bpf.h). */
export const HELPERS = new HelperTable(HELPER_NAMES.map((name, i) => [i + 1, name]));

/** Kfuncs that a program may call by name unless its parser is told otherwise. */
export const KFUNCS: readonly string[] = KFUNC_NAMES;

/** What the numbers in instructions stand for; whatever is missing is printed as a number. */
export interface NameTable {
  /** Default: {@link HELPERS}. */
  readonly helpers?: HelperTable;
  /** Names of the kfuncs, by the index that a call holds. */
  readonly kfuncs?: readonly string[];
  /** Names of the subprogs, by index. */
  readonly subprogs?: readonly string[];
  /** Names of the maps, by index. */
  readonly maps?: readonly string[];
}
