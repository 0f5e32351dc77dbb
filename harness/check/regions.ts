import { guardAddresses, onCpu } from '../kernel/percpu';
import { CPUS, PERCPU_POINTER_BASE, percpuOffset, STACK_BYTES, stackBase, u64 } from '../machine/layout';
import type { Run, World } from '../run/run';

/** A piece of the guest's memory, by what it is for. */
export interface Region {
  readonly kind: 'stack' | 'block' | 'guard' | 'percpu' | 'data' | 'variable';
  /** For people: `block(main) on CPU 0`. */
  readonly name: string;
  readonly lo: bigint;
  /** First address behind it. */
  readonly hi: bigint;
  /** The CPU that it belongs to; null for memory of all. */
  readonly cpu: number | null;
  readonly program: number | null;
}

/** Bytes around the per-CPU pointers that count as a CPU's own area. */
const PERCPU_REACH = 0x100000n;

function blockRegions(world: World): Region[] {
  return world.programs.flatMap(({ analysis, blocks, program: { subprogs } }, program) =>
    analysis.blocks.flatMap((block, index) => {
      const owner = `block(${subprogs[block.owner]!.name})`;
      return Array.from({ length: CPUS }, (_, cpu) => cpu).flatMap((cpu): Region[] => {
        const lo = onCpu(blocks[index]!, cpu);
        const guard = BigInt(block.guard);
        const common = { cpu, program };
        const guards = guardAddresses(block, blocks[index]!, cpu).map((address, end): Region => {
          const name = `${end === 0 ? 'lower' : 'upper'} guard of ${owner} on CPU ${cpu}`;
          return { ...common, kind: 'guard', name, lo: address, hi: address + 8n };
        });
        const hi = lo + BigInt(block.size) - guard;
        return [...guards, { ...common, kind: 'block', name: `${owner} on CPU ${cpu}`, lo: lo + guard, hi }];
      });
    }),
  );
}

function cpuRegions(): Region[] {
  return Array.from({ length: CPUS }, (_, cpu) => cpu).flatMap((cpu): Region[] => {
    const stack = stackBase(cpu);
    const area = u64(PERCPU_POINTER_BASE + percpuOffset(cpu));
    const common = { cpu, program: null };
    return [
      { ...common, kind: 'stack', name: `kernel stack of CPU ${cpu}`, lo: stack, hi: stack + BigInt(STACK_BYTES) },
      { ...common, kind: 'percpu', name: `per-CPU area of CPU ${cpu}`, lo: area, hi: area + PERCPU_REACH },
    ];
  });
}

function variableRegions(world: World): Region[] {
  return world.variables.flatMap(({ name, address, size, percpu }): Region[] => {
    const common = { kind: 'variable', program: null } as const;
    if (!percpu) return [{ ...common, name, lo: address, hi: address + BigInt(size), cpu: null }];
    return Array.from({ length: CPUS }, (_, cpu): Region => {
      const lo = onCpu(address, cpu);
      return { ...common, name: `${name} of CPU ${cpu}`, lo, hi: lo + BigInt(size), cpu };
    });
  });
}

/** The regions of a world, the more specific ones first. */
export function regionsOf({ world }: Run): Region[] {
  const data = world.data.map(({ name, address, size }): Region => {
    return { kind: 'data', name, lo: address, hi: address + BigInt(size), cpu: null, program: null };
  });
  return [...blockRegions(world), ...data, ...variableRegions(world), ...cpuRegions()];
}

/** The region of an address, if it is in one. */
export function regionAt(regions: readonly Region[], address: bigint): Region | undefined {
  return regions.find(({ lo, hi }) => address >= lo && address < hi);
}

/** An address in words: region and offset, or none. */
export function describe(regions: readonly Region[], address: bigint): string {
  const region = regionAt(regions, address);
  return region ? `${region.name} + ${address - region.lo}` : 'in no region';
}
