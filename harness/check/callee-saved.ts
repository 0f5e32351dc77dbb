import { GPR_NAMES } from '../../jit';
import { type Check, type Finding, hex } from './finding';
import { callerName, lastPlace, losses } from './losses';

/** Every call of a program's code is judged, C code's and those between subprogs. What an exception loses is `exception`'s. */
export const calleeSaved: Check = {
  id: 'callee-saved',
  title: 'whoever calls a subprog gets rbx, rbp and r12 to r15 back as they were',
  run(input) {
    return losses(input).flatMap(({ handback, register, want, got }): Finding[] => {
      if (handback.thrown) return [];
      const name = GPR_NAMES[register]!;
      return [
        {
          check: 'callee-saved',
          event: handback.event,
          place: lastPlace(input, handback.returned),
          message: `${name} is not what ${callerName(input, handback)} had`,
          want: `${name} = ${hex(want)}`,
          got: `${name} = ${hex(got)}`,
          register,
        },
      ];
    });
  },
};
