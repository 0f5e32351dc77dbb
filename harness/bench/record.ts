import { LINUX_6_18, type StackPolicy } from '../../jit';
import { caseOf } from '../fuzz/case';
import { expected } from '../fuzz/expected';
import { FastRunner } from '../fuzz/fast';
import { STRAY } from '../fuzz/packed';
import { type Prepared, prepare } from '../fuzz/prepare';
import { guardAddresses } from '../kernel/percpu';
import { CPUS } from '../machine/layout';
import { CaseFile } from './case-file';
import { RecordingMachine } from './recording-machine';

/** Cases of a campaign. */
export interface Cases {
  readonly policy: StackPolicy;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly inputs: number;
}

/** Words of guards on all CPUs. */
function guards({ built }: Prepared): bigint[] {
  const { analysis, blocks } = built.world.programs[0]!;
  return analysis.blocks.flatMap((block, i) =>
    Array.from({ length: CPUS }, (_, cpu) => guardAddresses(block, blocks[i]!, cpu)).flat(),
  );
}

/** Runs cases and writes down what they ran: machine code, memory, registers before and after. @returns the runs */
export function record({ policy, seed, from, to, inputs }: Cases, path: string): number {
  let machine: RecordingMachine | undefined;
  const runner = new FastRunner(LINUX_6_18, (setup) => (machine = new RecordingMachine(setup)));
  try {
    const file = new CaseFile();
    file.begin(machine!.surroundings);
    let runs = 0;
    for (let index = from; index < to; index++) {
      const { fuzz, inputs: all } = caseOf(seed, index, inputs);
      const prepared = prepare(fuzz, policy);
      if ('unfit' in prepared) continue;
      runner.load(prepared);
      const code = machine!.loaded;
      const parts = all.flatMap((input) => {
        const good = runner.run(input, expected(prepared, input)) === null;
        return good && machine!.recorded ? [machine!.recorded] : [];
      });
      runs += parts.length;
      const { percpuBytes, world } = prepared.built;
      const areaBytes = percpuBytes + STRAY;
      file.program({ entry: world.programs[0]!.addresses[0]!, code, areaBytes, guards: guards(prepared) }, parts);
    }
    file.write(path);
    return runs;
  } finally {
    runner.close();
  }
}
