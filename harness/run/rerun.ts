import { GPR_NAMES, X86_64 } from '../../jit';
import { onCpu } from '../kernel/percpu';
import { CONTEXT_BASE, entryRsp, stackBase } from '../machine/layout';
import type { RunStatus } from '../machine/machine';
import type { Run, World } from './run';
import { exchangesIn, Runner, type RunSetup } from './runner';
import type { Schedule } from './schedule';

/** A call of a helper or kfunc, as the callee sees it. */
export interface SeenCall {
  /** Index among the world's helpers. */
  readonly helper: number;
  /** BPF r1 to r5. */
  readonly args: readonly bigint[];
  /** Context and maps, one behind the other. */
  readonly data: Uint8Array;
}

/** What somebody outside can see of a run, without a look at its instructions. */
export interface Outcome {
  readonly status: RunStatus;
  /** General registers by hardware number, as the caller gets them back. */
  readonly after: readonly bigint[];
  readonly calls: readonly SeenCall[];
  /** All memory that lives on after the run: shared, so of the last run only. */
  readonly memory: readonly Uint8Array[];
  /** All there is to know; of the last run only. */
  collect(): Run;
}

/** An outcome that stays as it is. */
export const kept = (outcome: Outcome): Outcome => ({
  ...outcome,
  memory: outcome.memory.map((piece) => piece.slice()),
});

interface Piece {
  readonly address: bigint;
  readonly memory: Uint8Array;
}

/** What is left of pieces of memory without a range. */
function without(pieces: readonly Piece[], lo: bigint, hi: bigint): Piece[] {
  return pieces.flatMap(({ address, memory }): Piece[] => {
    const end = address + BigInt(memory.length);
    if (hi <= address || lo >= end) return [{ address, memory }];
    const before = lo > address ? [{ address, memory: memory.subarray(0, Number(lo - address)) }] : [];
    const after = hi < end ? [{ address: hi, memory: memory.subarray(Number(hi - address)) }] : [];
    return [...before, ...after];
  });
}

/** Bytes behind each function that code may grow by. */
export const ROOM = 16;

/** A world with room behind its functions, as a kernel leaves it: filled with int3. */
function roomy(world: World): World {
  const programs = world.programs.map((placed) => {
    const code = placed.code.map((bytes) => {
      const wide = new Uint8Array(bytes.length + ROOM).fill(0xcc);
      wide.set(bytes);
      return wide;
    });
    return { ...placed, code };
  });
  return { ...world, programs };
}

/** Other code in the place of a function's. */
export interface Replacement {
  /** The world with the new code. */
  readonly world: World;
  readonly program: number;
  readonly subprog: number;
}

/**
 * One scenario of one run, again and again in the same machine, each time from the same beginning, under other schedules
 * or with other code of a function.
 */
export class Rerun extends Runner {
  private readonly sound: World;
  private readonly beginning: readonly { readonly memory: Uint8Array; readonly bytes: Uint8Array }[];
  /** Memory that somebody may look at after a run: neither the stack below the caller's nor private frames. */
  private readonly living: readonly Uint8Array[];
  private replaced: Replacement | null = null;
  private seen: SeenCall[] = [];

  constructor(setup: RunSetup) {
    const { world } = setup;
    super({ ...setup, world: roomy(world), rewritten: true });
    this.sound = world;
    const { writable } = this.machine;
    this.beginning = writable.map(({ memory }) => ({ memory, bytes: memory.slice() }));
    const { cpu } = setup;
    let living: Piece[] = without([...writable], stackBase(cpu), entryRsp(cpu) + 8n);
    for (const { analysis, blocks } of world.programs) {
      analysis.blocks.forEach(({ size, guard }, i) => {
        const lo = onCpu(blocks[i]! + BigInt(guard), cpu);
        living = without(living, lo, lo + BigInt(size - 2 * guard));
      });
    }
    this.living = living.map(({ memory }) => memory);
  }

  protected override calls(helper: number): void {
    const { regs } = this.machine;
    const args = [1, 2, 3, 4, 5].map((bpf) => regs[X86_64.bpf[bpf]!]!);
    const areas = this.setup.world.data.map(({ address, size }) => this.machine.memory(address, size));
    this.seen.push({ helper, args, data: Buffer.concat(areas) });
  }

  /** Puts other code in place of a function's, at most {@link ROOM} bytes more; null puts back what was there. */
  replace(replacement: Replacement | null): void {
    const before = this.replaced;
    if (before) this.put(this.sound, before);
    if (replacement) this.put(replacement.world, replacement);
    this.replaced = replacement;
    this.machine.setExchanges(exchangesIn(replacement?.world ?? this.sound));
  }

  private put(world: World, { program, subprog }: Replacement): void {
    const room = this.sound.programs[program]!.code[subprog]!.length + ROOM;
    const { addresses, code } = world.programs[program]!;
    const bytes = new Uint8Array(room).fill(0xcc);
    bytes.set(code[subprog]!);
    this.machine.patch(addresses[subprog]!, bytes);
  }

  /** Runs from the beginning. */
  again(schedule?: Schedule): Outcome {
    const { setup, machine } = this;
    for (const { memory, bytes } of this.beginning) memory.set(bytes);
    const { schedule: _, ...rest } = setup;
    this.anew({ ...rest, world: this.replaced?.world ?? this.sound, ...(schedule && { schedule }) });
    this.seen = [];
    const { entryArguments: args = [CONTEXT_BASE], cpu } = setup;
    if (schedule) this.forget(cpu, schedule.label);
    const { status, collect } = this.call(0, 0, cpu, { args, by: 'the caller', last: true });
    const after = GPR_NAMES.map((_, i) => machine.regs[i]!);
    return { status, after, calls: this.seen, memory: this.living, collect };
  }

  close(): void {
    this.machine.close();
  }
}
