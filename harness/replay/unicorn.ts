import { Action, Emu, Prot, REG, type RunStatus } from '../native';
import { AREAS, CODE, CODE_BYTES, PERCPU_OFFSET, STOP, VARIABLES } from './placement';
import { type End, GENERAL, type ReplayCase, type ReplayResult } from './run';

const INT3 = 0xcc;
const RFLAGS = 0x202n;
const BLOCK_BUDGET = 1_000_000;
const CODE_LAST = CODE + BigInt(CODE_BYTES - 1);

const TRAPS: Readonly<Record<number, End>> = { 0: 'divide error', 3: 'breakpoint', 6: 'invalid instruction' };
const ENDS: Partial<Record<RunStatus['kind'], End>> = {
  ok: 'returned',
  fault: 'fault',
  'invalid-instruction': 'invalid instruction',
  budget: 'endless',
};

const endOf = (status: RunStatus): End =>
  (status.kind === 'trap' ? TRAPS[status.vector] : ENDS[status.kind]) ?? 'other';

/** Opens an engine in which `prepare` may hook, and runs everything in it. */
function runAll(cases: readonly ReplayCase[], prepare: (emu: Emu) => void): ReplayResult[] {
  const emu = Emu.open({ eventCapacity: 1, blockBudget: BLOCK_BUDGET });
  try {
    const code = emu.map(CODE, CODE_BYTES, Prot.RX);
    emu.map(VARIABLES.address, VARIABLES.bytes, Prot.R).set(VARIABLES.contents);
    const areas = AREAS.map(({ address, bytes }) => emu.map(address, bytes, Prot.RW));
    prepare(emu);
    emu.seal({ stop: STOP });
    let current: Uint8Array | undefined;
    return cases.map((each) => {
      const fresh = each.code !== current;
      if (fresh) code.fill(INT3).set((current = each.code));
      areas.forEach((area, i) => {
        area.set(each.memory[i]!);
      });
      emu.regs.set(each.regs.subarray(0, GENERAL.length));
      emu.regs[REG.rflags] = RFLAGS;
      emu.regs[REG.gsBase] = PERCPU_OFFSET;
      const status = emu.run(each.entry, fresh ? { invalidate: { addr: CODE, size: CODE_BYTES } } : undefined);
      return {
        end: endOf(status),
        because: status.kind === 'trap' ? `vector ${status.vector}` : status.kind,
        address: status.kind === 'fault' ? status.address : null,
        regs: emu.regs.slice(0, GENERAL.length),
        memory: areas.map((area) => area.slice()),
      };
    });
  } finally {
    emu.close();
  }
}

/** Runs machine code in the emulator, at the addresses at which the replayer runs it. */
export const runInUnicorn = (cases: readonly ReplayCase[]): ReplayResult[] => runAll(cases, () => {});

const LOW = 0xffffffffn;

/**
 * Runs it in the emulator with the one known difference that compiled programs can show mended (docs/emulator.md): a
 * 32-bit compare and exchange that succeeds leaves rax alone. Slow.
 * @param exchanges by address of such an instruction, that of the next one
 */
export function runMended(given: ReplayCase, exchanges: ReadonlyMap<bigint, bigint>): ReplayResult {
  const mend = (emu: Emu): void => {
    let pending: { readonly next: bigint; readonly rax: bigint } | undefined;
    emu.onCode(CODE, CODE_LAST, (rip) => {
      const rax = emu.regs[REG.rax]!;
      // It failed if it loaded another value than the one it compared with.
      if (pending?.next === rip && (rax & LOW) === (pending.rax & LOW)) emu.regs[REG.rax] = pending.rax;
      const next = exchanges.get(rip);
      pending = next === undefined ? undefined : { next, rax };
      return Action.CONTINUE;
    });
  };
  return runAll([given], mend)[0]!;
}
