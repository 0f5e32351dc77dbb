import { X86_64 } from '../../jit';
import { AREAS, AT, CONTEXT, ENTRY_RSP, MAP_VALUES } from './placement';
import { GENERAL, type ReplayResult } from './run';

/** One thing that two runs left otherwise. */
export interface Difference {
  readonly what: string;
  readonly host: string;
  readonly unicorn: string;
  /** Whether the caller may look at it: caller-saved registers but rax, and the stack below, are dead by then. */
  readonly visible: boolean;
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** Words of memory for people: by what they are part of. */
function placeName(address: bigint): string {
  const offset = (from: bigint) => `0x${(address - from).toString(16)}`;
  if (address >= CONTEXT.address && address < CONTEXT.address + BigInt(CONTEXT.bytes)) {
    return `context + ${offset(CONTEXT.address)}`;
  }
  if (address >= MAP_VALUES.address && address < MAP_VALUES.address + BigInt(MAP_VALUES.bytes)) {
    return `map + ${offset(MAP_VALUES.address)}`;
  }
  const area = AREAS.find((each) => address >= each.address && address < each.address + BigInt(each.bytes));
  if (area?.name === 'stack') return `stack at rsp - 0x${(ENTRY_RSP - address).toString(16)}`;
  return `${area?.name} ${hex(address)}`;
}

function memoryDifferences(host: Uint8Array, unicorn: Uint8Array, address: bigint): Difference[] {
  if (Buffer.compare(host, unicorn) === 0) return [];
  const views = [host, unicorn].map((each) => new DataView(each.buffer, each.byteOffset, each.length));
  const found: Difference[] = [];
  for (let at = 0; at < host.length; at += 8) {
    const [a, b] = views.map((view) => view.getBigUint64(at, true));
    if (a === b) continue;
    const place = address + BigInt(at);
    const visible = place < AREAS[AT.stack].address || place >= ENTRY_RSP;
    found.push({ what: placeName(place), host: hex(a!), unicorn: hex(b!), visible });
  }
  return found;
}

/**
 * Everything in which two runs differ: how they ended, the sixteen general registers, memory. Flags are not compared:
 * instructions leave some of them undefined, and compiled code reads none of these.
 */
export function differences(host: ReplayResult, unicorn: ReplayResult): Difference[] {
  const found: Difference[] = [];
  if (host.end !== unicorn.end) {
    const text = ({ end, because }: ReplayResult) => `${end} (${because})`;
    found.push({ what: 'end', host: text(host), unicorn: text(unicorn), visible: true });
  }
  GENERAL.forEach((name, i) => {
    const [a, b] = [host.regs[i]!, unicorn.regs[i]!];
    if (a !== b) found.push({ what: name, host: hex(a), unicorn: hex(b), visible: !X86_64.callerSaved.includes(i) });
  });
  AREAS.forEach(({ address }, i) => {
    found.push(...memoryDifferences(host.memory[i]!, unicorn.memory[i]!, address));
  });
  return found;
}
