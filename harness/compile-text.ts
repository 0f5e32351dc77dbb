import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import {
  type Analysis,
  type AsmError,
  JitError,
  type JitFunction,
  LINUX_6_18,
  link,
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
import { verify } from './request-program';
import { writtenPc } from './run/names';
import { type Issue, type Loaded, loadFiles, lowerSpec, parseSpecText } from './spec';
import { parseHexText } from './spec/hex-text';

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

export interface Source {
  readonly name: string;
  readonly program: Program;
  readonly type: ProgramType;
  readonly attachType: string | undefined;
  position(subprog: number, pc: number): { line: number; column: number };
}

const HEX = /^[0-9a-f\s]+$/i;
/** The keys that no spec can be without, at the beginning of lines: neither is a statement of BPF assembly. */
const isSpec = (text: string): boolean => /^name:/m.test(text) && /^programs:/m.test(text);
const EXPECTED = 'assembly, hex or a spec';
/** Largest text; a spec has a limit of its own. */
const MAX_TEXT_BYTES = 8 << 20;
/** More is said about one mistake than helps. */
const MAX_ISSUES = 20;

const fileIssue = (file: string, message: string, expected?: string): Issue => {
  return { file, line: 1, column: 1, path: '', message, ...(expected !== undefined && { expected }) };
};

const cut = (issues: readonly Issue[]): Issue[] => {
  if (issues.length <= MAX_ISSUES) return [...issues];
  const { file } = issues[0]!;
  return [...issues.slice(0, MAX_ISSUES), fileIssue(file, `${issues.length - MAX_ISSUES} more issues in this file`)];
};

/** What an error of the assembler expected: unless it says so itself, or it is too much to read. */
function hints({ message, expected, suggestion }: AsmError): object {
  const told = message.includes('expected') || expected === undefined || expected.length > 8;
  return {
    ...(!told && { expected: expected.join(', ') }),
    ...(suggestion !== undefined && !message.includes('did you mean') && { suggestion }),
  };
}

/** Assembly or hex as a program. */
function readText(text: string, file: string, type: ProgramType): Source | Issue[] {
  const bare = text.replace(/(#|\/\/).*$/gm, '');
  if (bare.trim() === '') return [fileIssue(file, 'the file is empty', EXPECTED)];
  const shared = { name: 'prog', type, attachType: undefined };
  if (HEX.test(bare)) {
    const parsed = parseHexText(text, { name: 'prog' });
    if (!parsed.ok) return cut(parsed.errors.map((error) => ({ file, path: '', ...error }) as Issue));
    const { program, places } = parsed;
    return { ...shared, program, position: (subprog, pc) => placeAt(program, places, subprog, pc) };
  }
  const parsed = parseAsm(text, { name: 'prog' });
  if (!parsed.ok) {
    return cut(
      parsed.errors.map((error) => {
        const { line, column, message } = error;
        return { file, line, column, path: '', message, ...hints(error) };
      }),
    );
  }
  const { program, source } = parsed;
  const places = source.subprogs.map(({ insns }) => insns);
  return { ...shared, program, position: (subprog, pc) => placeAt(program, places, subprog, pc) };
}

interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Where the instruction at a pc stands. */
function placeAt(program: Program, places: readonly (readonly TextPlace[])[], subprog: number, pc: number): TextPlace {
  const { line, column } = places[subprog]?.[pcsOf(program.subprogs[subprog]!.insns).indexOf(pc)] ?? {
    line: 1,
    column: 1,
  };
  return { line, column };
}

/** The programs of a file; `-` is the standard input. */
export function readSources(file: string, type: ProgramType): Source[] | Issue[] {
  if (/\.ya?ml$/.test(file)) return lowerAll(loadFiles([file]));
  const shown = file === '-' ? '<stdin>' : file;
  let bytes: Buffer;
  try {
    if (file !== '-' && statSync(file).isDirectory()) return [fileIssue(shown, 'a directory', EXPECTED)];
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [fileIssue(shown, code === 'ENOENT' ? 'no such file' : `cannot be read: ${message}`)];
  }
  if (bytes.length > MAX_TEXT_BYTES) {
    return [fileIssue(shown, `the file has ${bytes.length} bytes`, `at most ${MAX_TEXT_BYTES} bytes (8 MiB)`)];
  }
  if (bytes.includes(0) || !isUtf8(bytes)) return [fileIssue(shown, 'a binary file', EXPECTED)];
  const text = new TextDecoder().decode(bytes);
  if (isSpec(text)) return lowerAll(parseSpecText(text, shown));
  const read = readText(text, shown, type);
  return Array.isArray(read) ? read : [read];
}

/** The programs of specs. */
function lowerAll({ specs, issues }: Loaded): Source[] | Issue[] {
  const found = [...issues];
  const sources: Source[] = [];
  for (const loaded of specs) {
    const lowered = lowerSpec({ ...loaded, spec: { ...loaded.spec, policies: [], expect: {} } }, { policies: [] });
    if (!lowered.ok) found.push(...lowered.issues);
    else {
      for (const { name, program, type, attachType, sources: places } of lowered.value[0]!.programs) {
        const shown = specs.length > 1 ? `${name} of ${JSON.stringify(loaded.spec.name)}` : name;
        const position = (subprog: number, pc: number) => placeAt(program, places, subprog, pc);
        sources.push({ name: shown, program, type, attachType, position });
      }
    }
  }
  return found.length > 0 ? found : sources;
}

export const isIssues = (read: Source[] | Issue[]): read is Issue[] => read.length > 0 && 'message' in read[0]!;

/** Files name no callbacks. */
const UNTYPED = { exceptionCallback: undefined, asyncCallbacks: [] };

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
    const verified = verify({ ...UNTYPED, ...source }, policy, LINUX_6_18, true);
    const { program: rewritten, analysis } = verified;
    try {
      const allocator = new PercpuAllocator();
      const options = { policy, config: LINUX_6_18, allocator, mapAddress: () => 0xffff888105000000n };
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
