import { readFileSync } from 'node:fs';
import {
  type Analysis,
  analyse,
  formatInsnError,
  JitError,
  type JitFunction,
  LINUX_6_18,
  link,
  loadProgram,
  type Program,
  type ProgramType,
  parseAsm,
  pcsOf,
  printInsn,
  printIntel,
  programErrors,
  type StackPolicy,
} from '../jit';
import { calledHelpers, compileProgram } from './build';
import { PercpuAllocator } from './kernel/percpu';
import { IMAGE_BASE } from './machine/layout';
import { helperAddress } from './machine/machine';
import { type Issue, loadFiles, lowerSpec } from './spec';

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

interface Source {
  readonly name: string;
  readonly program: Program;
  readonly type: ProgramType;
  readonly attachType: string | undefined;
  position(subprog: number, pc: number): { line: number; column: number };
}

const HEX = /^[0-9a-f\s]+$/i;

/** Assembly or hex as a program. */
function readText(text: string, file: string, type: ProgramType): Source | Issue[] {
  const issue = (line: number, column: number, message: string, hints: object = {}): Issue => {
    return { file, line, column, path: '', message, ...hints };
  };
  if (text.trim() === '') return [issue(1, 1, 'the file is empty', { expected: 'assembly, hex or a spec' })];
  if (HEX.test(text)) {
    const loaded = loadProgram(text, { name: 'prog' });
    if (!loaded.ok) return loaded.errors.map((error) => issue(1, 1, formatInsnError(error)));
    return {
      name: 'prog',
      program: loaded.program,
      type,
      attachType: undefined,
      position: () => ({ line: 1, column: 1 }),
    };
  }
  const parsed = parseAsm(text, { name: 'prog' });
  if (!parsed.ok)
    return parsed.errors.map(({ line, column, message, ...hints }) => issue(line, column, message, hints));
  const { program, source } = parsed;
  const position = (subprog: number, pc: number) => {
    const at = pcsOf(program.subprogs[subprog]!.insns).indexOf(pc);
    return source.subprogs[subprog]?.insns[at] ?? { line: 1, column: 1 };
  };
  return { name: 'prog', program, type, attachType: undefined, position };
}

function readSources(file: string, type: ProgramType): Source[] | Issue[] {
  if (/\.ya?ml$/.test(file)) return readSpecs(file);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const message = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message;
    return [{ file, line: 1, column: 1, path: '', message }];
  }
  if (bytes.includes(0)) {
    return [{ file, line: 1, column: 1, path: '', message: 'a binary file', expected: 'assembly, hex or a spec' }];
  }
  const read = readText(bytes.toString('utf8'), file === '-' ? '<stdin>' : file, type);
  return Array.isArray(read) ? read : [read];
}

function readSpecs(file: string): Source[] | Issue[] {
  const { specs, issues } = loadFiles([file]);
  const found = [...issues];
  const sources: Source[] = [];
  for (const loaded of specs) {
    const lowered = lowerSpec({ ...loaded, spec: { ...loaded.spec, policies: [], expect: {} } }, { policies: [] });
    if (!lowered.ok) found.push(...lowered.issues);
    else {
      for (const { name, program, type, attachType, sources: places } of lowered.value[0]!.programs) {
        const position = (subprog: number, pc: number) => {
          return places[subprog]![pcsOf(program.subprogs[subprog]!.insns).indexOf(pc)] ?? loaded.position;
        };
        sources.push({ name, program, type, attachType, position });
      }
    }
  }
  return found.length > 0 ? found : sources;
}

const isIssues = (read: Source[] | Issue[]): read is Issue[] => read.length > 0 && 'message' in read[0]!;

/** Compiles the programs of a file (assembly, hex, a spec; `-` is the standard input) under a policy. */
export function compileFile(file: string, type: ProgramType, policy: StackPolicy): Compiled {
  const read = readSources(file, type);
  if (isIssues(read)) return { ok: false, issues: read };
  const programs: CompiledProgram[] = [];
  for (const source of read) {
    const { name, program } = source;
    const at = (subprog: number, pc: number, message: string): Issue => {
      return { file: file === '-' ? '<stdin>' : file, ...source.position(subprog, pc), path: '', message };
    };
    const errors = programErrors(program).map(({ subprog, pc, message }) => at(subprog, pc, message));
    if (errors.length > 0) return { ok: false, issues: errors };
    const analysis = analyse(program, policy.block, source);
    try {
      const allocator = new PercpuAllocator();
      const options = { policy, config: LINUX_6_18, allocator, mapAddress: () => 0xffff888105000000n };
      const { image } = compileProgram(name, program, analysis, options);
      const helpers = calledHelpers([{ program }]);
      let next = IMAGE_BASE;
      const addresses = image.functions.map(({ bytes }) => {
        const address = next;
        next += BigInt(Math.ceil(bytes.length / 16) * 16);
        return address;
      });
      const resolve = (symbol: { name: string }) => helperAddress(helpers.indexOf(symbol.name));
      const code = link(image, { functions: addresses, resolve });
      programs.push({ name, program, analysis, functions: image.functions, code, refusal: analysis.refusal });
    } catch (error) {
      if (!(error instanceof JitError)) throw error;
      return { ok: false, issues: [at(error.subprog, error.pc, error.message)] };
    }
  }
  return { ok: true, programs };
}

const hexBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A program's machine code for people: frames, then every instruction with its bytes, BPF in between. */
export function listing({ name, program, analysis, functions, code }: CompiledProgram): string[] {
  const lines = [`program ${name}: ${analysis.depths.log}`];
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
