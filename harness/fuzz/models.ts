import { MAY_GOTO_THUNKS } from '../../jit';
import type { KernelModel } from '../kernel/model';
import { HELPER_STRIDE } from '../machine/layout';
import { plainHelperAddress } from '../machine/reused-machine';
import { Model, type NativeModel, type NativeThrow } from '../machine/series';
import type { World } from '../run/run';
import { isCalled } from './helpers';

const MODELS: Readonly<Record<string, readonly [model: Model, stub: World['helpers'][number]['stub']]>> = {
  bpf_loop: [Model.LOOP, 'return'],
  bpf_throw: [Model.THROW, 'behind-throw'],
  [MAY_GOTO_THUNKS.pointer]: [Model.MAY_GOTO, 'return'],
  [MAY_GOTO_THUNKS.offset]: [Model.MAY_GOTO_RBP, 'return'],
};

/** A helper of a world by the machine's count. */
const placeOf = ({ helpers }: World, index: number): number =>
  Number((helpers[index]!.address - plainHelperAddress(0)) / HELPER_STRIDE);

/** What the addon models of a world's program. */
export interface Models {
  readonly rows: readonly NativeModel[];
  /** Where its exceptions go; null where none is thrown. */
  readonly throws: NativeThrow | null;
  /** Whether that is all it calls that has to be modelled. */
  readonly complete: boolean;
}

export const NOTHING_MODELLED: Models = { rows: [], throws: null, complete: true };

function throwsOf({ programs }: World, { isBoundary }: KernelModel): NativeThrow | null {
  const { addresses, functions, analysis, type } = programs[0]!;
  const callback = analysis.subprogs.findIndex((each) => each.exceptionCallback);
  if (callback < 0) return null;
  const code = functions.map(({ size }, subprog) => {
    const lo = addresses[subprog]!;
    return { lo, hi: lo + BigInt(size), boundary: isBoundary({ subprog, type }) };
  });
  return { callback: addresses[callback]!, functions: code };
}

const isModelled = ({ name, stub }: World['helpers'][number]): boolean => stub === undefined && isCalled(name);

/** What the addon models of the helpers and kfuncs of a world with one program; nothing, unless it can model all. */
export function modelsOf(world: World, kernel: KernelModel): Models {
  const { helpers } = world;
  const called: number[] = [];
  for (let i = 0; i < helpers.length; i++) if (isModelled(helpers[i]!)) called.push(i);
  if (called.length === 0) return NOTHING_MODELLED;
  const throws = helpers.some(({ name }) => name === 'bpf_throw') ? throwsOf(world, kernel) : null;
  const rows: NativeModel[] = [];
  for (const index of called) {
    const { name } = helpers[index]!;
    const known = MODELS[name];
    if (known === undefined || (known[0] === Model.THROW && throws === null))
      return { ...NOTHING_MODELLED, complete: false };
    const stub = helpers.findIndex((each) => each.stub === known[1]);
    rows.push({ helper: placeOf(world, index), model: known[0], stub: placeOf(world, stub) });
  }
  return { rows, throws, complete: true };
}
