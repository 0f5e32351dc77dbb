import { type Addon, addon, CLOSED, check, type Handle, RANGE, UNMAPPED } from './addon';
import { bytes, callback, hex, integer, word } from './args';
import { CommonPolicy } from './common-policy';
import { EmuError } from './errors';
import { EventView } from './events';
import { type ExceptionTableEntry, tableWords } from './exception-table';
import { Action, type HelperAction, type HelperPolicy, helperTable, policyWords } from './helper';
import { loadLibrary } from './library';
import { modelWords, type NativeModel, type NativeThrow, throwWords } from './models';
import { REG, REG_COUNT } from './registers';
import type { Series } from './series';
import { STATE, type StateViews, stateViews } from './state';
import { OUTCOME, type RunStatus, runStatus } from './status';

/** Protection of guest pages. */
export const Prot = { NONE: 0, R: 1, W: 2, X: 4, RW: 3, RX: 5, RWX: 7 } as const;

export interface EmuOptions {
  /** File or soname of libunicorn; else the environment variable UNICORN_LIB, else the usual names. */
  readonly lib?: string;
  /** Basic blocks that one run may execute. */
  readonly blockBudget?: number;
  /** Event records. */
  readonly eventCapacity?: number;
  /** Whether a run ends when the event buffer is full (default); otherwise the oldest records are overwritten. */
  readonly stopWhenFull?: boolean;
}

/** Guest code that was rewritten since it last ran. */
export interface CodeRange {
  readonly addr: bigint;
  /** Bytes. */
  readonly size: number;
}

export interface RunOptions {
  readonly invalidate?: CodeRange | readonly CodeRange[];
}

interface CodeCallback {
  readonly lo: bigint;
  readonly hi: bigint;
  readonly fn: (rip: bigint) => HelperAction;
}

const HELPER_CALL = 0;

/**
 * One x86-64 processor in 64-bit mode at CPL 0, with its own memory: a Unicorn engine.
 *
 * Life: open, map, hooks, {@link seal}, then any number of {@link run}s, {@link close}. Every run starts from the
 * pristine processor and the register block; memory stays as the run before left it. Addresses are bigints of 64 bits;
 * ranges (`lo`, `hi`) include both ends. All methods throw {@link EmuError}: `closed` after close, `busy` from within a
 * callback (except reading and writing memory, forgetting code and setting policies), `bad-argument` for what cannot be meant.
 */
export class Emu {
  /** The register block, in the order of `REG`: set before a run, read after it and in callbacks. */
  readonly regs: BigUint64Array;
  readonly events: EventView;

  readonly #addon: Addon;
  readonly #handle: Handle;
  readonly #state: StateViews;
  readonly #codeCallbacks: CodeCallback[] = [];
  readonly #jsHelpers: number[] = [];
  #helperCallback: ((index: number) => HelperAction) | undefined;
  readonly #policies = new Set<number>();
  #thrown: { readonly error: unknown } | undefined;
  #outcome: number = OUTCOME.ok;
  #ok: RunStatus | undefined;

  private constructor(native: Addon, handle: Handle, state: ArrayBuffer, events: ArrayBuffer) {
    this.#addon = native;
    this.#handle = handle;
    this.#state = stateViews(state);
    this.regs = this.#state.words.subarray(0, REG_COUNT);
    this.events = new EventView(events, this.#state);
  }

  /** A new engine. Errors: those of {@link library}; `too-big` when there is no address space for another engine. */
  static open(options: EmuOptions = {}): Emu {
    const budget = integer(options.blockBudget ?? 1_000_000, 'blockBudget', 1);
    const capacity = integer(options.eventCapacity ?? 1 << 16, 'eventCapacity', 1, 1 << 20);
    const native = addon();
    const opened = native.open(loadLibrary(options.lib).id, budget, capacity, options.stopWhenFull !== false);
    if (Array.isArray(opened)) return new Emu(native, ...opened);
    check(opened as number, 'open (256 engines a process at most, of up to 1 GiB of address space each)');
    throw new EmuError('unicorn', 'open: nothing came back');
  }

  /**
   * The libunicorn that `open` would use. Errors: `library-missing` with what was tried and how to install it,
   * `library-bad` for a file that is not a usable libunicorn 2, `addon-missing`.
   */
  static library(lib?: string): { readonly path: string; readonly version: string } {
    const { path, version } = loadLibrary(lib);
    return { path, version };
  }

  /**
   * Maps zeroed guest memory; the result shares its bytes with the guest, whatever the protection. Errors: `overlap`;
   * `too-big` beyond 256 MiB an engine, or 512 regions (a mapping is one, and a change of protection splits one); `bad-argument` unless both are multiples of 4096.
   */
  map(addr: bigint, size: number, prot: number): Uint8Array {
    const what = `map ${hex(word(addr, 'addr'))}, ${integer(size, 'size')} bytes`;
    const mapped = this.#addon.map(this.#handle, addr, size, integer(prot, 'prot', 0, Prot.RWX));
    if (typeof mapped === 'number') check(mapped, what);
    return new Uint8Array(mapped as ArrayBuffer);
  }

  /** Changes the protection of mapped pages. Errors: `bad-argument` when some of them are not mapped. */
  protect(addr: bigint, size: number, prot: number): void {
    const what = `protect ${hex(word(addr, 'addr'))}, ${integer(size, 'size')} bytes`;
    check(this.#addon.protect(this.#handle, addr, size, integer(prot, 'prot', 0, Prot.RWX)), what);
  }

  /**
   * Declares where helpers are, once. Their addresses must be mapped and executable; what stands there is not executed.
   * A helper flagged in `js` is modelled by {@link onHelper}, any other by its policy.
   */
  hookHelpers(addresses: readonly bigint[], options: { readonly js?: readonly boolean[] } = {}): void {
    const [words, js] = helperTable(addresses, options.js);
    check(this.#addon.hookHelpers(this.#handle, words, js), 'hookHelpers (distinct addresses, once)');
    js.forEach((flag, index) => {
      if (flag) this.#jsHelpers.push(index);
    });
  }

  /**
   * Declares, once, the instructions whose data faults are handled as Linux handles those of its exception table: the
   * register is cleared, what was stored is undone, and the run goes on behind the instruction. Any other fault ends it.
   * Errors: `bad-argument` for none, entries that overlap, or numbers that are no register.
   */
  exceptionTable(entries: readonly ExceptionTableEntry[]): void {
    check(this.#addon.exceptionTable(this.#handle, tableWords(entries)), 'exceptionTable (sound, once)');
  }

  /** Sets what helper `index` does, at any time, also from within a callback. */
  setHelperPolicy(index: number, policy: HelperPolicy): void {
    check(
      this.#addon.setPolicy(this.#handle, integer(index, 'index'), policyWords(policy)),
      `policy of helper ${index}`,
    );
    this.#policies.add(index);
  }

  /**
   * Gives all helpers that are not flagged `js` one policy, once, that can be changed at any time without a call.
   * @param brief whether the events of helpers have no registers
   */
  commonPolicy(options: { readonly brief?: boolean } = {}): CommonPolicy {
    const shared = this.#addon.commonPolicy(this.#handle, options.brief === true);
    if (typeof shared === 'number') check(shared, 'commonPolicy (after hookHelpers, once)');
    return new CommonPolicy(new BigUint64Array(shared as ArrayBuffer));
  }

  /**
   * Lets helpers flagged `js` be modelled in native code, at any time after {@link seal}: those that are named, and no others.
   * Needs a {@link commonPolicy}, which says what they leave to their callers. One that throws needs {@link nativeThrow}.
   */
  nativeModels(models: readonly NativeModel[]): void {
    for (const { helper, stub } of models) {
      integer(helper, 'helper');
      integer(stub, 'stub');
    }
    check(this.#addon.models(this.#handle, modelWords(models)), 'nativeModels');
  }

  /** Says where exceptions go that a native model throws. Errors: `bad-argument` for more than 64 functions. */
  nativeThrow(how: NativeThrow): void {
    check(this.#addon.throws(this.#handle, word(how.callback, 'callback'), throwWords(how)), 'nativeThrow');
  }

  /**
   * Runs a series, after {@link seal}, with a {@link commonPolicy}; afterwards {@link events} are those of its last run.
   * Errors: as those of {@link run}, and `bad-argument` where what the series says is not mapped.
   */
  runSeries({ words, interpreter, junk }: Series): void {
    check(this.#addon.series(this.#handle, words, interpreter.words, junk, this.#dispatch), 'series');
    if (this.#thrown) this.#explain(0n);
  }

  /** Whether in the last run a callback of a native bpf_loop did not give its registers back. */
  get loopsLost(): boolean {
    return this.#state.halves[STATE.loopsLost] === 1;
  }

  /** The model of all helpers flagged `js`. It may read and write {@link regs}; `regs[REG.rip]` is the helper. */
  onHelper(fn: (index: number) => HelperAction): void {
    this.#mustBeUnsealed('onHelper');
    this.#helperCallback = callback(fn, 'onHelper');
  }

  /** Records every data read and write that touches `lo` to `hi`, those of push, pop, call and ret included. */
  watchMemory(lo: bigint, hi: bigint): void {
    this.#addRange(RANGE.memory, lo, hi, 'watchMemory');
  }

  /** Records every instruction of `lo` to `hi` with all registers before it. */
  traceCode(lo: bigint, hi: bigint): void {
    this.#addRange(RANGE.trace, lo, hi, 'traceCode');
  }

  /** Calls `fn` before every instruction of `lo` to `hi`: slow, for hand-written scenarios. */
  onCode(lo: bigint, hi: bigint, fn: (rip: bigint) => HelperAction): void {
    callback(fn, 'onCode');
    this.#addRange(RANGE.code, lo, hi, 'onCode');
    this.#codeCallbacks.push({ lo, hi, fn });
  }

  /**
   * Freezes the hooks and the one address at which a run ends well. `stop` needs no memory and must not be code:
   * Unicorn bakes both into the code that it translates.
   */
  seal(options: { readonly stop: bigint }): void {
    const stop = word(options?.stop, 'stop');
    if (this.#jsHelpers.length > 0 && !this.#helperCallback) {
      throw new EmuError('bad-argument', `helper ${this.#jsHelpers[0]} is flagged js, and onHelper was not called`);
    }
    check(this.#addon.seal(this.#handle, stop), 'seal');
    this.#ok = Object.freeze({ kind: 'ok', rip: stop, exact: true });
  }

  /**
   * Runs from `entry` until the stop address or anything else ends it. Code that was rewritten since an earlier run must
   * be named in `invalidate`, or the old code runs. What a callback throws comes out of here at once.
   * Errors: `not-sealed`, `bad-argument` when a helper has no model or the range is not executable.
   */
  run(entry: bigint, options?: RunOptions): RunStatus {
    const first = this.#invalidate(options?.invalidate);
    this.#outcome = this.#addon.run(this.#handle, entry, first?.addr ?? 0n, first?.size ?? 0, this.#dispatch);
    if (this.#outcome === OUTCOME.ok) return this.#ok!;
    return this.#explain(entry);
  }

  /**
   * Forgets code that was rewritten, from within a callback: it must not be the block that is being executed.
   * Errors: `bad-argument` when it is not executable.
   */
  invalidate({ addr, size }: CodeRange): void {
    const status = this.#addon.invalidate(this.#handle, word(addr, 'addr'), integer(size, 'size', 1));
    // Words cost more than forgetting.
    if (status !== 0) check(status, `invalidate ${hex(addr)}, ${size} bytes`);
  }

  /** Records that the last run left in {@link events}. */
  get eventCount(): number {
    return this.events.count;
  }

  /** Whether the last run had more events than the buffer holds. */
  get eventsLost(): boolean {
    return this.#outcome === OUTCOME.eventsFull || this.events.total > this.events.capacity;
  }

  /** A copy of `n` bytes of guest memory, whatever their protection; null when some of them are not mapped. */
  readBytes(addr: bigint, n: number): Uint8Array | null {
    const copy = new Uint8Array(integer(n, 'n', 0, 1 << 28));
    const status = this.#addon.read(this.#handle, word(addr, 'addr'), copy);
    if (status === UNMAPPED.read) return null;
    check(status, `read ${hex(addr)}`);
    return copy;
  }

  /** Writes guest memory, whatever its protection; false, and nothing written, when some of it is not mapped. */
  writeBytes(addr: bigint, data: Uint8Array): boolean {
    const status = this.#addon.write(this.#handle, word(addr, 'addr'), bytes(data, 'data'));
    if (status === UNMAPPED.write) return false;
    check(status, `write ${hex(addr)}`);
    return true;
  }

  /**
   * Frees everything. All arrays that the engine gave out have length 0 from then on. Closing again does nothing;
   * an engine that is never closed is freed when it is garbage. Errors: `busy` from within a callback.
   */
  close(): void {
    const status = this.#addon.close(this.#handle);
    if (status !== CLOSED) check(status, 'close');
  }

  #mustBeUnsealed(what: string): void {
    if (this.#ok) throw new EmuError('sealed', `${what}: the engine is sealed`);
  }

  #addRange(kind: number, lo: bigint, hi: bigint, what: string): void {
    check(this.#addon.addRange(this.#handle, kind, word(lo, 'lo'), word(hi, 'hi')), `${what} ${hex(lo)} to ${hex(hi)}`);
  }

  /** Forgets all ranges but the first, which the run itself takes along. */
  #invalidate(ranges: RunOptions['invalidate']): CodeRange | undefined {
    if (ranges === undefined) return undefined;
    const all = Array.isArray(ranges) ? (ranges as readonly CodeRange[]) : [ranges as CodeRange];
    all.forEach((range, i) => {
      const what = `invalidate ${hex(word(range?.addr, 'addr'))}, ${integer(range?.size, 'size', 1)} bytes`;
      if (i > 0) check(this.#addon.invalidate(this.#handle, range.addr, range.size), what);
    });
    return all[0];
  }

  /** The result of a run that did not end well; or what it must throw. */
  #explain(entry: bigint): RunStatus {
    if (this.#thrown) {
      const { error } = this.#thrown;
      this.#thrown = undefined;
      throw error;
    }
    if (this.#outcome < 0) check(this.#outcome, `run ${hex(word(entry, 'entry'))}`);
    if (this.#outcome === OUTCOME.sameRip) {
      throw new EmuError('bad-argument', `RESUME at ${hex(this.regs[REG.rip]!)}, where the processor is already`);
    }
    return runStatus(this.#outcome, this.#state, (code) => this.#addon.strerror(this.#handle, code));
  }

  /** What the addon calls. It must not throw into native code, so an exception waits here until the run has ended. */
  readonly #dispatch = (kind: number, index: number): number => {
    try {
      const action = kind === HELPER_CALL ? this.#callHelper(index) : this.#callCode();
      if (action === Action.POLICY && !(kind === HELPER_CALL && this.#policies.has(index))) {
        throw new EmuError('bad-argument', 'POLICY is for helpers that have one');
      }
      return integer(action, 'what a callback returns', Action.RETURN, Action.POLICY);
    } catch (error) {
      this.#thrown = { error };
      return Action.STOP;
    }
  };

  #callHelper(index: number): HelperAction {
    return this.#helperCallback!(index);
  }

  /** All callbacks of the instruction, in the order they were given, until one does not say CONTINUE. */
  #callCode(): HelperAction {
    const rip = this.regs[REG.rip]!;
    for (const { lo, hi, fn } of this.#codeCallbacks) {
      if (rip < lo || rip > hi) continue;
      const action = fn(rip);
      if (action !== Action.CONTINUE) return action;
    }
    return Action.CONTINUE;
  }
}
