import type { Activation } from '../run/activations';
import { plannedFrame } from '../run/frames';
import type { World } from '../run/run';
import { type Check, type Finding, hex } from './finding';

/** Whether the analysis gives two activations the same private frame, although one runs inside the other. */
export function sharesFrame(world: World, inner: Activation, outer: Activation): boolean {
  const { program, subprog, cpu } = inner;
  if (outer.program !== program || outer.subprog !== subprog || outer.cpu !== cpu) return false;
  if (world.programs[program]!.analysis.subprogs[subprog]!.private === null) return false;
  return plannedFrame(world, inner) === plannedFrame(world, outer);
}

function outerOf(world: World, inner: Activation): Activation | null {
  for (let each = inner.parent; each; each = each.parent) if (sharesFrame(world, inner, each)) return each;
  return null;
}

/** Private memory is there once for each CPU: who runs again there while it runs writes into its own frame. */
export const recursion: Check = {
  id: 'recursion',
  title: 'no subprog with a private frame runs again on the same CPU before it is left',
  run({ run, uses }) {
    const { world } = run;
    const known = new Set<Activation>();
    return uses.flatMap(({ activation, event, place, framePointer }): Finding[] => {
      if (known.has(activation)) return [];
      known.add(activation);
      const outer = outerOf(world, activation);
      if (!outer) return [];
      const { name } = place.fn;
      const by = activation.entry === outer.entry ? '' : `, entered by ${activation.entry.by}`;
      return [
        {
          check: 'recursion',
          event,
          place,
          message: `${name} runs again on CPU ${activation.cpu} inside itself${by}: both have the same private frame`,
          want: 'a frame of its own',
          got: `r10 = ${hex(framePointer)}, the frame of ${name} that is still alive`,
        },
      ];
    });
  },
};
