import { GPR_NAMES, X86_64 } from '../../jit';
import { AT_END, type Check, type Finding, hex } from './finding';

export const calleeSaved: Check = {
  id: 'callee-saved',
  title: 'the caller gets rbx, rbp and r12 to r15 back as they were',
  run({ run }) {
    if (run.status.kind !== 'ok') return [];
    return X86_64.calleeSaved.flatMap((register): Finding[] => {
      const [want, got] = [run.before[register]!, run.after[register]!];
      if (want === got) return [];
      const name = GPR_NAMES[register]!;
      const message = `${name} is not what the caller had`;
      const place = null;
      return [
        {
          check: 'callee-saved',
          event: AT_END,
          place,
          message,
          want: `${name} = ${hex(want)}`,
          got: `${name} = ${hex(got)}`,
          register,
        },
      ];
    });
  },
};
