import type { Insn } from '../../../jit';
import type { LocatedCapture } from '../../capture/capture';
import { type Decoded, decode } from '../../capture/decode';
import { DecodedFunction } from '../../capture/decoded-code';
import { type CapturedProgram, placeCapture } from '../../capture/placed';
import { setupOf } from '../../exec-requests';
import { type CapturedInput, capturedInputs } from '../../import-captures';
import { EventKind } from '../../machine/trace';
import type { CodeFunction } from '../../run/code';
import { CodeMap } from '../../run/code-map';
import { kept, type Outcome, Rerun } from '../../run/rerun';
import type { Run, World } from '../../run/run';
import { type Schedule, schedule } from '../../run/schedule';
import { findingsOf } from './judge';
import type { ImageFunction } from './relayout';

/** One run of an image, as it is without a fault. */
export interface SoundRun {
  readonly input: CapturedInput;
  readonly machine: Rerun;
  readonly schedule: Schedule;
  readonly outcome: Outcome;
  /** What checks find already: an image may have a bug of its own. */
  readonly known: ReadonlySet<string>;
}

/** What a mutant is run under: schedules, dealt out to the inputs. */
const RUNS = 6;
/** Of images without inputs of their own: 64 zeros. */
const CONTEXT = '00'.repeat(64);
const SEED = 1;

/** A function whose instructions are found when somebody asks for them: few mutants are looked at. */
class LazyFunction implements CodeFunction {
  private made: DecodedFunction | undefined;

  constructor(
    readonly name: string,
    readonly size: number,
    private readonly make: () => DecodedFunction,
  ) {}

  private get decoded(): DecodedFunction {
    this.made ??= this.make();
    return this.made;
  }

  get frame() {
    return this.decoded.frame;
  }

  get landing() {
    return this.decoded.landing;
  }

  get exceptionTable() {
    return this.decoded.exceptionTable;
  }

  rows() {
    return this.decoded.rows();
  }
}

/** The world with other code of some functions. */
function withCode(
  world: World,
  functions: ReadonlyMap<number, { readonly fn: CodeFunction; readonly bytes: Uint8Array }>,
) {
  const [placed] = world.programs;
  const changed = {
    ...placed!,
    functions: placed!.functions.map((each, i) => functions.get(i)?.fn ?? each),
    code: placed!.code.map((each, i) => functions.get(i)?.bytes ?? each),
  };
  const programs = [changed];
  return { ...world, programs, code: new CodeMap(programs, world.helpers) };
}

/** The functions that the kernel's capture holds, not what was made beside it. */
const functionsOf = ({ located, functions, addresses, code }: CapturedProgram): ImageFunction[] =>
  located.capture.want.map((_, i) => {
    const [fn, address, bytes] = [functions[i]!, addresses[i]!, code[i]!];
    const lines: (readonly [slot: number, offset: number])[] = [];
    for (const { pc, offset } of fn.rows()) if (pc >= 0 && lines.at(-1)?.[0] !== pc) lines.push([pc, offset]);
    return { name: fn.name, address, bytes, lines, rows: decode(bytes, address) };
  });

/** A kernel's image with all that it takes to run it, as it is and with a fault. */
export class Image {
  readonly name: string;
  readonly functions: readonly ImageFunction[];
  readonly runs: readonly SoundRun[];
  /** Addresses of instructions that some run comes to. */
  readonly executed: ReadonlySet<bigint>;
  private readonly insns: readonly (readonly Insn[])[];
  private readonly machines = new Set<Rerun>();

  /** @throws DecodeError, JitError */
  constructor(located: LocatedCapture) {
    const captured = placeCapture(located);
    this.name = located.capture.name;
    this.insns = captured.program.subprogs.map(({ insns }) => insns);
    this.functions = functionsOf(captured);
    const inputs = capturedInputs(captured, CONTEXT, SEED);
    const executed = new Set<bigint>();
    const machines = inputs.map((input) => {
      const built = this.foreign(input);
      const machine = new Rerun(setupOf(built, input.options));
      this.machines.add(machine);
      return { input: { ...input, built }, machine };
    });
    this.runs = Array.from({ length: Math.max(RUNS, machines.length) }, (_, i): SoundRun => {
      const { input, machine } = machines[i % machines.length]!;
      const by = schedule(input.built.world, i);
      const outcome = machine.again(by);
      const run = outcome.collect();
      for (const address of addressesOf(run)) executed.add(address);
      const known = new Set(findingsOf(run, input).map(({ key }) => key));
      return { input, machine, schedule: by, outcome: kept(outcome), known };
    });
    this.executed = executed;
  }

  /** The world of an input, its code known by decoding alone: as that of any other JIT. */
  private foreign({ built }: CapturedInput) {
    const functions = this.functions.map(({ bytes, lines }, i) => {
      return [i, { bytes, fn: this.decoded(i, bytes, lines) }] as const;
    });
    return { ...built, world: withCode(built.world, new Map(functions)) };
  }

  private decoded(fn: number, bytes: Uint8Array, lines: ImageFunction['lines']): CodeFunction {
    const { name, address } = this.functions[fn]!;
    const insns = this.insns[fn]!;
    return new LazyFunction(name, bytes.length, () => new DecodedFunction({ name, bytes, address, insns, lines }));
  }

  /** The world of an input with other code of one function. */
  worldWith({ built }: CapturedInput, fn: number, { bytes, lines }: Pick<ImageFunction, 'bytes' | 'lines'>): World {
    return withCode(built.world, new Map([[fn, { bytes, fn: this.decoded(fn, bytes, lines) }]]));
  }

  row(fn: number, row: number): { readonly address: bigint; readonly decoded: Decoded } {
    const { address, rows } = this.functions[fn]!;
    const decoded = rows[row]!;
    return { address: address + BigInt(decoded.offset), decoded };
  }

  close(): void {
    for (const machine of this.machines) machine.close();
  }
}

function* addressesOf({ trace }: Run): Generator<bigint> {
  for (let i = 0; i < trace.count; i++) if (trace.kind(i) === EventKind.INSN) yield trace.rip(i);
}
