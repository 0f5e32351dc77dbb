import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addressOf, bpf } from '../native';

/** What the kernel refuses: the errno's name, and what its verifier wrote. */
export class KernelRefusal extends Error {
  override readonly name = 'KernelRefusal';

  constructor(
    what: string,
    readonly errno: string,
    readonly log = '',
  ) {
    super(`${what}: ${errno}${log === '' ? '' : `: ${log}`}`);
  }

  /** The same, of something with a name. */
  about(name: string): KernelRefusal {
    return new KernelRefusal(name, this.message);
  }
}

/** Commands of bpf(2). There is none that attaches anything. */
const Command = {
  MAP_CREATE: 0,
  MAP_UPDATE_ELEM: 2,
  PROG_LOAD: 5,
  PROG_TEST_RUN: 10,
  PROG_GET_FD_BY_ID: 13,
  OBJ_GET_INFO_BY_FD: 15,
  BTF_LOAD: 18,
  MAP_FREEZE: 22,
} as const;

/** A part of `union bpf_attr`: 4 or 8 bytes, or the address of a buffer. */
type Field = readonly [offset: number, value: number | bigint | Uint8Array];

/** Bytes of `union bpf_attr` up to and with `fd_array_cnt`. */
const ATTR_BYTES = 152;

/** bpf(2) with an attr of these fields. @returns its result @throws KernelRefusal */
function ask(
  what: string,
  command: number,
  fields: readonly Field[],
  size = ATTR_BYTES,
): { result: number; attr: DataView } {
  const bytes = new Uint8Array(size);
  const attr = new DataView(bytes.buffer);
  for (const [offset, value] of fields) {
    if (typeof value === 'number') attr.setInt32(offset, value, true);
    else attr.setBigUint64(offset, typeof value === 'bigint' ? value : value.length > 0 ? addressOf(value) : 0n, true);
  }
  const result = bpf(command, bytes);
  // The buffers live on as long as somebody reads them afterwards.
  if (result < 0) throw new KernelRefusal(what, getSystemErrorName(result));
  return { result, attr };
}

const text = (name: string): Uint8Array => Uint8Array.from(Buffer.from(`${name}\0`));

/** What a map is made as. */
export interface MapShape {
  readonly name: string;
  /** BPF_MAP_TYPE_*. */
  readonly number: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** @returns a descriptor; the map is gone when it is closed */
export function createMap({ name, number, keySize, valueSize, maxEntries, flags }: MapShape): number {
  const fields: Field[] = [
    [0, number],
    [4, keySize],
    [8, valueSize],
    [12, maxEntries],
    [16, flags],
  ];
  return ask(`the map ${name} cannot be created`, Command.MAP_CREATE, fields).result;
}

/** Sets the value of an array's element. */
export function updateMap(fd: number, index: number, value: Uint8Array): void {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, index, true);
  ask('a value of a map cannot be set', Command.MAP_UPDATE_ELEM, [
    [0, fd],
    [8, key],
    [16, value],
    [24, 0n],
  ]);
}

/** From now on nobody can change the map from outside of programs. */
export function freezeMap(fd: number): void {
  ask('it cannot be frozen', Command.MAP_FREEZE, [[0, fd]]);
}

/** The kernel's number of a map (struct bpf_map_info). */
export function mapId(fd: number): number {
  const info = new Uint8Array(8);
  objectInfo(fd, info);
  return new DataView(info.buffer).getUint32(4, true);
}

/** Hands type information to the kernel. @returns a descriptor */
export function loadBtf(btf: Uint8Array): number {
  return ask('the type information is refused', Command.BTF_LOAD, [
    [0, btf],
    [16, btf.length],
  ]).result;
}

/** A program as the kernel is handed it. */
export interface LoadRequest {
  readonly type: number;
  readonly attachType: number;
  readonly flags: number;
  readonly insns: Uint8Array;
  readonly btf: number;
  readonly funcInfo: Uint8Array;
  readonly lineInfo: Uint8Array;
  /** Function or type that a tracing program is meant for. It is attached to nothing. */
  readonly attachBtfId: number;
}

const LOG_BYTES = 1 << 20;
const FUNC_INFO_BYTES = 8;
const LINE_INFO_BYTES = 16;
const BPF_LOG_STATS = 4;

function loadAt(request: LoadRequest, level: number): { fd: number; log: string } {
  const log = new Uint8Array(LOG_BYTES);
  const license = text('GPL');
  const { type, insns, flags, attachType, btf, funcInfo, lineInfo, attachBtfId } = request;
  const fields: Field[] = [
    [0, type],
    [4, insns.length / 8],
    [8, insns],
    [16, license],
    [24, level],
    [28, log.length],
    [32, log],
    [44, flags],
    [68, attachType],
    [72, btf],
    [76, FUNC_INFO_BYTES],
    [80, funcInfo],
    [88, funcInfo.length / FUNC_INFO_BYTES],
    [92, LINE_INFO_BYTES],
    [96, lineInfo],
    [104, lineInfo.length / LINE_INFO_BYTES],
    [108, attachBtfId],
  ];
  const written = () => {
    const end = log.indexOf(0);
    return Buffer.from(log.subarray(0, end < 0 ? log.length : end)).toString('latin1');
  };
  try {
    return { fd: ask('the program is refused', Command.PROG_LOAD, fields).result, log: written() };
  } catch (error) {
    if (error instanceof KernelRefusal) throw new KernelRefusal('the program is refused', error.errno, written());
    throw error;
  }
}

/** The last lines that say why: statistics follow them. */
const reason = (log: string): string =>
  log
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '' && !/^(processed \d|verification time|stack depth|;)/.test(line))
    .slice(-2)
    .join(' | ');

/** Loads a program; it is attached to nothing. @returns its descriptor, and the verifier's statistics */
export function loadProgramLive(request: LoadRequest): { readonly fd: number; readonly log: string } {
  try {
    return loadAt(request, BPF_LOG_STATS);
  } catch (error) {
    if (!(error instanceof KernelRefusal)) throw error;
    // Only level 1 has the reason; ENOSPC is a log that does not fit.
    try {
      closeSync(loadAt(request, 1).fd);
    } catch (again) {
      if (again instanceof KernelRefusal) throw new KernelRefusal('refused', again.errno, reason(again.log));
      throw again;
    }
    throw error;
  }
}

/** A descriptor of a program that is loaded already. */
export function programById(id: number): number {
  return ask(`there is no program ${id} to be had`, Command.PROG_GET_FD_BY_ID, [[0, id]]).result;
}

/** Fills an info structure (struct bpf_prog_info and its like), whose buffers are set. */
export function objectInfo(fd: number, info: Uint8Array): void {
  ask(
    'the kernel does not show it',
    Command.OBJ_GET_INFO_BY_FD,
    [
      [0, fd],
      [4, info.length],
      [8, info],
    ],
    16,
  );
}

/** What a test run is given: a packet, or a context that the program reads itself. */
export interface TestInput {
  readonly data?: Uint8Array;
  readonly ctx?: Uint8Array;
}

/** Runs a program once in the kernel (BPF_PROG_TEST_RUN). A context is written back into `ctx`. */
export function testRun(fd: number, { data, ctx }: TestInput): number {
  const fields: Field[] = [
    [0, fd],
    [32, data ? 1 : 0],
    ...(data
      ? ([
          [8, data.length],
          [16, data],
        ] as const)
      : []),
    ...(ctx
      ? ([
          [40, ctx.length],
          [48, ctx],
        ] as const)
      : []),
  ];
  return ask('the test run is refused', Command.PROG_TEST_RUN, fields, 80).attr.getUint32(4, true);
}
