import { PAGE } from '../machine/layout';
import { REG, REG_COUNT } from '../native';
import { AREAS, CODE, CODE_BYTES, PERCPU_OFFSET, STOP, VARIABLES } from './placement';
import { type End, emptyMemory, GENERAL, type ReplayCase, type ReplayResult } from './run';

/** The byte streams that src/replay.c reads and writes; it says what is in them. */

const MAGIC = 0x3179616c70657231n;
const KIND = { code: 0n, data: 1n, constant: 2n } as const;
/** IF and the bit that is always set. */
const RFLAGS = 0x202n;
/** Signal, vector, address. */
const ENDING_WORDS = 3;
const MEMORY_BYTES = AREAS.reduce((sum, { bytes }) => sum + bytes, 0);
export const ANSWER_BYTES = 8 * (ENDING_WORDS + REG_COUNT) + MEMORY_BYTES;

const words = (values: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);

const HEADER: readonly Uint8Array[] = [
  words([MAGIC, STOP, BigInt(AREAS.length + 2)]),
  words([CODE, BigInt(CODE_BYTES), KIND.code]),
  words([VARIABLES.address, BigInt(PAGE), KIND.constant]),
  VARIABLES.contents,
  ...AREAS.map(({ address, bytes }) => words([address, BigInt(bytes), KIND.data])),
];

/** Everything that the replayer has to be told for these runs. */
export function encode(cases: readonly ReplayCase[]): Buffer {
  const pieces: Uint8Array[] = [...HEADER];
  let code: Uint8Array | undefined;
  for (const each of cases) {
    const registers = new BigUint64Array(REG_COUNT + 1);
    registers.set(each.regs.subarray(0, GENERAL.length));
    registers[REG.rip] = each.entry;
    registers[REG.rflags] = RFLAGS;
    registers[REG.gsBase] = PERCPU_OFFSET;
    const fresh = each.code !== code;
    registers[REG_COUNT] = BigInt(fresh ? each.code.length : 0);
    pieces.push(new Uint8Array(registers.buffer));
    if (fresh) pieces.push((code = each.code));
    pieces.push(...each.memory);
  }
  return Buffer.concat(pieces);
}

/** What a signal means, by its number on x86-64 Linux. */
const SIGNALS: Readonly<Record<number, readonly [End, string]>> = {
  0: ['returned', 'returned'],
  4: ['invalid instruction', 'SIGILL'],
  5: ['breakpoint', 'SIGTRAP'],
  7: ['fault', 'SIGBUS'],
  8: ['divide error', 'SIGFPE'],
  11: ['fault', 'SIGSEGV'],
  26: ['endless', 'SIGVTALRM after 0.3 s'],
  31: ['system call', 'SIGSYS'],
};
const PAGE_FAULT = 14n;
/** For a signal that no instruction raised. */
const NO_VECTOR = 0xffff_ffff_ffff_ffffn;

function decodeOne(out: Buffer, start: number): ReplayResult {
  const word = (index: number): bigint => out.readBigUInt64LE(start + 8 * index);
  const signal = Number(word(0));
  const vector = word(1);
  const [end, name] = SIGNALS[signal] ?? ['other', `signal ${signal}`];
  let at = start + 8 * (ENDING_WORDS + REG_COUNT);
  return {
    end,
    because: signal === 0 || vector === NO_VECTOR ? name : `${name}, vector ${vector}`,
    address: vector === PAGE_FAULT ? word(2) : null,
    regs: BigUint64Array.from(GENERAL, (_, i) => word(ENDING_WORDS + i)),
    memory: AREAS.map(({ bytes }) => out.subarray(at, (at += bytes))),
  };
}

/** The answers that are whole: fewer than there were runs, where the process died. */
export function decode(out: Buffer): ReplayResult[] {
  const count = Math.floor(out.length / ANSWER_BYTES);
  return Array.from({ length: count }, (_, i) => decodeOne(out, i * ANSWER_BYTES));
}

/** The result of a run during which the process ended. */
export const died = (because: string): ReplayResult => ({
  end: 'died',
  because,
  address: null,
  regs: new BigUint64Array(GENERAL.length),
  memory: emptyMemory(),
});
