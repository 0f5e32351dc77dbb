import { GUARD } from '../kernel/percpu';
import { EventKind } from '../machine/trace';
import { AT_END, type Check, type CheckInput, type Finding, hex } from './finding';

/** The last store that touched a guard word. */
function writer({ run }: CheckInput, address: bigint): number {
  const { trace } = run;
  for (let i = trace.count - 1; i >= 0; i--) {
    if (trace.kind(i) !== EventKind.WRITE || trace.skipped(i)) continue;
    const at = trace.address(i);
    if (at < address + 8n && at + BigInt(trace.size(i)) > address) return i;
  }
  return AT_END;
}

export const guards: Check = {
  id: 'guards',
  title: 'the guard words at both ends of every private block are intact on every CPU',
  run(input) {
    const { run } = input;
    return run.guards.flatMap(({ program, block, cpu, address, before, value }): Finding[] => {
      if (value === GUARD || value === before) return [];
      const { analysis, program: code } = run.world.programs[program]!;
      const owner = code.subprogs[analysis.blocks[block]!.owner]!.name;
      const event = writer(input, address);
      return [
        {
          check: 'guards',
          event,
          place: event === AT_END ? null : (run.world.code.at(run.trace.rip(event)) ?? null),
          message: `a guard of the block of ${owner} on CPU ${cpu} is overwritten`,
          want: hex(GUARD),
          got: `${hex(value)} at ${hex(address)}`,
        },
      ];
    });
  },
};
