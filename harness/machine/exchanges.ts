import type { Emu, HelperAction } from '../native';
import { Action, REG } from '../native';
import { type CodeSpan, spansOf } from './spans';

/** A 32-bit `lock cmpxchg`, and the instruction behind it. */
export interface Exchange {
  readonly at: bigint;
  readonly next: bigint;
}

const LOCK = 0xf0;
const REX = 0x40;
const REX_W = 0x08;
const LOW = 0xffffffffn;

/** Whether `lock cmpxchg m32, r32` stands at an offset: F0 [REX] 0F B1 /r, without REX.W (SDM vol. 2, CMPXCHG). */
function isExchange(code: Uint8Array, offset: number): boolean {
  if (code[offset] !== LOCK) return false;
  const prefix = code[offset + 1]!;
  const hasRex = (prefix & 0xf0) === REX;
  const opcode = offset + (hasRex ? 2 : 1);
  return !(hasRex && prefix & REX_W) && code[opcode] === 0x0f && code[opcode + 1] === 0xb1;
}

/** The exchanges of a function among its instructions. */
export function exchangesOf(
  code: Uint8Array,
  address: bigint,
  rows: Iterable<{ readonly offset: number; readonly size: number }>,
): Exchange[] {
  const found: Exchange[] = [];
  for (const { offset, size } of rows) {
    if (!isExchange(code, offset)) continue;
    const at = address + BigInt(offset);
    found.push({ at, next: at + BigInt(size) });
  }
  return found;
}

const CMPXCHG = Buffer.of(0x0f, 0xb1);

/** Whether a function may have one at all, without looking at its instructions. */
export const mayExchange = (code: Uint8Array): boolean =>
  Buffer.from(code.buffer, code.byteOffset, code.length).includes(CMPXCHG);

/**
 * Mends what Unicorn does otherwise than a CPU and compiled programs can show (docs/emulator.md): a 32-bit compare and
 * exchange that succeeds leaves all of rax alone, Unicorn clears the upper half. Before other hooks of the same code.
 */
export class ExchangeMender {
  private nextOf: ReadonlyMap<bigint, bigint> = new Map();
  private pending: { readonly next: bigint; readonly rax: bigint } | null = null;

  /** @param within where exchanges may ever be, hooked as a whole; by default where they are now */
  constructor(
    private readonly emu: Emu,
    exchanges: readonly Exchange[],
    within?: readonly CodeSpan[],
  ) {
    this.set(exchanges);
    const places = exchanges.flatMap(({ at, next }) => [at, next]);
    const spans = within ?? spansOf(places.map((at) => ({ lo: at, hi: at })));
    for (const { lo, hi } of spans) emu.onCode(lo, hi, (rip) => this.look(rip));
  }

  /** Where they are from now on: code was rewritten. */
  set(exchanges: readonly Exchange[]): void {
    this.nextOf = new Map(exchanges.map(({ at, next }) => [at, next]));
    this.pending = null;
  }

  private look(rip: bigint): HelperAction {
    const { regs } = this.emu;
    const rax = regs[REG.rax]!;
    const { pending } = this;
    // It failed if it loaded another value than the one that it compared with.
    if (pending?.next === rip && (rax & LOW) === (pending.rax & LOW)) regs[REG.rax] = pending.rax;
    const next = this.nextOf.get(rip);
    this.pending = next === undefined ? null : { next, rax: regs[REG.rax]! };
    return Action.CONTINUE;
  }
}
