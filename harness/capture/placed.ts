import {
  type Analysis,
  analyse,
  factsFromRequest,
  type JitImage,
  type KernelConfig,
  type Program,
  pcsOf,
} from '../../jit';
import type { CodeFunction } from '../run/code';
import { compiledCode } from '../run/code';
import type { Callee } from './callees';
import { Callees } from './callees';
import { attachTypeOf, type LocatedCapture } from './capture';
import { DecodedFunction } from './decoded-code';
import { defaultCallback } from './default-callback';
import { compileRequest, sameBytes } from './image';
import { configOf } from './machine';
import { type PlacedMap, readProgram, requestInsns, subprogName } from './program';

/** A captured program, where it was in its kernel. */
export interface CapturedProgram {
  readonly located: LocatedCapture;
  readonly config: KernelConfig;
  readonly program: Program;
  readonly analysis: Analysis;
  readonly origins: readonly (readonly number[])[];
  /** What our JIT makes of it, where that is the same. */
  readonly image: JitImage | null;
  readonly functions: readonly CodeFunction[];
  readonly addresses: readonly bigint[];
  readonly code: readonly Uint8Array[];
  readonly blocks: readonly bigint[];
  readonly callees: readonly Callee[];
  readonly maps: readonly PlacedMap[];
  /** Whether it is known which BPF instruction each machine instruction belongs to. */
  readonly mapped: boolean;
  /** Whether the kernel's default exception callback, which is in no capture, was made here. */
  readonly madeCallback: boolean;
  /** Whether its last instruction is where the kernel has it; null where the kernel does not say. */
  readonly callbackAgrees: boolean | null;
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Where the next function goes: behind the others. */
const behind = (addresses: readonly bigint[], code: readonly Uint8Array[]): bigint => {
  let end = 0n;
  addresses.forEach((address, i) => {
    const own = address + BigInt(code[i]!.length);
    if (own > end) end = own;
  });
  return (end + 0x1fn) & ~0xfn;
};

/** The code of a capture: our listing where our JIT makes the same bytes, otherwise decoded. */
function codeOf({ capture }: LocatedCapture, ours: ReturnType<typeof compileRequest>, code: readonly Uint8Array[]) {
  if (ours && sameBytes(ours.code, code)) return { image: ours.image, functions: compiledCode(ours.image) };
  const insns = requestInsns(capture);
  const functions = code.map((bytes, i) => {
    const { lines } = capture.want[i]!;
    const address = BigInt(capture.request.ksyms[i]!);
    return new DecodedFunction({ name: subprogName(i), bytes, address, insns: insns[i]!, lines });
  });
  return { image: null, functions };
}

/** What is known of a program from the code alone, with the facts that the kernel's JIT was given. */
function analysisOf(program: Program, located: LocatedCapture, facts: Pick<Analysis, 'subprogs' | 'blocks'>): Analysis {
  const exceptionCallback = facts.subprogs.findIndex((each) => each.exceptionCallback);
  const attachType = attachTypeOf(located.capture);
  const own = facts.subprogs.map(({ stackDepth }) => stackDepth);
  const analysed = analyse(program, 'function', {
    type: located.type,
    attachType,
    ...(exceptionCallback > 0 && { exceptionCallback }),
  });
  return { ...analysed, ...facts, refusal: null, depths: { own, max: null } };
}

/**
 * Makes of a capture what can be run: its bytes at their addresses, with the facts that the kernel's JIT was given.
 * @throws DecodeError, JitError
 */
export function placeCapture(located: LocatedCapture): CapturedProgram {
  const { capture, machine } = located;
  const config = configOf(machine);
  const { program, callees, maps } = readProgram(located, config.offsets.arrayPtrs);
  const addresses = capture.request.ksyms.map(BigInt);
  const code = capture.want.map(({ bytes }) => bytesOf(bytes));
  const requested = factsFromRequest(capture.request);
  const { facts, blockAddresses: blocks } = requested;
  const ours = compileRequest(requestInsns(capture), requested, addresses, config, new Callees(capture, machine));
  const { image, functions } = codeOf(located, ours, code);
  const common = { located, config, image, blocks, callees, maps };
  const originsOf = ({ subprogs }: Program) => subprogs.map(({ insns }) => pcsOf(insns).slice(0, -1));
  const mapped = image !== null || capture.want.every(({ lines }) => lines !== undefined);
  const throws = facts.subprogs[0]!.exceptionBoundary && !facts.subprogs.some((each) => each.exceptionCallback);
  if (!throws) {
    const analysis = analysisOf(program, located, facts);
    return {
      ...common,
      program,
      analysis,
      origins: originsOf(program),
      functions,
      addresses,
      code,
      mapped,
      madeCallback: false,
      callbackAgrees: null,
    };
  }
  const { default_exception_cb: shown } = capture.request;
  const address = shown ? BigInt(shown.ksym) : behind(addresses, code);
  const made = defaultCallback(facts.subprogs[0]!, { blocks: facts.blocks, blockAddresses: blocks }, config, address);
  const whole = { ...program, subprogs: [...program.subprogs, { name: made.name, insns: made.insns }] };
  const all = { subprogs: [...facts.subprogs, made.facts], blocks: facts.blocks };
  return {
    ...common,
    program: whole,
    analysis: analysisOf(whole, located, all),
    origins: originsOf(whole),
    functions: [...functions, made.code],
    addresses: [...addresses, address],
    code: [...code, made.bytes],
    mapped,
    madeCallback: true,
    callbackAgrees: shown ? made.code.rows().find(({ pc }) => pc === 1)?.offset === shown.exit : null,
  };
}
