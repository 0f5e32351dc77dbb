import { afterEach, describe, expect, test } from '@jest/globals';
import { Action, type Emu, type HelperAction, type HelperPolicy, REG } from './index';
import { CODE, call, Guest, HELPERS, le, RET, STOP, TOP } from './testing';

const DEAD = [0xa1n, 0xa2n, 0xa3n, 0xa4n, 0xa5n, 0xa6n, 0xa7n, 0xa8n];
const POLICY: HelperPolicy = { ret: 0x77n, poison: DEAD, belowRsp: 0 };
const CALL = [...call(CODE, HELPERS), RET];

let guest: Guest;
afterEach(() => guest.emu.close());

const scripted = (fn: (index: number) => HelperAction) => (emu: Emu) => {
  emu.hookHelpers([HELPERS, HELPERS + 16n], { js: [true, true] });
  emu.onHelper(fn);
};

describe('a JavaScript helper', () => {
  test('sees and writes all registers, and returns', () => {
    let seen: bigint[] = [];
    guest = new Guest(
      scripted(() => {
        const { regs } = guest.emu;
        seen = [regs[REG.rip]!, regs[REG.rdi]!, regs[REG.rsp]!];
        regs[REG.rax] = regs[REG.rdi]! + 1n;
        regs[REG.gsBase] = 0x5000n;
        return Action.RETURN;
      }),
    );
    expect(guest.run(CALL, { rdi: 4n }).kind).toBe('ok');
    expect(seen).toEqual([HELPERS, 4n, TOP - 8n]);
    expect([guest.reg('rax'), guest.reg('gsBase')]).toEqual([5n, 0x5000n]);
  });

  test('resumes elsewhere', () => {
    guest = new Guest(
      scripted(() => {
        guest.emu.regs[REG.rip] = STOP;
        return Action.RESUME;
      }),
    );
    expect(guest.run(CALL)).toMatchObject({ kind: 'ok', rip: STOP });
    expect(guest.reg('rsp')).toBe(TOP - 8n);
  });

  test('calls a function of the guest, which comes back through a second helper', () => {
    const callback = CODE + 0x100n;
    guest = new Guest(
      scripted((index) => {
        const { regs } = guest.emu;
        if (index === 0) {
          regs[REG.rbx] = regs[REG.rsp]!;
          regs[REG.rsp] = regs[REG.rsp]! - 0x80n;
          guest.emu.writeBytes(regs[REG.rsp]!, Uint8Array.from(le(HELPERS + 16n, 8)));
          regs[REG.rdi] = 20n;
          regs[REG.rip] = callback;
          return Action.RESUME;
        }
        regs[REG.rsp] = regs[REG.rbx]!;
        regs[REG.rax] = regs[REG.rax]! + 1n;
        return Action.RETURN;
      }),
    );
    const code = [...CALL, ...new Array(0x100 - CALL.length).fill(0xcc)];
    // lea rax, [rdi + rdi]; ret
    expect(guest.run([...code, 0x48, 0x8d, 0x04, 0x3f, RET]).kind).toBe('ok');
    expect(guest.reg('rax')).toBe(41n);
    expect([0, 1].map((i) => guest.emu.events.index(i))).toEqual([0, 1]);
  });

  test('stops the run', () => {
    guest = new Guest(scripted(() => Action.STOP));
    expect(guest.run(CALL)).toMatchObject({ kind: 'stopped', rip: HELPERS });
    expect(guest.run([RET]).kind).toBe('ok');
  });

  test('lets what stands at its address execute', () => {
    guest = new Guest(scripted(() => Action.CONTINUE));
    expect(guest.run(CALL).kind).toBe('ok');
  });

  test('leaves the rest to its policy', () => {
    guest = new Guest((emu) => {
      scripted(() => Action.POLICY)(emu);
      emu.setHelperPolicy(0, POLICY);
    });
    expect(guest.run(CALL).kind).toBe('ok');
    expect([guest.reg('rax'), guest.reg('r9')]).toEqual([0x77n, 0xa6n]);
    const other = [...call(CODE, HELPERS + 16n), RET];
    expect(() => guest.run(other)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  test('that throws ends the run with its exception, even from an endless loop, and the engine goes on', () => {
    let calls = 0;
    guest = new Guest(
      scripted(() => {
        if (++calls === 3) throw new RangeError('third call');
        return Action.RETURN;
      }),
    );
    // call helper; jmp back
    const loop = [...call(CODE, HELPERS), 0xeb, 0xf9];
    expect(() => guest.run(loop)).toThrow(new RangeError('third call'));
    expect(calls).toBe(3);
    expect(guest.run(CALL).kind).toBe('ok');
  });

  test.each([[undefined], [7], ['0'], [null], [-1], [0.5]])('that returns %p is refused', (action) => {
    guest = new Guest(scripted(() => action as HelperAction));
    expect(() => guest.run(CALL)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  test('that resumes where it is is refused', () => {
    guest = new Guest(scripted(() => Action.RESUME));
    expect(() => guest.run(CALL)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(guest.run([RET]).kind).toBe('ok');
  });

  test('may throw what is no error', () => {
    guest = new Guest(
      scripted(() => {
        throw undefined;
      }),
    );
    let thrown: unknown = 'nothing';
    try {
      guest.run(CALL);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeUndefined();
  });
});

describe('onCode', () => {
  test('sees each instruction, and the changes it makes are seen by that instruction', () => {
    const seen: bigint[] = [];
    guest = new Guest((emu) =>
      emu.onCode(CODE, CODE + 0xffn, (rip) => {
        seen.push(rip - CODE);
        if (rip === CODE + 1n) emu.regs[REG.rdi] = 9n;
        return Action.CONTINUE;
      }),
    );
    // nop; mov rax, rdi; ret
    expect(guest.run([0x90, 0x48, 0x89, 0xf8, RET], { rdi: 1n }).kind).toBe('ok');
    expect([seen, guest.reg('rax')]).toEqual([[0n, 1n, 4n], 9n]);
  });

  test('is called once for an instruction whose flags it changes', () => {
    let calls = 0;
    guest = new Guest((emu) => {
      emu.traceCode(CODE, CODE + 0xffn);
      emu.onCode(CODE + 2n, CODE + 2n, () => {
        calls++;
        emu.regs[REG.rflags] = emu.regs[REG.rflags]! ^ 1n;
        return Action.CONTINUE;
      });
    });
    // cmp eax, eax: clears CF; setc al; ret
    expect(guest.run([0x39, 0xc0, 0x0f, 0x92, 0xc0, RET]).kind).toBe('ok');
    expect([calls, guest.reg('rax'), guest.emu.eventCount]).toEqual([1, 1n, 3]);
  });

  // Translated code keeps flags unevaluated in a form that depends on the instruction before.
  test.each([
    ['cmp eax, eax', [0x39, 0xc0]],
    ['cmp eax, eax; cmp ecx, ecx', [0x39, 0xc0, 0x39, 0xc9]],
    ['shl ecx, 1', [0xd1, 0xe1]],
    ['dec ecx', [0xff, 0xc9]],
  ])('may change the flags after %s', (_, before) => {
    const at = CODE + BigInt(before.length);
    const flip = (emu: Emu, lo: bigint, hi: bigint) =>
      emu.onCode(lo, hi, (rip) => {
        if (rip === at) emu.regs[REG.rflags] = emu.regs[REG.rflags]! ^ 1n;
        return Action.CONTINUE;
      });
    const results = [at, CODE].map((lo) => {
      guest?.emu.close();
      guest = new Guest((emu) => flip(emu, lo, at));
      // setc al; ret
      guest.run([...before, 0x0f, 0x92, 0xc0, RET]);
      return guest.reg('rax');
    });
    expect(results).toEqual([1n, 1n]);
  });

  test('skips instructions by resuming behind them, and returns from functions', () => {
    guest = new Guest((emu) => {
      emu.onCode(CODE, CODE, () => {
        emu.regs[REG.rip] = CODE + 2n;
        return Action.RESUME;
      });
      emu.onCode(CODE + 2n, CODE + 2n, () => Action.RETURN);
    });
    expect(guest.run([0x0f, 0x0b, 0x0f, 0x0b]).kind).toBe('ok');
  });

  test('comes before the helper at the same address', () => {
    const order: string[] = [];
    guest = new Guest((emu) => {
      scripted(() => {
        order.push('helper');
        return Action.RETURN;
      })(emu);
      emu.onCode(HELPERS, HELPERS, () => {
        order.push('code');
        emu.regs[REG.rflags] = emu.regs[REG.rflags]! ^ 1n;
        return Action.CONTINUE;
      });
      emu.onCode(HELPERS, HELPERS + 1n, () => {
        order.push('second');
        return Action.CONTINUE;
      });
    });
    expect(guest.run(CALL).kind).toBe('ok');
    expect(order).toEqual(['code', 'second', 'helper']);
  });
});
