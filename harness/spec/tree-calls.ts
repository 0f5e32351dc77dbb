import type { TreeCall, TreeSubprog } from './tree';
import { type CallbackArguments, callbackHelper } from './tree-callbacks';

/** A map that generated bodies need for themselves; all its bytes begin as zero. */
export interface OwnMap {
  readonly name: string;
  readonly size: number;
}

/** Where generated bodies find maps. */
export interface TreeMaps {
  /** Name of the program: its own maps begin with it. */
  readonly program: string;
  /** A map of the spec to go over, undefined where it has none. */
  readonly first: string | undefined;
}

/** Bytes of a record of a throw: how many more times control comes by until it throws (0: never), and the cookie. */
const THROW_RECORD = 16;
/** sizeof(struct bpf_timer) */
const TIMER_BYTES = 16;
const CODE_BYTES = 8;

/** The assembly of the calls of one tree: what they need before them, and how their failure is seen. */
export class CallTexts {
  /** Subprogs that throw, by index; each has one record, whichever of its lines control comes to. */
  readonly #throwers: readonly number[];
  readonly #callbacks: ReadonlySet<string>;
  readonly #async: ReadonlySet<string>;
  readonly #maps: { readonly throws: string; readonly timer: string; readonly lost: string };
  readonly #first: string;
  readonly #names: readonly string[];
  readonly #setsTimer: boolean;

  constructor(subprogs: readonly TreeSubprog[], { program, first }: TreeMaps) {
    const calls = subprogs.flatMap((each) => each.calls);
    const handed = calls.filter(({ callback }) => callback !== undefined);
    const later = handed.filter(({ callee }) => callbackHelper(callee)!.async);
    const flagged = subprogs.filter(({ flags }) => flags.has('async')).map(({ name }) => name);
    this.#names = subprogs.map(({ name }) => name);
    this.#throwers = subprogs.flatMap((each, index) => (each.calls.some(isThrow) ? [index] : []));
    this.#async = new Set([...flagged, ...later.map(({ callback }) => callback!)]);
    this.#callbacks = new Set([...this.#async, ...handed.map(({ callback }) => callback!)]);
    this.#setsTimer = later.length > 0;
    this.#maps = { throws: `${program}.throws`, timer: `${program}.timer`, lost: `${program}.lost` };
    this.#first = first ?? '';
  }

  /** A call, and the jump that its failure makes; `nth` makes labels differ. */
  call(call: TreeCall, caller: string, nth: number): string[] {
    if (isThrow(call)) return this.#throw(caller, nth);
    const helper = callbackHelper(call.callee);
    const given = this.#given(call);
    const prepare = helper?.prepare(given).map((each) => `  ${each}`) ?? [];
    const rounds = this.countsRounds(call) ? [`  if r0 != ${helper!.returns!(given)} goto ${caller}.rounds`] : [];
    return [...prepare, `  call ${call.callee}`, ...this.#check(call, caller), ...rounds];
  }

  /**
   * How a call tells that something is lost: by the code that the callee returns, by the code that a callback has kept, or
   * not at all.
   */
  tells({ kind, callee, callback }: TreeCall): 'returned' | 'kept' | undefined {
    if (kind === 'subprog') return this.#callbacks.has(callee) ? 'kept' : 'returned';
    return callback === undefined || callbackHelper(callee)!.async ? undefined : 'kept';
  }

  countsRounds = ({ callee, callback }: TreeCall): boolean =>
    callback !== undefined && callbackHelper(callee)?.returns !== undefined;

  /** How a body ends when nothing is lost. What asynchronous callbacks have lost the main subprog returns. */
  end(index: number): string[] {
    return index === 0 && this.#async.size > 0 ? [...this.#kept('r0'), '  exit'] : ['  r0 = 0', '  exit'];
  }

  /** How a body ends with a code in r0: a callback keeps it, and returns what the verifier lets it: 1 ends a loop. */
  failed(name: string): string[] {
    if (!this.#callbacks.has(name)) return ['  exit'];
    const result = this.#async.has(name) ? 0 : 1;
    return [`  r1 = map[${this.#maps.lost}][0] ll`, '  *(u64 *)(r1 + 0) = r0', `  r0 = ${result}`, '  exit'];
  }

  /** Maps that the bodies use. */
  ownMaps(): OwnMap[] {
    const { throws, timer, lost } = this.#maps;
    const all = [
      { name: throws, size: this.#throwers.length * THROW_RECORD },
      { name: timer, size: this.#setsTimer ? TIMER_BYTES : 0 },
      { name: lost, size: this.#callbacks.size > 0 ? CODE_BYTES : 0 },
    ];
    return all.filter(({ size }) => size > 0);
  }

  throws(): { subprog: number; map: string; offset: number }[] {
    return this.#throwers.map((subprog, at) => ({ subprog, map: this.#maps.throws, offset: at * THROW_RECORD }));
  }

  #given({ callback = '', rounds = 1 }: TreeCall): CallbackArguments {
    return { callback, rounds, map: this.#first, timer: this.#maps.timer };
  }

  // A callee's nonzero code is passed on; what a helper returns says nothing, and what a callback returns little.
  #check(call: TreeCall, caller: string): string[] {
    const told = this.tells(call);
    if (told === undefined) return [];
    if (told === 'returned') return [`  if r0 != 0 goto ${caller}.failed`];
    return [...this.#kept('r1'), `  if r1 != 0 goto ${caller}.told`];
  }

  /** The code that a callback has kept. */
  #kept(register: string): string[] {
    return [`  r1 = map[${this.#maps.lost}][0] ll`, `  ${register} = *(u64 *)(r1 + 0)`];
  }

  #throw(caller: string, nth: number): string[] {
    const { offset } = this.throws().find(({ subprog }) => this.#names[subprog] === caller)!;
    const past = `${caller}.past${nth}`;
    return [
      `  r1 = map[${this.#maps.throws}][0]+${offset} ll`,
      '  r2 = *(u64 *)(r1 + 0)',
      `  if r2 == 0 goto ${past}`,
      '  r2 += -1',
      '  *(u64 *)(r1 + 0) = r2',
      `  if r2 != 0 goto ${past}`,
      '  r1 = *(u64 *)(r1 + 8)',
      '  call bpf_throw',
      `${past}:`,
    ];
  }
}

const isThrow = ({ callee }: TreeCall): boolean => callee === 'bpf_throw';
