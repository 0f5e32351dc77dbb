import {
  type Analysis,
  depthLog,
  JitError,
  type JitFunction,
  LINUX_6_18,
  link,
  type Program,
  type ProgramType,
  pcsOf,
  printInsn,
  printIntel,
  programErrors,
  type StackPolicy,
} from '../jit';
import { ARRAY_VALUES, calledHelpers, compileProgram } from './build';
import { PercpuAllocator } from './kernel/percpu';
import { IMAGE_BASE } from './machine/layout';
import { helperAddress } from './machine/machine';
import type { ObjectOptions } from './objects';
import { isIssues, readSources, type Source } from './read-program';
import { verify } from './request-program';
import { writtenPc } from './run/names';
import type { Issue } from './spec';

export type Compiled =
  | { readonly ok: true; readonly programs: readonly CompiledProgram[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** A program with its machine code. */
export interface CompiledProgram {
  readonly name: string;
  readonly program: Program;
  readonly analysis: Analysis;
  readonly functions: readonly JitFunction[];
  /** Linked bytes of each function. */
  readonly code: readonly Uint8Array[];
  /** The verifier's reason, where it would refuse the program under this layout. */
  readonly refusal: string | null;
}

const MAP = 0xffff888105000000n;
const mapAddress = (): bigint => MAP;
/** The user's address of the arena; the values of an array are in its map. */
const valueAddressOf =
  ({ arena, arenaMap }: Source) =>
  (name: string): bigint =>
    arena && name === arenaMap ? arena.userVmStart : MAP + BigInt(ARRAY_VALUES);

/** Compiles the programs of a file (assembly, hex, a spec; `-` is the standard input) under a policy. */
export function compileFile(
  file: string,
  type: ProgramType,
  policy: StackPolicy,
  options: ObjectOptions = {},
): Compiled {
  const read = readSources(file, type, options);
  if (isIssues(read)) return { ok: false, issues: read };
  const programs: CompiledProgram[] = [];
  for (const source of read) {
    const { name, program } = source;
    const at = (subprog: number, pc: number, message: string): Issue => {
      return { file: file === '-' ? '<stdin>' : file, ...source.position(subprog, pc), path: '', message };
    };
    const errors = programErrors(program, source).map(({ subprog, pc, message }) => at(subprog, pc, message));
    if (errors.length > 0) return { ok: false, issues: errors };
    const verified = verify(source, policy, LINUX_6_18, true);
    const { program: rewritten, analysis } = verified;
    try {
      const allocator = new PercpuAllocator();
      const options = { policy, config: LINUX_6_18, allocator, mapAddress, valueAddress: valueAddressOf(source) };
      const { image } = compileProgram(name, rewritten, analysis, options);
      const helpers = calledHelpers([verified]);
      let next = IMAGE_BASE;
      const addresses = image.functions.map(({ bytes }) => {
        const address = next;
        next += BigInt(Math.ceil(bytes.length / 16) * 16);
        return address;
      });
      const resolve = (symbol: { name: string }) => helperAddress(helpers.indexOf(symbol.name));
      const code = link(image, { functions: addresses, resolve });
      const { functions } = image;
      programs.push({ name, program: rewritten, analysis, functions, code, refusal: analysis.refusal });
    } catch (error) {
      if (!(error instanceof JitError)) throw error;
      const pc = writtenPc({ program: rewritten, origins: verified.origins }, error);
      return { ok: false, issues: [at(error.subprog, pc, error.message)] };
    }
  }
  return { ok: true, programs };
}

const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A program's machine code for people: frames, then every instruction with its bytes, BPF in between. */
export function listing({ name, program, analysis, functions, code }: CompiledProgram): string[] {
  const lines = [`program ${name}: ${depthLog(analysis.depths)}`];
  functions.forEach((fn, index) => {
    const facts = analysis.subprogs[index]!;
    const { private: frame } = facts;
    const where = frame ? `private, block + ${frame.offset}` : `kernel stack, ${fn.frame.kernelDepth} bytes`;
    lines.push(
      '',
      `func #${index} ${fn.name}: ${code[index]!.length} bytes, stack depth ${facts.stackDepth}, ${where}`,
    );
    const { insns } = program.subprogs[index]!;
    const texts = new Map(pcsOf(insns).map((pc, i) => [pc, insns[i]]));
    const { subprogs, kfuncs, maps } = program;
    let last = -1;
    for (const { offset, size, insn } of fn.listing()) {
      const { pc } = insn.site;
      const bpf = pc === last ? undefined : texts.get(pc);
      if (bpf)
        lines.push(
          `${String(pc).padStart(5)}: ${printInsn(bpf, { subprogs: subprogs.map((each) => each.name), kfuncs, maps })}`,
        );
      last = pc;
      const bytes = hexBytes(code[index]!.subarray(offset, offset + size));
      const context = {
        target: ({ target }: { target: object }) => ('name' in target ? String(target.name) : undefined),
      };
      lines.push(
        `${offset.toString(16).padStart(8)}  ${bytes.padEnd(22)} ${printIntel(insn.form, insn.operands, context)}`,
      );
    }
    lines.push(`bytes: ${hexBytes(code[index]!)}`);
    for (const { offset, size, symbol } of fn.relocations)
      lines.push(`reloc: +0x${offset.toString(16)} ${size} bytes ${symbol.kind} ${symbol.name}`);
  });
  return lines;
}
