import { REG, type RegName } from '../native';
import { type Difference, differences } from './compare';
import { probeHost, runOnHost } from './host';
import { AREAS, AT, CODE, CONTEXT, ENTRY_RSP, STOP } from './placement';
import { emptyMemory, GENERAL, type ReplayCase, type ReplayResult } from './run';
import { runInUnicorn } from './unicorn';

export const host = probeHost();

/** Names a group of tests; where the CPU cannot be asked, the name says why they are skipped. */
export const onHost = (what: string): string => (host.ok ? what : `${what} (skipped: ${host.reason})`);

export type Registers = Partial<Record<RegName, bigint>>;

/** What registers hold that a test says nothing of. */
export const UNSET = 0x5555_5555_5555_5555n;

/** Machine code in hex, entered with rdi at the context, in memory of zeroes; the stop address is on the stack. */
export function caseOf(code: string, regs: Registers = {}): ReplayCase {
  const registers = BigUint64Array.from(GENERAL, () => UNSET);
  registers[REG.rsp] = ENTRY_RSP;
  registers[REG.rdi] = CONTEXT.address;
  for (const [name, value] of Object.entries(regs)) registers[REG[name as RegName]] = value;
  const memory = emptyMemory();
  const stack = Buffer.from(memory[AT.stack]!.buffer);
  stack.writeBigUInt64LE(STOP, Number(ENTRY_RSP - AREAS[AT.stack].address));
  return { code: Uint8Array.from(Buffer.from(code.replaceAll(' ', ''), 'hex')), entry: CODE, regs: registers, memory };
}

export interface Both {
  readonly host: ReplayResult;
  readonly unicorn: ReplayResult;
  readonly differences: readonly Difference[];
}

/** Runs on the CPU and in the emulator. */
export function both(cases: readonly ReplayCase[]): Both[] {
  const unicorn = runInUnicorn(cases);
  return runOnHost(cases).map((result, i) => {
    return { host: result, unicorn: unicorn[i]!, differences: differences(result, unicorn[i]!) };
  });
}
