import {
  type Analysis,
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_VALUE,
  type CompileInput,
  compile,
  type Insn,
  JitError,
  type JitImage,
  type KernelConfig,
  link,
  type Program,
  type ProgramType,
  type Resolver,
  type Rework,
  type StackPolicy,
} from '../jit';
import { type ArenaData, arenaArea, hasArena } from './arena';
import type { CapturedProgram } from './capture/placed';
import { capturedMemory, capturedPlace } from './captured-memory';
import type { Applied } from './fault/apply';
import { imagedBody } from './imaged';
import { capturedOf } from './images';
import { PercpuAllocator } from './kernel/percpu';
import { progArrayBytes } from './kernel/prog-array';
import { CONTEXT_BASE, IMAGE_BASE, MAP_BASE, PAGE } from './machine/layout';
import { helperAddress, type Segment } from './machine/machine';
import { type Verified, verify } from './request-program';
import { compiledCode } from './run/code';
import { CodeMap } from './run/code-map';
import { kernelVariables } from './run/kernel-variables';
import { calleeName } from './run/names';
import type { DataArea, PlacedHelper, PlacedProgram, PlacedTrampoline, Stub, World } from './run/run';
import type { LoweredProgram, MapElements, SubprogRef, ThrowSite } from './spec';
import { type NamedSlots, placeProgramArrays, pokeTailCalls } from './tail-calls';

/** Bytes of struct bpf_array before the first value (machine.json of the captures). */
export const ARRAY_VALUES = 0x138;

/** Addresses of image functions until they are placed: sign-extended 32 bits, as module space is. */
const UNPLACED = 0xffffffffc0000000n;

/** A program after the verifier's rewrites, by name. */
export interface NamedProgram extends Verified {
  readonly name: string;
  readonly type: ProgramType;
  readonly throws: readonly ThrowSite[];
  /** The program between whose frames it runs, where it is compiled to know that. */
  readonly awareOf: string | undefined;
  /** What a kernel made of it, and where; without it, it is compiled here. */
  readonly captured?: CapturedProgram;
}

/**
 * What the verifier makes of a spec's programs, and of the maps around them. Helper calls stay calls, also where a kernel
 * inlines them: a spec may say what they destroy.
 *
 * @param around with `images`, what a kernel made of a body takes the place of what the JIT would
 * @throws BuildError where such an image is of another body, at the pc of the program as it was written
 */
export function verifyAll(
  programs: readonly LoweredProgram[],
  policy: StackPolicy,
  config: KernelConfig,
  around: Partial<Pick<InitialData, 'maps' | 'arena'>> & { readonly images?: boolean } = {},
): NamedProgram[] {
  const { maps = [], arena, images = false } = around;
  const arrayEntries = new Map(maps.flatMap(({ name, programs }) => (programs ? [[name, programs.entries]] : [])));
  return programs.map(
    ({ name, program, type, eligibleAs, exceptionCallback, asyncCallbacks, throws, awareOf, ...attachment }, index) => {
      const captured = capturedOf(attachment.image);
      if (captured && captured.program === program) {
        const { analysis, origins } = captured;
        return { name, type, throws, awareOf: undefined, program, analysis, origins, hidden: 0, captured };
      }
      const own = arena && hasArena(program, arena) ? arena.place : undefined;
      const { attachType, privStackRequested } = attachment;
      const kind = { type: eligibleAs ?? type, attachType, privStackRequested };
      const whole = { program, ...kind, exceptionCallback, asyncCallbacks, arena: own, arrayEntries };
      const verified = verify(whole, policy, config, false);
      const imaged = captured && images ? ofProgram(index, () => imagedBody(captured, verified)) : verified;
      return { name, type, throws, awareOf: awareOf?.program, ...imaged };
    },
  );
}

const isHelperCall = ({ code, src }: Insn): boolean => code === (BPF_JMP | BPF_CALL) && src !== BPF_PSEUDO_CALL;

/** Names of the helpers and kfuncs that programs call, in order of their first call. */
export function calledHelpers(programs: readonly { readonly program: Program }[]): string[] {
  const names = new Set<string>();
  for (const { program } of programs) {
    for (const { insns } of program.subprogs) {
      for (const insn of insns) if (isHelperCall(insn)) names.add(calleeName(program, insn));
    }
  }
  return [...names];
}

/** Helper and kfunc calls by name, maps and their values at their addresses, callbacks at their subprogs. */
export function resolver(
  program: Program,
  mapAddress: (name: string) => bigint,
  valueAddress = (name: string) => mapAddress(name) + BigInt(ARRAY_VALUES),
): Resolver {
  return {
    call(insn) {
      const name = calleeName(program, insn);
      if (insn.src === BPF_PSEUDO_CALL) return { kind: 'subprog', name, index: insn.imm };
      return { kind: insn.src === BPF_HELPER_CALL ? 'helper' : 'kfunc', name };
    },
    address({ src, imm64 = 0n }) {
      if (src === 0) return { value: imm64 };
      const index = Number(imm64 & 0xffffffffn);
      if (src === BPF_PSEUDO_FUNC) {
        return { value: UNPLACED, symbol: { kind: 'subprog', name: program.subprogs[index]!.name, index } };
      }
      const name = program.maps[index]!;
      const address = src === BPF_PSEUDO_MAP_VALUE ? valueAddress(name) + (imm64 >> 32n) : mapAddress(name);
      return { value: address, symbol: { kind: 'map', name, address } };
    },
  };
}

/** Compiles one program; private blocks come from `allocator`. @throws JitError */
export function compileProgram(
  name: string,
  program: Program,
  analysis: Analysis,
  options: {
    readonly policy: StackPolicy;
    readonly config: KernelConfig;
    readonly allocator: PercpuAllocator;
    readonly mapAddress: (name: string) => bigint;
    readonly valueAddress?: (name: string) => bigint;
    /** Whether frame pointers of another program have to live on across its calls. */
    readonly amongFrames?: boolean;
    readonly rework?: Rework | undefined;
  },
): { readonly image: JitImage; readonly blocks: readonly bigint[] } {
  const { policy, config, allocator, mapAddress, valueAddress, amongFrames = false, rework } = options;
  const blocks = analysis.blocks.map(({ size }) => allocator.allocate(size));
  const input: CompileInput = {
    name,
    subprogs: program.subprogs,
    facts: analysis,
    blockAddresses: blocks,
    policy,
    config,
    resolver: resolver(program, mapAddress, valueAddress),
    amongFrames,
    rework,
  };
  return { image: compile(input), blocks };
}

/** Hands out image addresses; functions start at multiples of 16, as those of a program pack do at least of 4. */
class ImageSpace {
  private next: bigint;

  /** Behind the code of captured programs, which cannot be moved. */
  constructor(captured: readonly CapturedProgram[]) {
    let end = IMAGE_BASE;
    for (const { addresses, code } of captured) {
      addresses.forEach((address, i) => {
        const own = address + BigInt(code[i]!.length);
        if (own > end) end = own;
      });
    }
    this.next = end === IMAGE_BASE ? end : (end + BigInt(2 * PAGE)) & ~BigInt(PAGE - 1);
  }

  place(image: JitImage): bigint[] {
    return image.functions.map(({ bytes }) => {
      const address = this.next;
      this.next = address + BigInt(Math.ceil((bytes.length + 1) / 16) * 16);
      return address;
    });
  }
}

/** Bodies that a spec gives in assembly: machine code by name of the helper. */
export type HelperBodies = ReadonlyMap<string, { readonly address: bigint; readonly bytes: Uint8Array }>;

/** Index of the first of `count` places for helpers at which no captured kernel has one. */
function freeHelpers(count: number, taken: readonly bigint[]): number {
  const clash = (first: number) =>
    taken.some((address) => address >= helperAddress(first) - 16n && address < helperAddress(first + count));
  let first = 0;
  while (clash(first)) first += count;
  return first;
}

function placeHelpers(
  names: readonly string[],
  bodies: HelperBodies,
  trampolines: readonly SubprogRef[],
  fixed: ReadonlyMap<string, bigint>,
  addressOf: (helper: { readonly name: string; readonly stub?: Stub | undefined }, index: number) => bigint,
): PlacedHelper[] {
  const all: { readonly name: string; readonly stub: Stub | undefined }[] = [
    ...names.map((name) => ({ name, stub: undefined })),
    { name: 'the return to C', stub: 'return' },
    { name: 'C that calls what it interrupted', stub: 'again' },
    { name: 'bpf_throw, behind the exception callback', stub: 'behind-throw' },
    ...trampolines.map(({ program, subprog }) => {
      return { name: `the trampoline of ${program}.${subprog}`, stub: 'trampoline' } as const;
    }),
  ];
  const first = freeHelpers(all.length, [...fixed.values()]);
  return all.map((helper, index): PlacedHelper => {
    const { name, stub } = helper;
    const body = stub === undefined ? bodies.get(name) : undefined;
    return { name, address: body?.address ?? fixed.get(name) ?? addressOf(helper, first + index), body, stub };
  });
}

/** A map as a world begins with it: bytes, or programs. */
export interface InitialMap {
  readonly name: string;
  readonly size: number;
  readonly init: Uint8Array;
  readonly programs?: NamedSlots;
  /** The values that lookups find. */
  readonly elements?: MapElements;
}

/** Data that a world begins with. */
export interface InitialData {
  readonly seed: number;
  readonly context: Uint8Array;
  /** Without the arena. */
  readonly maps: readonly InitialMap[];
  readonly arena?: ArenaData | undefined;
}

/** A world: everything compiled, linked and placed. */
export interface Built {
  readonly world: World;
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly kernelData: readonly Segment[];
  readonly percpuBytes: number;
}

export interface BuildOptions {
  readonly policy: StackPolicy;
  readonly config: KernelConfig;
  readonly bodies: HelperBodies;
  /** Subprogs that have a trampoline, each once. */
  readonly trampolines?: readonly SubprogRef[];
  /** What is changed of the code and of the allocator, for those who want to see a check fail. */
  readonly applied?: Pick<Applied, 'rework' | 'kernel'> | undefined;
  /** Where helpers and stubs of the kernel are; default: one behind the other, as a machine of its own has them. */
  readonly helperAddress?: (
    helper: { readonly name: string; readonly stub?: Stub | undefined },
    index: number,
  ) => bigint;
}

/** An instruction of one of a world's programs that cannot be compiled. */
export class BuildError extends JitError {
  constructor(
    /** Index of the program. */
    readonly program: number,
    cause: JitError,
  ) {
    super(cause.message, cause.subprog, cause.pc);
  }
}

/** Says of which program an error is. */
function ofProgram<T>(program: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof JitError ? new BuildError(program, error) : error;
  }
}

/** Compiles, links, places and patches programs under a policy. @throws BuildError, LinkError */
export function buildWorld(verified: readonly NamedProgram[], initial: InitialData, options: BuildOptions): Built {
  const { policy, config, bodies, trampolines = [], applied } = options;
  const allocator = new PercpuAllocator(applied?.kernel.percpuBytes);
  const contents = new Map<string, Uint8Array>([['ctx', initial.context]]);
  const data: DataArea[] = [{ name: 'ctx', address: CONTEXT_BASE, size: initial.context.length }];
  let next = MAP_BASE;
  const captured = verified.flatMap((each) => each.captured ?? []);
  for (const { name, size, init, programs, elements } of initial.maps) {
    const place = capturedPlace(captured, name) ?? { address: next + BigInt(ARRAY_VALUES), pointer: next };
    data.push({ name, size, ...place, ...(elements && { elements }) });
    contents.set(name, init);
    const bytes = programs ? progArrayBytes(programs.entries, config.offsets) : ARRAY_VALUES + size;
    next += BigInt(Math.ceil(bytes / PAGE + 1) * PAGE);
  }
  const { arena } = initial;
  const arrayValues = (name: string) => data.find((area) => area.name === name)!.address;
  const valueAddress = (name: string) => (name === arena?.name ? arena.place.userVmStart : arrayValues(name));
  // Nothing is behind the address of an arena's map: programs only hand it on.
  const mapAddress = (name: string) => (name === arena?.name ? next : arrayValues(name) - BigInt(ARRAY_VALUES));
  // Without pages there is no memory.
  const areas = [...data, ...(arena && arena.init.length > 0 ? [arenaArea(arena)] : [])];
  if (arena) contents.set(arena.name, arena.init);
  const fixed = new Map(
    captured.flatMap(({ callees }) => callees.map(({ name, address }) => [name, address] as const)),
  );
  const addressOf = options.helperAddress ?? ((_, index: number) => helperAddress(index));
  const helpers = placeHelpers(calledHelpers(verified), bodies, trampolines, fixed, addressOf);
  const space = new ImageSpace(captured);
  const memory = capturedMemory(captured, initial.maps);
  for (const { area, bytes } of memory.areas) {
    areas.push(area);
    contents.set(area.name, bytes);
  }
  const linked = verified.map((each, index): PlacedProgram => {
    const { name, type, throws, awareOf, program, analysis, origins } = each;
    if (each.captured) {
      const { image, functions, addresses, code, blocks } = each.captured;
      return { name, type, program, analysis, origins, image, functions, addresses, code, blocks, throws };
    }
    const target = verified.find((each) => each.name === awareOf);
    const amongFrames = target !== undefined && target.analysis.blocks.length > 0;
    const { subprogs: facts, callGraph } = analysis;
    const rework = applied?.rework({ name, subprogs: program.subprogs, facts, callGraph });
    const how = { policy, config, allocator, mapAddress, valueAddress, amongFrames, rework };
    const { image, blocks } = ofProgram(index, () => compileProgram(name, program, analysis, how));
    const addresses = space.place(image);
    const resolve = (symbol: { name: string }) => helpers.find((each) => each.name === symbol.name)?.address;
    const code = link(image, { functions: addresses, resolve });
    const functions = compiledCode(image);
    return { name, type, program, analysis, origins, image, functions, addresses, code, blocks, throws };
  });
  const arrays = placeProgramArrays(initial.maps, data, linked, config);
  const programs = pokeTailCalls(linked, arrays);
  const programArrays = [...arrays.byMap.values()];
  const variables = kernelVariables(config, initial.seed);
  const code = new CodeMap(programs, helpers);
  const placed = trampolines.map((target): PlacedTrampoline => {
    const program = programs.findIndex(({ name }) => name === target.program);
    const subprog = programs[program]!.program.subprogs.findIndex(({ name }) => name === target.subprog);
    const name = `the trampoline of ${target.program}.${target.subprog}`;
    return { program, subprog, helper: helpers.findIndex((each) => each.name === name) };
  });
  const redirects: { readonly from: bigint; readonly to: bigint }[] = [];
  for (const { name, body, address: to } of helpers) {
    const from = fixed.get(name);
    if (body && from !== undefined) redirects.push({ from, to });
  }
  const world: World = {
    seed: initial.seed,
    programs,
    helpers,
    trampolines: placed,
    data: areas,
    programArrays,
    variables,
    code,
    redirects,
    tailCallLimit: config.tailCallLimit,
  };
  return { world, contents, kernelData: [...arrays.memory, ...memory.kernel], percpuBytes: allocator.size };
}
