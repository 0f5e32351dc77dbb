import { describe, expect, test } from '@jest/globals';
import type { Role } from '../emit/site';
import { compiled, type Options } from '../testing/program';
import { GPR_NAMES } from '../x86';
import { printIntel } from '../x86/print';
import { POLICIES } from './index';
import { ASM, THROWING, thrown } from './testing/programs';

describe('what is whose', () => {
  /** Instructions of the policy's, by role; and the rest, with the same name for each frame pointer. */
  function split(asm: string, options: Options) {
    const { image, listing } = compiled(asm, options);
    const own: string[] = [];
    const rest: string[] = [];
    for (const { name, listing: rows, frame } of image.functions) {
      const text = listing(name);
      const fp = GPR_NAMES[frame.register]!;
      rows().forEach(({ insn: { site } }, i) => {
        if (OWN.has(site.role)) own.push(`${name} ${site.role}: ${text[i]!}`);
        else rest.push(`${name} ${site.role}: ${text[i]!.replace(`[${fp}-`, '[r10-')}`);
      });
    }
    return { own, rest };
  }
  const OWN = new Set<Role>(['frame-pointer', 'preserve', 'restore', 'exception-adjust']);

  test.each(POLICIES.filter(({ block }) => block !== 'none').map(({ name }) => name))(
    '%s: without what its roles mark, the code is the same as under any other policy',
    (policy) => {
      const small = THROWING.replace('r10 - 136', 'r10 - 8');
      expect(split(ASM, { policy }).rest).toEqual(split(ASM, { policy: 'unsaved' }).rest);
      // The callback has no private frame under any of them.
      expect(split(small, thrown(policy)).rest).toEqual(split(small, thrown('unsaved')).rest);
    },
  );

  test.each<[string, string[]]>([
    [
      'callee-adjust',
      [
        ...['main frame-pointer: mov r9, fp(main)', 'main frame-pointer: add r9, qword ptr gs:[this_cpu_off]'],
        ...['sub frame-pointer: add r9, 0x50', 'sub preserve: push r9', 'sub restore: pop r9'],
        'sub frame-pointer: sub r9, 0x50',
      ],
    ],
    [
      'boundary-once',
      [
        ...['main frame-pointer: mov r9, fp(main)', 'main frame-pointer: add r9, qword ptr gs:[this_cpu_off]'],
        ...['main frame-pointer: push r9', 'main frame-pointer: pop r9', 'sub frame-pointer: add r9, 0x50'],
        'caught exception-adjust: pop r9',
      ],
    ],
    [
      'caller-add',
      [
        ...['main frame-pointer: mov r9, fp(main)', 'main frame-pointer: add r9, qword ptr gs:[this_cpu_off]'],
        ...['main preserve: push r9', 'main frame-pointer: add r9, 0x50', 'main restore: pop r9'],
        ...['sub preserve: push r9', 'sub restore: pop r9', 'caught exception-adjust: pop r9'],
      ],
    ],
    [
      'spill-slot',
      [
        ...['main frame-pointer: sub rsp, 0x8', 'main frame-pointer: mov r9, fp(main)'],
        'main frame-pointer: add r9, qword ptr gs:[this_cpu_off]',
        ...['main frame-pointer: mov qword ptr [rbp-0x8], r9', 'main restore: mov r9, qword ptr [rbp-0x8]'],
        ...['sub frame-pointer: sub rsp, 0x8', 'sub frame-pointer: mov r9, fp(sub)'],
        'sub frame-pointer: add r9, qword ptr gs:[this_cpu_off]',
        'sub frame-pointer: mov qword ptr [rbp-0x8], r9',
      ],
    ],
    [
      'callee-saved',
      [
        ...['main frame-pointer: mov r12, fp(main)', 'main frame-pointer: add r12, qword ptr gs:[this_cpu_off]'],
        ...['sub frame-pointer: push r12', 'sub frame-pointer: mov r12, fp(sub)'],
        ...['sub frame-pointer: add r12, qword ptr gs:[this_cpu_off]', 'sub frame-pointer: pop r12'],
      ],
    ],
  ])('%s', (policy, own) => {
    expect(split(THROWING.replace('r10 - 136', 'r10 - 8'), thrown(policy)).own).toEqual(own);
  });

  // Without addresses: what names them have is not the printers' concern.
  test.each(POLICIES.map(({ name }) => name))('%s: our printer reads what is its own as iced-x86 does', (policy) => {
    const { image, listing } = compiled(THROWING, thrown(policy));
    for (const { name, listing: rows } of image.functions) {
      const text = listing(name);
      rows().forEach(({ insn: { form, operands, site } }, i) => {
        const address = operands.some((operand) => 'symbol' in operand);
        if (OWN.has(site.role) && !address) expect(printIntel(form, operands)).toBe(text[i]);
      });
    }
  });
});
