import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  HELPERS,
  type Insn,
  insnClass,
  isLdImm64,
  jumpDistance,
  type Program,
  pcsOf,
} from '../../jit';

/** What a register holds: nothing, a number, an address outside of frames, or (from FRAME on) r10 and an offset. */
const NOTHING = 0;
const NUMBER = 1;
const ELSEWHERE = 2;
const FRAME = 1 << 20;
const STACK = 512;
const FP = 10;

const LD_CLASSES = { ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
const SIZE = [4, 2, 1, 8] as const;

interface State {
  readonly regs: readonly number[];
  /** Bytes of the frame that were written: bit n is the byte at r10 - 512 + n. */
  readonly frame: bigint;
}

class Undefined extends Error {}

function need(good: boolean): void {
  if (!good) throw new Undefined();
}

const isFrame = (kind: number): boolean => kind >= FRAME / 2;
const offsetOf = (kind: number): number => kind - FRAME;

const maskOf = (offset: number, size: number): bigint => {
  need(offset >= -STACK && offset + size <= 0);
  return ((1n << BigInt(size)) - 1n) << BigInt(offset + STACK);
};

function join(a: State | undefined, b: State): State {
  if (!a) return b;
  return { regs: a.regs.map((kind, i) => (kind === b.regs[i] ? kind : NOTHING)), frame: a.frame & b.frame };
}

const same = (a: State, b: State): boolean => a.frame === b.frame && a.regs.every((kind, i) => kind === b.regs[i]);

/** What is known of each subprog at its entry: the join of all calls of it. */
class Walk {
  readonly entries: (readonly number[] | undefined)[];
  changed = false;

  constructor(private readonly program: Program) {
    this.entries = program.subprogs.map(() => undefined);
  }

  enter(subprog: number, args: readonly number[]): void {
    const known = this.entries[subprog];
    const joined = known ? known.map((kind, i) => (kind === args[i] ? kind : NOTHING)) : args;
    if (known?.every((kind, i) => kind === joined[i])) return;
    this.entries[subprog] = joined;
    this.changed = true;
  }

  subprog(index: number): void {
    const { insns } = this.program.subprogs[index]!;
    const pcs = pcsOf(insns);
    const at = new Map(pcs.map((pc, i) => [pc, i]));
    const regs = Array<number>(11).fill(NOTHING);
    this.entries[index]!.forEach((kind, i) => {
      regs[i + 1] = kind;
    });
    regs[FP] = FRAME;
    const states: (State | undefined)[] = [{ regs, frame: 0n }];
    const work = [0];
    const flow = (to: number | undefined, state: State): void => {
      need(to !== undefined && to < insns.length);
      const joined = join(states[to!], state);
      if (states[to!] && same(states[to!]!, joined)) return;
      states[to!] = joined;
      work.push(to!);
    };
    while (work.length > 0) {
      const i = work.pop()!;
      const insn = insns[i]!;
      const after = this.step(insn, states[i]!);
      if (insn.code === (BPF_JMP | BPF_EXIT)) continue;
      const distance = jumpDistance(insn);
      if (distance !== undefined) flow(at.get(pcs[i]! + 1 + distance), after);
      const always = insn.code === 0x05 || insn.code === 0x06;
      if (!always) flow(i + 1, after);
    }
  }

  private step(insn: Insn, state: State): State {
    const { code, dst, src, off, imm } = insn;
    const regs = [...state.regs];
    let { frame } = state;
    const number = (reg: number) => need(regs[reg] === NUMBER);
    const pointer = (reg: number) => need(regs[reg]! > NUMBER);
    const access = (reg: number, size: number, how: 'read' | 'write'): void => {
      pointer(reg);
      const kind = regs[reg]!;
      if (!isFrame(kind)) return;
      const mask = maskOf(offsetOf(kind) + off, size);
      if (how === 'write') frame |= mask;
      else need((frame & mask) === mask);
    };
    const size = SIZE[(code >> 3) & 3]!;
    const kind = insnClass(insn);
    if (isLdImm64(insn)) regs[dst] = src === BPF_PSEUDO_FUNC ? ELSEWHERE : NUMBER;
    else if (kind === LD_CLASSES.ldx) {
      access(src, size, 'read');
      regs[dst] = NUMBER;
    } else if (kind === LD_CLASSES.st) access(dst, size, 'write');
    else if (kind === LD_CLASSES.stx) this.store(insn, size, regs, access);
    else if (kind === LD_CLASSES.alu64 || kind === LD_CLASSES.alu) {
      const op = code & 0xf0;
      const fromReg = (code & 8) !== 0 && op !== 0xd0;
      if (code === 0xbf && off === 0) {
        need(regs[src] !== NOTHING);
        regs[dst] = regs[src]!;
      } else if (code === 0x07 && isFrame(regs[dst]!)) {
        need(dst !== FP);
        regs[dst] = regs[dst]! + imm;
      } else {
        if (fromReg) number(src);
        if (op !== 0xb0) number(dst);
        regs[dst] = NUMBER;
      }
    } else if (code === (BPF_JMP | BPF_CALL)) this.call(insn, regs, frame);
    else if (code === (BPF_JMP | BPF_EXIT)) number(0);
    else if (code !== 0x05 && code !== 0x06 && code !== 0xe5) {
      number(dst);
      if (code & 8) number(src);
    }
    return { regs, frame };
  }

  private store(
    { code, dst, src, imm }: Insn,
    size: number,
    regs: number[],
    access: (reg: number, size: number, how: 'read' | 'write') => void,
  ): void {
    if ((code & 0xe0) !== 0xc0) {
      // A pointer may be put into a whole word, and must be overwritten before it is read as a number.
      need(regs[src] !== NOTHING);
      access(dst, size, 'write');
      return;
    }
    if (imm === 0x100) {
      access(src, size, 'read');
      regs[dst] = NUMBER;
      return;
    }
    need(regs[src] === NUMBER);
    if (imm === 0x110) return access(dst, size, 'write');
    access(dst, size, 'read');
    if (imm === 0xf1) {
      need(regs[0] === NUMBER);
    } else if (imm & 1) regs[src] = NUMBER;
  }

  private call({ src, imm }: Insn, regs: number[], frame: bigint): void {
    const args = regs.slice(1, 6);
    const far = (kind: number): number => {
      if (!isFrame(kind)) return kind;
      const mask = maskOf(offsetOf(kind), 8);
      need((frame & mask) === mask);
      return ELSEWHERE;
    };
    if (src === BPF_PSEUDO_CALL) this.enter(imm, args.map(far));
    else if (src === 0 && HELPERS.name(imm) === 'bpf_loop') {
      need(args[0] === NUMBER && args[1] === ELSEWHERE && args[2] !== NOTHING && args[3] === NUMBER);
      far(args[2]!);
    } else if (src === 2 && this.program.kfuncs[imm] === 'bpf_throw') need(args[0] === NUMBER);
    for (let i = 1; i <= 5; i++) regs[i] = NOTHING;
    regs[0] = NUMBER;
  }
}

/**
 * Whether everything that a program reads was written before, and nothing but numbers is computed with: what the interpreter
 * says of such a program does not depend on junk.
 */
export function isDefined(program: Program, exceptionCallback: number | undefined, contextual: boolean): boolean {
  const walk = new Walk(program);
  walk.enter(0, [contextual ? ELSEWHERE : NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]);
  if (exceptionCallback !== undefined) walk.enter(exceptionCallback, [NUMBER, NOTHING, NOTHING, NOTHING, NOTHING]);
  for (const { insns } of program.subprogs)
    for (const insn of insns)
      if (isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC)
        walk.enter(Number(insn.imm64), [NUMBER, ELSEWHERE, NOTHING, NOTHING, NOTHING]);
  try {
    do {
      walk.changed = false;
      program.subprogs.forEach((_, index) => {
        if (walk.entries[index]) walk.subprog(index);
      });
    } while (walk.changed);
    return true;
  } catch (error) {
    if (error instanceof Undefined) return false;
    throw error;
  }
}
