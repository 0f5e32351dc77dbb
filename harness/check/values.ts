import { X86_64 } from '../../jit';
import { AT_END, type Check, type Finding, hex } from './finding';

export const retval: Check = {
  id: 'retval',
  title: 'r0 at the exit is what the spec declares',
  run({ run, expectation, judgeValues }) {
    const { retval: declared } = expectation;
    if (!judgeValues || declared === undefined || run.status.kind !== 'ok') return [];
    // What C code calls later is no program.
    if (run.entries[0]!.subprog !== 0) return [];
    const got = run.after[X86_64.returnValue]!;
    if (got === declared.value) return [];
    const message = 'the program returns another value';
    const [want, seen] = [declared.value, got].map((value) => `r0 = ${value} (${hex(value)})`);
    return [{ check: 'retval', event: AT_END, place: null, message, want: want!, got: seen! }];
  },
};

const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const memory: Check = {
  id: 'memory',
  title: 'context and maps hold at the end what the spec declares',
  run({ run, expectation, judgeValues }) {
    if (!judgeValues || !run.last) return [];
    return [...(expectation.memory ?? [])].flatMap(([name, { value }]): Finding[] => {
      const got = run.memory.get(name)!.subarray(0, value.length);
      const first = value.findIndex((byte, i) => byte !== got[i]);
      if (first < 0) return [];
      const message = `${name} differs at byte ${first}`;
      return [{ check: 'memory', event: AT_END, place: null, message, want: hexBytes(value), got: hexBytes(got) }];
    });
  },
};
