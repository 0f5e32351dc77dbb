import {
  BPF_ATOMIC,
  BPF_CMPXCHG,
  BPF_HELPER_CALL,
  BPF_STX,
  BPF_W,
  bpf,
  type Insn,
  type Program,
  pcsOf,
  type Subprog,
} from '../bpf';
import type { KernelConfig } from '../kernel-config';
import { divisionPatch, zeroExtendR0 } from './division';
import { helperName, INLINED } from './inline';
import {
  isCall,
  isMayGoto,
  LOOP_BYTES,
  loopCallback,
  loopPatch,
  MAY_GOTO_BYTES,
  type MayGotoArgument,
  mayGotoPatch,
  mayGotoStart,
} from './loops';
import { type Patch, patchSubprog } from './patch';
import { upperHalves } from './zero-extend';

/**
 * The kfunc by which may_goto asks the clock, by what it is handed. It is no kfunc of the kernel: only rewritten programs
 * call it. Up to 6.18 it takes an offset from rbp; bb83425b3cdc made that a pointer, under the same symbol. Here the two
 * have names of their own, so that a program and its image say which one they were made for.
 */
export const MAY_GOTO_THUNKS: Readonly<Record<MayGotoArgument, string>> = {
  offset: 'arch_bpf_timed_may_goto',
  pointer: 'arch_bpf_timed_may_goto.pointer',
};

/** A program as the JIT gets it. */
export interface Rewritten {
  readonly program: Program;
  /** By subprog, for each instruction the slot of the program's own that it is or stands for. */
  readonly origins: readonly (readonly number[])[];
  /** Bytes that were added to each subprog's frame. */
  readonly depths: readonly number[];
  /** Index of the exception callback: the program's own, or the hidden default one, which is then the last subprog. */
  readonly exceptionCallback: number | undefined;
}

export interface RewriteOptions {
  readonly config: KernelConfig;
  /** Own stack depth of each subprog, before anything is added. */
  readonly ownDepths: readonly number[];
  readonly throws: boolean;
  /** What may_goto hands to its thunk. */
  readonly mayGoto: MayGotoArgument;
  /** Whether helpers are inlined that the kernel inlines. */
  readonly inline: boolean;
  readonly exceptionCallback?: number | undefined;
}

const isCmpxchg32 = ({ code, imm }: Insn): boolean => code === (BPF_STX | BPF_ATOMIC | BPF_W) && imm === BPF_CMPXCHG;

function inlined(insn: Insn, config: KernelConfig): Patch {
  if (!isCall(insn) || insn.src !== BPF_HELPER_CALL) return null;
  return INLINED[helperName(insn.imm)]?.(config) ?? null;
}

/** By opcode, whether an instruction may become another one without any being inlined: most never do. */
const MAY_CHANGE = Uint8Array.from({ length: 256 }, (_, code) => {
  const insn = { code, dst: 0, src: 0, off: 1, imm: -1 };
  return Number(isMayGoto(insn) || isCmpxchg32({ ...insn, imm: BPF_CMPXCHG }) || divisionPatch(insn) !== null);
});

/** Whether an instruction may become another one without any being inlined. */
const isRewritten = (insn: Insn): boolean =>
  MAY_CHANGE[insn.code] === 1 && (isMayGoto(insn) || isCmpxchg32(insn) || divisionPatch(insn) !== null);

const isLoop = (insn: Insn): boolean =>
  isCall(insn) && insn.src === BPF_HELPER_CALL && helperName(insn.imm) === 'bpf_loop';

function rewriteSubprog(
  subprog: Subprog,
  ownDepth: number,
  options: RewriteOptions,
  thunk: number,
  upperHalf: (index: number) => boolean,
) {
  const { config, inline } = options;
  const { insns } = subprog;
  if (!inline && !insns.some(isRewritten)) return { subprog, origins: pcsOf(insns).slice(0, -1), added: 0 };
  const callbacks = inline ? insns.map((insn, at) => (isLoop(insn) ? loopCallback(insns, at) : null)) : [];
  const loops = callbacks.some((callback) => callback !== null);
  const mayGotos = insns.some(isMayGoto);
  const pcs = mayGotos ? pcsOf(insns) : [];
  const loopDepth = ownDepth + (loops ? LOOP_BYTES : 0);
  const depth = loopDepth + (mayGotos ? MAY_GOTO_BYTES : 0);
  const patchOf = (insn: Insn, at: number): Patch => {
    if (!inline && MAY_CHANGE[insn.code] === 0) return null;
    const callback = callbacks[at] ?? null;
    if (callback !== null) return loopPatch(loopDepth, callback);
    if (isMayGoto(insn)) return mayGotoPatch(depth, pcs[at]! + 1 + insn.off, thunk, options.mayGoto);
    if (isCmpxchg32(insn) && upperHalf(at)) return [insn, zeroExtendR0];
    return divisionPatch(insn) ?? (inline ? inlined(insn, config) : null);
  };
  const patched = patchSubprog(subprog, mayGotos ? mayGotoStart(depth) : [], patchOf);
  return { subprog: patched.subprog, origins: patched.origins, added: depth - ownDepth };
}

/** Name of the callback that the kernel adds to a program that throws and has none. */
const DEFAULT_CALLBACK: Subprog = { name: 'default_exception_cb', insns: [bpf.mov64('r0', 'r1'), bpf.exit()] };

/**
 * What the verifier adds to a program between accepting it and handing it to the JIT: checks around divisions,
 * may_goto's counters, inlined helpers, the default exception callback. What depends on following values through the
 * program (dead code, context and map accesses, branches that are always taken) is left alone.
 */
export function rewrite(program: Program, options: RewriteOptions): Rewritten {
  const { ownDepths, throws, exceptionCallback } = options;
  const thunk = program.kfuncs.length;
  const upperHalf = upperHalves(program);
  const done = program.subprogs.map((subprog, i) =>
    rewriteSubprog(subprog, ownDepths[i]!, options, thunk, (at) => upperHalf(i, at)),
  );
  const hidden = throws && exceptionCallback === undefined;
  const subprogs = done.map(({ subprog }) => subprog);
  return {
    program: {
      name: program.name,
      subprogs: hidden ? [...subprogs, DEFAULT_CALLBACK] : subprogs,
      kfuncs: [...program.kfuncs, MAY_GOTO_THUNKS[options.mayGoto]],
      maps: program.maps,
    },
    origins: [...done.map(({ origins }) => origins), ...(hidden ? [[0, 0]] : [])],
    depths: [...done.map(({ added }) => added), ...(hidden ? [0] : [])],
    exceptionCallback: hidden ? subprogs.length : exceptionCallback,
  };
}
