import type { Insn } from '../../jit';
import { BOUNDS } from './bounds';
import { CALLER_SAVED, SIZES } from './choices';
import type { Node } from './nodes';
import { Statements } from './statements';
import { EXIT, insn } from './writing';

export type { Around } from './writing';

const mov = (dst: number, src: number): Insn => insn(0xbf, dst, src);

/** Index of bpf_throw among the program's kfuncs. */
const THROW = 0;
/** More than may_goto counts at a time (0xffff). */
const LONG_ROUNDS = 66_000;
/** Subprogs to one that has a {@link Body.ladder}: it is as long as many others. */
const LADDER = 400;
/** BPF_JEQ and all others that compare. */
const COMPARISONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
/** BPF_JMP | BPF_JCOND. */
const MAY_GOTO = 0xe5;

/** Writes the code of one subprog that the verifier accepts. Callees are written before their callers. */
export class Body extends Statements {
  write(): Node[] {
    const { random, shape } = this;
    this.enter();
    const pending = [...shape.callees];
    for (let i = 0; i < shape.statements; i++) {
      if (pending.length > 0 && random.once(3)) this.call(pending.pop()!);
      this.statement(0);
    }
    for (const callee of pending) this.call(callee);
    if (random.once(LADDER)) this.ladder();
    if (shape.long) this.longLoop();
    if (shape.throws) this.throwSometimes();
    this.fold();
    this.leave();
    return this.nodes;
  }

  private enter(): void {
    const { random, shape } = this;
    if (this.context !== null) this.insns.push(mov(this.context, 1));
    else if (shape.role !== 'main' && !shape.context) this.live.add(1);
    if (shape.role === 'subprog' && !shape.context && random.once(6)) this.loopFromTheStart();
    const pointer = shape.role === 'callback' ? 2 : 3;
    if (shape.index > 0 && shape.role === 'subprog') this.live.add(2);
    if (shape.frame) {
      if (this.far !== null) this.insns.push(mov(this.far, pointer));
      else {
        this.emit(0x79, 0, pointer);
        this.live.add(0);
      }
    }
    this.end();
    if (!this.live.has(0)) this.number(0);
    for (const reg of this.saved) if (reg !== this.context && reg !== this.far) this.fresh(reg);
    if (shape.depth === 0) return;
    const { size, mode } = random.pick(SIZES.filter((each) => shape.depth % each.size === 0));
    if (random.once(2)) this.emit(0x63 | mode, 10, this.pickLive(), -shape.depth);
    else this.emit(0x62 | mode, 10, 0, -shape.depth, this.immediate());
    if (size === 8) this.slots.push(-shape.depth);
    this.end();
    const words = Math.floor(shape.depth / 8);
    for (let i = Math.min(words, random.between(1, 4)); i > 0; i--) {
      const off = -8 * random.pick([1, words, random.between(1, words), Math.min(words, random.between(15, 18))]);
      this.emit(0x7b, 10, this.pickLive(), off);
      this.end();
      this.slots.push(off);
    }
  }

  /** Everything that was computed goes into r0: what was lost on the way shows in the result. */
  private fold(): void {
    const { random } = this;
    for (const reg of this.live.list()) if (reg > 5) this.into(reg);
    if (this.slots.length > 0) {
      for (const off of new Set(this.slots)) {
        if (random.once(4)) continue;
        this.emit(0x79, 1, 10, off);
        this.into(1);
      }
    }
    if (this.far !== null) {
      this.emit(0x79, 1, this.far);
      this.into(1);
    }
    this.live.delete(1);
  }

  private into(reg: number): void {
    this.emit(0x27, 0, 0, 0, 31);
    this.emit(0x0f, 0, reg);
    this.end();
  }

  private leave(): void {
    if (this.shape.role === 'callback') this.emit(0x57, 0, 0, 0, 1);
    this.insns.push(EXIT);
    this.end();
  }

  private throwSometimes(): void {
    const { random } = this;
    const { setup, jump } = this.condition();
    const cookie = this.pickLive();
    const insns = [mov(1, cookie), insn(0x85, 0, 2, 0, THROW), insn(0xb7, 0), EXIT];
    this.kfuncs.push(THROW);
    const first: Node[] = [{ kind: 'code', insns }];
    const live = this.live.copy();
    this.nodes.push({ kind: 'branch', setup, jump, over: this.goto(), ends: true, first, second: [] });
    this.live = live;
    if (random.once(2)) this.statement(1);
  }

  private statement(nesting: number): void {
    const { random } = this;
    const kind = random.below(this.slots.length > 0 ? 22 : 12);
    if (kind < 3) this.alu();
    else if (kind < 4) this.divide();
    else if (kind < 5) this.unary();
    else if (kind < 6) this.number(random.pick(this.writable));
    else if (kind < 7) this.wide();
    else if (kind < 8) this.fresh(random.pick(this.writable));
    else if (kind < 9) this.helper();
    else if (kind < 11) nesting < 3 ? this.branch(nesting) : this.alu();
    else if (kind < 12) nesting < 3 ? this.loop(nesting) : this.alu();
    else if (kind < 15) this.load();
    else if (kind < 18) this.store();
    else if (kind < 20) this.atomic();
    else this.pointer();
    const { callees } = this.shape;
    if (callees.length > 0 && nesting > 0 && random.once(24)) this.call(random.pick(callees));
  }

  /** Writes apart from what is there already. */
  private apart(nesting: number): Node[] {
    const outer = this.nodes;
    this.nodes = [];
    if (this.random.once(5)) this.filler(this.random.between(...BOUNDS.jumps));
    else for (let i = this.random.between(0, 5); i > 0; i--) this.statement(nesting + 1);
    const { nodes } = this;
    this.nodes = outer;
    return nodes;
  }

  /** A jump, and what it compares. */
  private condition(): { setup: readonly Insn[]; jump: Insn } {
    const { random } = this;
    const outer = this.nodes;
    this.nodes = [];
    const dst = this.pickTarget();
    this.fresh(dst);
    const op = random.pick(COMPARISONS);
    const code = op | (random.once(2) ? 6 : 5);
    const jump = random.once(2)
      ? insn(code | 8, dst, this.pickLive())
      : insn(code, dst, 0, 0, random.once(3) ? 0 : this.immediate());
    const setup: Insn[] = [];
    for (const node of this.nodes) if (node.kind === 'code') for (const insn of node.insns) setup.push(insn);
    this.nodes = outer;
    return { setup, jump };
  }

  private branch(nesting: number): void {
    const { setup, jump } = this.condition();
    const before = this.live.copy();
    const first = this.apart(nesting);
    const ends = this.random.once(10);
    if (ends) {
      const insns = this.shape.role === 'callback' ? [insn(0x57, 0, 0, 0, 1), EXIT] : [EXIT];
      first.push({ kind: 'code', insns });
    }
    const afterFirst = this.live;
    this.live = before.copy();
    const second = this.random.once(2) ? [] : this.apart(nesting);
    this.nodes.push({ kind: 'branch', setup, jump, over: this.goto(), ends, first, second });
    if (!ends) this.live = this.live.and(afterFirst);
  }

  /** A jump back to the first instruction: r1 is shifted down until nothing is left of it. */
  private loopFromTheStart(): void {
    this.nodes.push({ kind: 'loop', setup: [], body: [], step: [insn(0x77, 1, 0, 0, 24)], jump: insn(0x55, 1) });
    this.cost += 6;
  }

  private goto(): Insn {
    return this.random.once(2) ? insn(0x05) : insn(0x06);
  }

  /** So many rounds that may_goto asks the clock once, with all argument registers live. */
  private longLoop(): void {
    const counter = this.saved.find((reg) => this.writable.includes(reg));
    if (counter === undefined) return;
    const setup = CALLER_SAVED.map((reg) => insn(0xb7, reg, 0, 0, this.random.once(2) ? 0 : this.immediate()));
    this.nodes.push({
      kind: 'loop',
      setup: [...setup, insn(0xb7, counter, 0, 0, LONG_ROUNDS)],
      body: [{ kind: 'code', insns: [insn(0x07, 0, 0, 0, 1)] }],
      step: [insn(MAY_GOTO, 0, 0, 2), insn(0x17, counter, 0, 0, 1)],
      jump: insn(0x55, counter),
    });
    for (const reg of CALLER_SAVED) this.into(reg);
    this.live.add(counter);
  }

  /** Two or three rounds that end by a jump backwards; now and then behind a may_goto, which only counts. */
  private loop(nesting: number): void {
    const { random } = this;
    const counter = this.saved.find((reg) => reg !== this.context && this.writable.includes(reg));
    if (counter === undefined || this.rounds > 1) return this.alu();
    // What holds at the start of every round.
    for (const reg of CALLER_SAVED) this.live.delete(reg);
    this.live.delete(counter);
    this.writable.splice(this.writable.indexOf(counter), 1);
    const rounds = random.between(2, 3);
    this.rounds = rounds;
    const before = this.live.copy();
    const body = this.apart(nesting);
    this.rounds = 1;
    this.live = before.and(this.live);
    const down = random.once(2);
    // may_goto +0 leaves nothing: it falls through whether rounds are left or not.
    const step = [down ? insn(0x17, counter, 0, 0, 1) : insn(0x07, counter, 0, 0, -1)];
    if (random.once(6)) step.unshift(insn(MAY_GOTO, 0, 0, 2));
    this.nodes.push({
      kind: 'loop',
      setup: [insn(0xb7, counter, 0, 0, rounds)],
      step,
      jump: insn(random.pick([0x55, 0x56]), counter),
      body,
    });
    this.cost += 3 * rounds;
    this.writable.push(counter);
    // After may_goto has ended the loop the counter is a number all the same.
    this.live.add(counter);
  }
}
