import type { ProgramInfo } from './program-info';

/** What bpftool prints of a program: `prog dump xlated ID opcodes -j`, `prog dump jited ID opcodes -j`, and /proc/kallsyms. */
export interface BpftoolDump {
  readonly xlated: string;
  readonly jited: string;
  readonly kallsyms: string;
}

/** A dump that cannot be read: which of its parts, and where. */
export class DumpError extends Error {
  override readonly name = 'DumpError';

  constructor(
    readonly part: keyof BpftoolDump,
    message: string,
  ) {
    super(message);
  }
}

type Part = 'xlated' | 'jited';
type Fields = Readonly<Record<string, unknown>>;

/** bpftool's list of instructions or functions. */
function listIn(part: Part, text: string): readonly Fields[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DumpError(part, `no JSON: ${(error as Error).message}, expected what bpftool prints with \`-j\``);
  }
  const said = (value as { error?: unknown } | null)?.error;
  if (typeof said === 'string') throw new DumpError(part, `bpftool could not print it: ${said}`);
  if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'object' && each !== null)) {
    return value as readonly Fields[];
  }
  throw new DumpError(part, 'expected a list that is not empty');
}

/** `"0x1f"` as a byte; registers are less. */
function byteAt(part: Part, value: unknown, at: string): number {
  const text = typeof value === 'string' && /^0x[0-9a-f]{1,2}$/.test(value) ? value : null;
  if (text === null) throw new DumpError(part, `${at}: expected a byte, as "0x1f"`);
  return Number(text);
}

function bytesAt(part: Part, value: unknown, at: string, sizes?: readonly number[]): number[] {
  if (!Array.isArray(value)) throw new DumpError(part, `${at}: expected bytes, which \`opcodes\` makes bpftool print`);
  if (sizes && !sizes.includes(value.length)) {
    throw new DumpError(part, `${at}: ${value.length} bytes, expected ${sizes.join(' or ')}`);
  }
  return value.map((each, i) => byteAt(part, each, `${at}[${i}]`));
}

/** Instructions in the wire form, and the slots at which functions begin, where type information tells. */
function xlatedOf(text: string): Pick<ProgramInfo, 'xlated' | 'starts'> {
  const bytes: number[] = [];
  const starts: number[] = [];
  listIn('xlated', text).forEach(({ opcodes, proto }, i) => {
    const at = `[${i}].opcodes`;
    if (typeof opcodes !== 'object' || opcodes === null) {
      throw new DumpError('xlated', `${at}: expected them, which \`opcodes\` makes bpftool print`);
    }
    if (proto !== undefined) starts.push(bytes.length / 8);
    const { code, src_reg, dst_reg, off, imm } = opcodes as Fields;
    const registers = (byteAt('xlated', src_reg, `${at}.src_reg`) << 4) | byteAt('xlated', dst_reg, `${at}.dst_reg`);
    bytes.push(byteAt('xlated', code, `${at}.code`), registers & 0xff);
    bytes.push(...bytesAt('xlated', off, `${at}.off`, [2]), ...bytesAt('xlated', imm, `${at}.imm`, [4, 12]));
  });
  return { xlated: Uint8Array.from(bytes), starts };
}

/** `ffffffffc0020000 t bpf_prog_6deef7357e7b4530_name [bpf]` */
function programAddresses(kallsyms: string): ReadonlyMap<string, bigint> {
  const found = kallsyms.matchAll(/^([0-9a-f]+) [A-Za-z] (bpf_prog_\S+)\s+\[bpf\]$/gm);
  return new Map([...found].map(([, digits, name]) => [name!, BigInt(`0x${digits}`)]));
}

/**
 * What the kernel would show of a program, from what bpftool printed of it.
 * @param type BPF_PROG_TYPE_*
 * @throws DumpError
 */
export function bpftoolInfo({ xlated, jited, kallsyms }: BpftoolDump, type: number): ProgramInfo {
  const addresses = programAddresses(kallsyms);
  const functions = listIn('jited', jited).map(({ name, insns }, i) => {
    if (typeof name !== 'string') throw new DumpError('jited', `[${i}].name: expected a name`);
    const address = /^0x[0-9a-f]+$/.test(name) ? BigInt(name) : addresses.get(name);
    if (!address) throw new DumpError('kallsyms', `there is no address of \`${name}\`, expected it with \`[bpf]\``);
    if (!Array.isArray(insns)) throw new DumpError('jited', `[${i}].insns: expected a list`);
    const bytes = insns.flatMap((insn: Fields | null, j) =>
      bytesAt('jited', insn?.opcodes, `[${i}].insns[${j}].opcodes`),
    );
    return { name, address, bytes: Uint8Array.from(bytes) };
  });
  const shown = xlatedOf(xlated);
  return {
    type,
    id: 0,
    name: functions[0]!.name.replace(/^bpf_prog_[0-9a-f]{16}_?/, ''),
    mapIds: [],
    functions: functions.map(({ bytes }) => bytes),
    ksyms: functions.map(({ address }) => address),
    xlated: shown.xlated,
    starts: shown.starts.length === functions.length ? shown.starts : [],
    lines: [],
  };
}
