import { Gpr, type Role } from '../../jit';
import type { Decoded } from './decode';

/** What a prologue shows of a function. */
export interface Prologue {
  /** Roles of its instructions, in order. */
  readonly roles: readonly Role[];
  /** Offset of the first BPF instruction. */
  readonly end: number;
  /** Where a tail call lands: behind `mov rbp, rsp` (X86_TAIL_CALL_OFFSET). */
  readonly landing: number;
  /** Bytes below rbp. */
  readonly kernelDepth: number;
  readonly tailCalls: boolean;
  /** Whether all five registers are pushed, r12 first: the boundary of exceptions. */
  readonly boundary: boolean;
  readonly exceptionCallback: boolean;
  readonly arena: bigint | null;
  /** The constant that is loaded into r9 before this CPU's offset is added. */
  readonly privateFrame: bigint | null;
}

const CALLEE_SAVED = /^(push|pop) (rbx|r12|r13|r14|r15)$/;

/** A cursor over the instructions of a function. */
class Reader {
  at = 0;
  readonly roles: Role[] = [];

  constructor(private readonly rows: readonly Decoded[]) {}

  get row(): Decoded | undefined {
    return this.rows[this.at];
  }

  /** Takes the next instruction if its text is like that. */
  take(text: RegExp | string, role: Role): boolean {
    const now = this.row?.text;
    if (now === undefined || (typeof text === 'string' ? now !== text : !text.test(now))) return false;
    this.roles.push(role);
    this.at++;
    return true;
  }

  /** Takes instructions that stand one after the other, or none. */
  takeAll(texts: readonly (RegExp | string)[], role: Role): boolean {
    const { at, roles } = this;
    const before = roles.length;
    if (texts.every((text) => this.take(text, role))) return true;
    this.at = at;
    roles.length = before;
    return false;
  }

  constant(register: number, role: Role): bigint | null {
    const { row } = this;
    if (row?.constant?.register !== register || row.size < 6) return null;
    this.take(row.text, role);
    return row.constant.value;
  }
}

/** Bytes of nops, `push rbp` and `mov rbp, rsp`; and of `endbr64` before them. */
const LANDING = 12;
const ENDBR = 4;

/** Main counts its tail calls on the stack, or takes over the caller's pointer to the count. */
const MAIN_COUNTER = [/^cmp rax, 0x/, /^ja /, 'push rax', 'mov rax, rsp', /^jmp /, 'push rax', 'push rax'];

/**
 * Reads a prologue as x86 kernels since 6.13 emit it. It ends where nothing more is like one: no BPF instruction starts
 * with a push of a callee-saved register, or writes to r9 or r12.
 */
export function readPrologue(rows: readonly Decoded[]): Prologue {
  const read = new Reader(rows);
  const landing = read.take('endbr64', 'patch-site') ? LANDING + ENDBR : LANDING;
  read.take(/^nop/, 'patch-site');
  const counts = read.take('xor rax, rax', 'patch-site');
  if (!counts) read.take(/^nop/, 'patch-site');
  const exceptionCallback = read.takeAll(['mov rsp, rsi', 'mov rbp, rdx'], 'exception-entry');
  if (exceptionCallback) {
    // A mended kernel pops the private frame pointer, too.
    read.take('pop r9', 'exception-adjust');
    read.take(/^lea rsp, \[rbp-/, 'exception-adjust');
    while (read.take(CALLEE_SAVED, 'exception-entry'));
    read.take('mov rsp, rbp', 'exception-entry');
  } else read.takeAll(['push rbp', 'mov rbp, rsp'], 'frame-setup');
  read.take('endbr64', 'patch-site');
  const depth = read.take(/^sub rsp, 0x[0-9a-f]+$/, 'stack-alloc')
    ? Number(/0x[0-9a-f]+/.exec(rows[read.at - 1]!.text)![0])
    : 0;
  const main = read.takeAll(MAIN_COUNTER, 'tail-call-counter');
  const sub = !main && read.takeAll(['push rax', 'push rax'], 'tail-call-counter');
  const first = read.at;
  while (read.take(/^push (rbx|r12|r13|r14|r15)$/, 'callee-save'));
  const pushed = rows.slice(first, read.at).map(({ text }) => text.slice('push '.length));
  const arena = read.constant(Gpr.r12, 'arena-base');
  const privateFrame = read.constant(Gpr.r9, 'frame-pointer');
  if (privateFrame !== null) read.take(/^add r9, .*gs:/, 'frame-pointer');
  const boundary = !exceptionCallback && arena === null && pushed.join() === 'r12,rbx,r13,r14,r15';
  const tailCalls = counts || main || sub;
  const end = read.row?.offset ?? 0;
  return {
    roles: read.roles,
    end,
    landing,
    kernelDepth: depth,
    tailCalls,
    boundary,
    exceptionCallback,
    arena,
    privateFrame,
  };
}
