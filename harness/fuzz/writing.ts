import { type Insn, insnOf } from '../../jit';
import type { Random } from '../kernel-image/random';
import { BOUNDS } from './bounds';
import { CALLEE_SAVED, CALLER_SAVED, HELPERS, IMMEDIATES, KFUNCS, RANDOM_HELPER } from './choices';
import { Live } from './live';
import type { Node } from './nodes';
import type { Shape } from './shape';

export const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => insnOf(code, dst, src, off, imm);
export const wide = (dst: number, src: number, imm64: bigint): Insn => {
  return { code: 0x18, dst, src, off: 0, imm: 0, imm64 };
};
export const EXIT = insn(0x95);
const BPF_LOOP = 181;
const LOCKS = [KFUNCS.indexOf('bpf_rcu_read_lock'), KFUNCS.indexOf('bpf_rcu_read_unlock')];

/** What a body has to know of the program around it. */
export interface Around {
  readonly shapes: readonly Shape[];
  /** Where u64 can be read from the context. */
  readonly contextOffsets: readonly number[];
  /** Instructions that a call of each subprog executes, of those that are written already. */
  readonly costs: readonly number[];
}

/** A subprog that is being written: what its registers and its frame hold, numbers, and calls. */
export abstract class Writing {
  /** Instructions that a call executes, at most. */
  cost = 0;
  /** Subprogs that it calls or hands over, and kfuncs that it calls, by index. */
  readonly subprogs: number[] = [];
  readonly kfuncs: number[] = [];
  protected nodes: Node[] = [];
  /** Of the node that is being written. */
  protected insns: Insn[] = [];
  /** Registers that hold a number. */
  protected live = new Live();
  protected readonly writable: number[];
  protected readonly saved: readonly number[];
  protected readonly context: number | null;
  /** A register that points to 8 bytes of the caller's frame. */
  protected far: number | null = null;
  protected readonly slots: number[] = [];
  protected rounds = 1;

  constructor(
    protected readonly random: Random,
    protected readonly shape: Shape,
    protected readonly around: Around,
  ) {
    // Who hands the context on has to keep it; others may do without any register of their caller's.
    const keeps = shape.context && shape.callees.some((callee) => around.shapes[callee]!.context);
    const saved = random.once(6) ? [] : CALLEE_SAVED.filter(() => !random.once(3));
    if (keeps && saved.length === 0) saved.push(random.pick(CALLEE_SAVED));
    this.saved = saved;
    this.context = shape.context ? (saved[0] ?? null) : null;
    const free = saved.filter((reg) => reg !== this.context);
    if (shape.frame && free.length > 0) this.far = free[0]!;
    this.writable = [0, ...CALLER_SAVED, ...saved].filter((reg) => reg !== this.context && reg !== this.far);
  }

  /** Ends a node. */
  protected end(): void {
    if (this.insns.length > 0) this.nodes.push({ kind: 'code', insns: this.insns });
    this.insns = [];
  }

  protected emit(code: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.insns.push(insn(code, dst, src, off, imm));
    this.cost += this.rounds;
  }

  protected immediate(): number {
    return this.random.once(3) ? this.random.int32() : this.random.pick(IMMEDIATES);
  }

  protected pickLive(): number {
    return this.live.nth(this.random.below(this.live.size));
  }

  /** A register that holds a number and may be written. */
  protected pickTarget(): number {
    const { live, writable } = this;
    let count = 0;
    for (const reg of writable) if (live.has(reg)) count++;
    let nth = this.random.below(count);
    for (const reg of writable) if (live.has(reg) && nth-- === 0) return reg;
    throw new RangeError('no register that may be written holds a number');
  }

  protected number(reg: number): void {
    this.emit(this.random.once(2) ? 0xb7 : 0xb4, reg, 0, 0, this.immediate());
    this.live.add(reg);
    this.end();
  }

  protected called(): void {
    for (const reg of CALLER_SAVED) this.live.delete(reg);
    this.live.add(0);
  }

  /** Puts a number of 64 bits into a register of which the verifier knows nothing. */
  protected fresh(reg: number): void {
    if (this.context !== null) {
      this.emit(0x79, reg, this.context, this.random.pick(this.around.contextOffsets));
    } else {
      this.emit(0x85, 0, 0, 0, RANDOM_HELPER);
      this.called();
      if (reg !== 0) this.emit(0xbf, reg, 0);
    }
    this.live.add(reg);
    this.end();
  }

  /** Two kfuncs that belong together. */
  private lock(): void {
    for (const kfunc of LOCKS) {
      this.emit(0x85, 0, 2, 0, kfunc);
      this.kfuncs.push(kfunc);
    }
    this.called();
    this.number(0);
  }

  protected helper(): void {
    if (this.random.once(6)) return this.lock();
    this.emit(0x85, 0, 0, 0, this.random.pick(HELPERS));
    this.called();
    this.end();
  }

  protected call(callee: number): void {
    const shape = this.around.shapes[callee]!;
    if (shape.role === 'callback' && !this.random.once(4)) return this.callBack(shape);
    const cost = this.around.costs[callee]! * this.rounds;
    if (this.cost + cost > BOUNDS.executed) return;
    this.cost += cost;
    const value = this.pickLive();
    if (value !== 2) this.emit(0xbf, 2, value);
    if (shape.frame) this.pointTo(shape.role === 'callback' ? 2 : 3);
    if (!shape.context) this.emit(0xb7, 1, 0, 0, this.immediate());
    else this.emit(0xbf, 1, this.context!);
    this.emit(0x85, 0, 1, 0, callee);
    this.subprogs.push(callee);
    this.called();
    this.end();
  }

  /** A register gets the address of a word of the frame that was written. */
  protected pointTo(reg: number): void {
    this.emit(0xbf, reg, 10);
    this.emit(0x07, reg, 0, 0, this.random.pick(this.slots));
  }

  /** bpf_loop(rounds, callback, frame or 0, 0). */
  protected callBack({ index, frame }: Shape): void {
    const rounds = this.random.between(1, 3);
    const cost = this.around.costs[index]! * this.rounds * rounds;
    if (this.cost + cost > BOUNDS.executed) return;
    this.cost += cost;
    this.emit(0xb7, 1, 0, 0, rounds);
    this.insns.push(wide(2, 4, BigInt(index)));
    this.subprogs.push(index);
    if (frame) this.pointTo(3);
    else this.emit(0xb7, 3);
    this.emit(0xb7, 4);
    this.emit(0x85, 0, 0, 0, BPF_LOOP);
    this.called();
    this.end();
  }
}
