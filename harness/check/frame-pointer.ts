import { evaluate } from '../spec';
import { type Check, type Finding, hex } from './finding';
import { seenFrames } from './seen-frames';

export const framePointer: Check = {
  id: 'frame-pointer',
  title: 'frame pointers are those that the spec declares',
  run(input) {
    const { run, expectation, environment, judgeValues } = input;
    if (!judgeValues) return [];
    return (expectation.framePointers ?? []).flatMap(({ subprog, term }): Finding[] => {
      const program = run.world.programs.findIndex(({ name }) => name === subprog.program);
      const index = run.world.programs[program]!.program.subprogs.findIndex(({ name }) => name === subprog.subprog);
      const want = evaluate(term.value, environment);
      const wrong = seenFrames(input).filter(
        (each) =>
          each.activation.program === program && each.activation.subprog === index && each.framePointer !== want,
      );
      return wrong.slice(0, 1).map((each): Finding => {
        const message = `the frame pointer of ${subprog.subprog} is not the declared one`;
        const declared = want === undefined ? 'there is no such value under this policy' : `r10 = ${hex(want)}`;
        return {
          check: 'frame-pointer',
          event: each.event,
          place: each.place,
          message,
          want: `${declared} (${term.value.text})`,
          got: `r10 = ${hex(each.framePointer)}`,
          register: each.place?.fn.frame.register ?? 0,
        };
      });
    });
  },
};
