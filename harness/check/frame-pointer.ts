import { environmentOf } from '../run/environment';
import { evaluate } from '../spec';
import { type Check, type Finding, hex } from './finding';
import { seenFrames } from './seen-frames';

export const framePointer: Check = {
  id: 'frame-pointer',
  title: 'frame pointers are those that the spec declares',
  run(input) {
    const { run, expectation, judgeValues, activations } = input;
    if (!judgeValues) return [];
    return (expectation.framePointers ?? []).flatMap(({ subprog, term }): Finding[] => {
      const program = run.world.programs.findIndex(({ name }) => name === subprog.program);
      const index = run.world.programs[program]!.program.subprogs.findIndex(({ name }) => name === subprog.subprog);
      const ofSubprog = seenFrames(input).filter(
        ({ activation }) => activation.program === program && activation.subprog === index,
      );
      return ofSubprog.flatMap((each): Finding[] => {
        const want = evaluate(term.value, environmentOf(run, activations, each.activation));
        if (each.framePointer === want) return [];
        const message = `the frame pointer of ${subprog.subprog} is not the declared one`;
        const declared = want === undefined ? 'there is no such value under this policy' : `r10 = ${hex(want)}`;
        const register = each.place?.fn.frame.register;
        return [
          {
            check: 'frame-pointer',
            event: each.event,
            place: each.place,
            message,
            want: `${declared} (${term.value.text})`,
            got: `r10 = ${hex(each.framePointer)}`,
            ...(register !== undefined && { register }),
          },
        ];
      });
    });
  },
};
