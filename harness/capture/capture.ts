import { decodeInsns, factsFromRequest, isProgramType, type ProgramType, RequestError } from '../../jit';
import type { MachineDescription } from './machine';

/** A place in an image's bytes that depends on addresses. */
export interface CaptureReloc {
  readonly off: number;
  readonly size: number;
  readonly kind: string;
  readonly target: string;
  readonly sym?: string;
}

/** The machine code of one function. */
export interface CaptureImage {
  /** Hex. */
  readonly bytes: string;
  readonly relocs: readonly CaptureReloc[];
  /**
   * Where instructions begin, as the kernel's jited_line_info tells: slot of the function, offset into its bytes. The first
   * slot's is 0, as the kernel tells where the function begins; absent where it told nothing.
   */
  readonly lines?: readonly (readonly [slot: number, offset: number])[];
}

/** What a kernel's JIT was given for one function. */
export interface CaptureFunction {
  readonly insns: readonly string[];
  readonly stack_depth: number;
  readonly is_subprog: boolean;
  readonly tail_call_reachable: boolean;
  readonly exception_boundary: boolean;
  readonly exception_cb: boolean;
  readonly priv_frame_ptr: string | null;
  readonly arena_vm_start?: string | null;
  readonly arena_user_vm_start?: string | null;
  readonly tail_calls: readonly ('direct' | 'indirect')[];
}

/** A map that a program was given. */
export interface CaptureMap {
  readonly name: string;
  /** BPF_MAP_TYPE_* in lower case. */
  readonly type: string;
  /** Address of the map itself, and of its first value; null where programs were given none. */
  readonly pointer: string | null;
  readonly value: string | null;
  readonly value_size: number;
  readonly max_entries: number;
  /** What its values begin with, in hex; zeros follow. */
  readonly init?: string;
}

/** A program as a kernel's JIT was given it, what it made of it, and what that did. */
export interface Capture {
  readonly name: string;
  readonly desc?: string;
  /** Upper case, without BPF_PROG_TYPE_. */
  readonly prog_type: string;
  readonly request: {
    readonly ksyms: readonly string[];
    readonly expected_attach_type?: string;
    /** The callback that the kernel adds and does not show: where it is, and the offset of its last instruction. */
    readonly default_exception_cb?: { readonly ksym: string; readonly exit: number };
    readonly funcs: readonly CaptureFunction[];
  };
  readonly want: readonly CaptureImage[];
  readonly maps?: readonly CaptureMap[];
  readonly exec?: {
    readonly insns: readonly string[];
    readonly runs: readonly { readonly ctx: string }[];
    readonly results: readonly { readonly retval: number; readonly ctx?: string }[];
  };
  /** Where facts are not known but taken from the code: which, and why. */
  readonly estimates?: readonly string[];
}

/** A capture, where it stands, and the machine that it is from. */
export interface LocatedCapture {
  readonly capture: Capture;
  readonly type: ProgramType;
  readonly file: string;
  readonly line: number;
  readonly machine: MachineDescription;
}

/** What is wrong with a capture: `want[0].bytes: ...`. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsAt(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new CaptureError(`${at}: expected an object`);
}

function listAt(value: unknown, at: string, length?: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new CaptureError(`${at}: expected a list`);
  if (length === undefined || value.length === length) return value;
  throw new CaptureError(`${at}: ${value.length} entries, expected ${length}`);
}

function addressAt(value: unknown, at: string): void {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)) return;
  throw new CaptureError(`${at}: expected an address, as "0xffffffffc0020000"`);
}

function wholeAt(value: unknown, at: string, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new CaptureError(`${at}: expected a whole number from 0 to ${most}`);
}

/** @returns bytes */
function hexAt(value: unknown, at: string): number {
  if (typeof value !== 'string') throw new CaptureError(`${at}: expected hex`);
  if (value.length % 2 !== 0) throw new CaptureError(`${at}: ${value.length} digits, expected two for each byte`);
  const wrong = value.search(/[^0-9a-f]/i);
  if (wrong >= 0) throw new CaptureError(`${at}: \`${value[wrong]}\` at digit ${wrong} is no hex`);
  return value.length / 2;
}

function checkInsns(value: unknown, at: string): void {
  const insns = listAt(value, at);
  insns.forEach((insn, i) => {
    const bytes = hexAt(insn, `${at}[${i}]`);
    if (bytes !== 8) throw new CaptureError(`${at}[${i}]: ${bytes} bytes, expected 8`);
  });
  const decoded = decodeInsns(insns as string[]);
  if (!decoded.ok) throw new CaptureError(`${at}: ${decoded.errors[0]!.message}`);
}

function checkImage(value: unknown, at: string): void {
  const { bytes, relocs, lines } = fieldsAt(value, at);
  const size = hexAt(bytes, `${at}.bytes`);
  if (size === 0) throw new CaptureError(`${at}.bytes: there are none`);
  listAt(relocs, `${at}.relocs`).forEach((reloc, i) => {
    const where = `${at}.relocs[${i}]`;
    const fields = fieldsAt(reloc, where);
    const off = wholeAt(fields.off, `${where}.off`, size);
    const length = wholeAt(fields.size, `${where}.size`, 8);
    if (off + length > size) throw new CaptureError(`${where}: ends at ${off + length}, the image has ${size} bytes`);
    addressAt(fields.target, `${where}.target`);
  });
  if (lines === undefined) return;
  let last = -1;
  listAt(lines, `${at}.lines`).forEach((entry, i) => {
    const where = `${at}.lines[${i}]`;
    const [slot, offset] = listAt(entry, where, 2);
    if (wholeAt(slot, `${where}[0]`, 1 << 20) <= last) throw new CaptureError(`${where}: expected slots in order`);
    wholeAt(offset, `${where}[1]`, size);
    last = slot as number;
  });
}

/** Most bytes of the values of a map. */
const MAX_MAP_BYTES = 16 << 20;

function checkMap(value: unknown, at: string): void {
  const map = fieldsAt(value, at);
  for (const key of ['name', 'type'] as const) {
    if (typeof map[key] !== 'string') throw new CaptureError(`${at}.${key}: expected a name`);
  }
  for (const key of ['pointer', 'value'] as const) if (map[key] !== null) addressAt(map[key], `${at}.${key}`);
  const size = Math.ceil(wholeAt(map.value_size, `${at}.value_size`, MAX_MAP_BYTES) / 8) * 8;
  const entries = wholeAt(map.max_entries, `${at}.max_entries`, 0xffffffff);
  if (map.type !== 'array') return;
  if (size * entries > MAX_MAP_BYTES) {
    throw new CaptureError(`${at}: ${entries} values of ${size} bytes, at most ${MAX_MAP_BYTES} bytes are possible`);
  }
  const init = map.init === undefined ? 0 : hexAt(map.init, `${at}.init`);
  if (init > size * entries) throw new CaptureError(`${at}.init: ${init} bytes, its values have ${size * entries}`);
}

function checkExec(value: unknown): void {
  const exec = fieldsAt(value, 'exec');
  checkInsns(exec.insns, 'exec.insns');
  const runs = listAt(exec.runs, 'exec.runs');
  const sizes = runs.map((run, i) => hexAt(fieldsAt(run, `exec.runs[${i}]`).ctx, `exec.runs[${i}].ctx`));
  listAt(exec.results, 'exec.results', runs.length).forEach((result, i) => {
    const { retval, ctx } = fieldsAt(result, `exec.results[${i}]`);
    wholeAt(retval, `exec.results[${i}].retval`, 0xffffffff);
    if (ctx === undefined) return;
    const size = hexAt(ctx, `exec.results[${i}].ctx`);
    if (size !== sizes[i]) {
      throw new CaptureError(`exec.results[${i}].ctx: ${size} bytes, exec.runs[${i}].ctx has ${sizes[i]}`);
    }
  });
}

/** The type of a program as captures write it. @throws CaptureError */
export function captureType(value: unknown): ProgramType {
  const name = typeof value === 'string' ? value.replace(/^BPF_PROG_TYPE_/, '').toLowerCase() : '';
  if (isProgramType(name)) return name;
  throw new CaptureError(`prog_type: there is no ${JSON.stringify(value ?? null)}, expected one as "RAW_TRACEPOINT"`);
}

/** BPF_TRACE_RAW_TP and the like, as specs write them. */
export const attachTypeOf = ({ request }: Capture): string | undefined =>
  request.expected_attach_type?.replace(/^BPF_(TRACE_)?/, '').toLowerCase();

/** Checks a line of a capture. @throws CaptureError that names the field */
export function captureOf(value: unknown): Capture {
  const all = fieldsAt(value, 'the line');
  if (typeof all.name !== 'string') throw new CaptureError('name: expected a name');
  captureType(all.prog_type);
  const request = fieldsAt(all.request, 'request');
  try {
    factsFromRequest(request);
  } catch (error) {
    if (error instanceof RequestError) throw new CaptureError(`request.${error.message}`);
    throw error;
  }
  const funcs = request.funcs as readonly Fields[];
  funcs.forEach(({ insns }, i) => {
    checkInsns(insns, `request.funcs[${i}].insns`);
  });
  listAt(request.ksyms, 'request.ksyms', funcs.length).forEach((each, i) => {
    addressAt(each, `request.ksyms[${i}]`);
  });
  if (request.expected_attach_type !== undefined && typeof request.expected_attach_type !== 'string') {
    throw new CaptureError('request.expected_attach_type: expected a name');
  }
  if (request.default_exception_cb !== undefined) {
    const { ksym, exit } = fieldsAt(request.default_exception_cb, 'request.default_exception_cb');
    addressAt(ksym, 'request.default_exception_cb.ksym');
    wholeAt(exit, 'request.default_exception_cb.exit', 0xffff);
  }
  listAt(all.want, 'want', funcs.length).forEach((each, i) => {
    checkImage(each, `want[${i}]`);
  });
  if (all.maps !== undefined) {
    listAt(all.maps, 'maps').forEach((each, i) => {
      checkMap(each, `maps[${i}]`);
    });
  }
  if (all.exec !== undefined) checkExec(all.exec);
  return value as Capture;
}
