import type { Analysis } from '../../jit';
import { GUARD, guardOffsets } from '../kernel/percpu';
import { PERCPU_POINTER_BASE } from '../machine/layout';
import { calledHelperAddress, HELPER_PLACES, PLAIN_HELPERS, type ReusedMachine } from '../machine/reused-machine';
import type { Series } from '../machine/series';
import { privateFramePointer } from '../run/frames';
import type { PlacedHelper, World } from '../run/run';
import { BOUNDS } from './bounds';
import { isCalled } from './helpers';
import type { FuzzInput } from './input';
import { type Models, modelsOf, NOTHING_MODELLED } from './models';
import type { Prepared } from './prepare';
import { QuickInterpreter } from './quick';
import { times } from './times';

/** Bytes behind the private frames where a program may write whose frame pointer is wrong: its callees' frames, one behind the other. */
export const STRAY = 8 * 512;
const FIRST_CALLED = calledHelperAddress(0);

/** Where in a dynamic area the guards of blocks are, in bytes. */
function guardsOf(blocks: Analysis['blocks'], pointers: readonly bigint[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const start = Number(pointers[i]! - PERCPU_POINTER_BASE);
    for (const offset of guardOffsets(blocks[i]!)) found.push(start + offset);
  }
  return found;
}

/** What helpers leave in r9 where that is not junk. */
export const wrongR9 = ({ r9 }: FuzzInput, world: World): bigint | undefined =>
  r9 === 'junk' ? undefined : privateFramePointer(world, 0, r9.subprog, r9.cpu);

/**
 * A program as the machine and the addon take it, and inputs with which it may run in one go: all of a case that has to be kept
 * until it runs. There are few of these, and each is used again.
 */
export class Packed {
  private readonly quick = new QuickInterpreter();
  /** Runs with all inputs, where {@link fits}. */
  readonly series: Series;
  code: readonly Uint8Array[] = [];
  addresses: readonly bigint[] = [];
  percpuBytes = 0;
  /** Where in a dynamic area guards are, in bytes. */
  guards: readonly number[] = [];
  /** Of each helper of the world its number among the program's callees; -1 for what no interpreter knows. */
  calleeOf: number[] = [];
  /** Helpers with a native policy. */
  plain: number[] = [];
  /** Whether a helper is called that has to be modelled. */
  modelled = false;
  /** What the addon models of them. */
  models: Models = NOTHING_MODELLED;
  /** Whether the program can be run in one go with many inputs. */
  private suits = false;
  /** Whether that is so with the inputs that were given. */
  fits = false;

  /** @param setup that of any machine: they are alike */
  constructor(setup: ReusedMachine['series']) {
    this.series = this.quick.series({ ...setup, guard: GUARD, contextBytes: BOUNDS.context });
  }

  /** Takes a program, for now without inputs. */
  take(prepared: Prepared): void {
    const { built, callees } = prepared;
    const { world, percpuBytes } = built;
    const { code, addresses, analysis, blocks } = world.programs[0]!;
    this.code = code;
    this.addresses = addresses;
    this.percpuBytes = percpuBytes;
    this.guards = guardsOf(analysis.blocks, blocks);
    this.learnHelpers(world.helpers, callees);
    this.models = modelsOf(world, prepared.kernel);
    this.quick.load(prepared);
    const fits = this.quick.isLoaded && world.helpers.length < HELPER_PLACES - PLAIN_HELPERS;
    this.suits = fits && this.models.complete && this.loadSeries();
    this.fits = false;
  }

  /** Takes inputs for the program. @returns whether they can be run in one go */
  fill(inputs: readonly FuzzInput[], { built }: Prepared): boolean {
    this.fits = this.suits && this.series.fill(inputs, (input) => wrongR9(input, built.world));
    return this.fits;
  }

  private learnHelpers(helpers: readonly PlacedHelper[], callees: readonly string[]): void {
    this.calleeOf = [];
    this.plain = [];
    this.modelled = false;
    for (let i = 0; i < helpers.length; i++) {
      const { name, stub, address } = helpers[i]!;
      this.calleeOf.push(stub === undefined ? callees.indexOf(name) : -1);
      if (address < FIRST_CALLED) this.plain.push(i);
      else if (stub === undefined && isCalled(name)) this.modelled = true;
    }
  }

  private loadSeries(): boolean {
    const { calleeOf } = this;
    return this.series.load({
      entry: this.addresses[0]!,
      areaBytes: this.percpuBytes + STRAY,
      ownBytes: this.percpuBytes,
      guards: this.guards,
      calleeOf: times(HELPER_PLACES, (place) => {
        const helper = place % PLAIN_HELPERS;
        return helper < calleeOf.length ? calleeOf[helper]! : -1;
      }),
    });
  }

  /** What a run with an input has to come to; null where the other interpreter has to say. */
  wanted(input: FuzzInput): ReturnType<QuickInterpreter['run']> {
    return this.quick.run(input);
  }
}
