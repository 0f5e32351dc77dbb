import { type Arena, type PrivateBlock, type ProgramFacts, roundUp, type SubprogFacts } from './facts';
import { functionFrame } from './private-stack';

/** A request that does not have the shape of a capture's: names the field that is wrong. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** As a path: `funcs[1].stack_depth`. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
  }
}

export interface RequestFacts {
  readonly facts: ProgramFacts;
  /** Where each block begins, as a per-CPU pointer; in the order of the blocks. */
  readonly blockAddresses: readonly bigint[];
}

type Fields = Readonly<Record<string, unknown>>;

/** The depth is 16 bits wide in the kernel (struct bpf_subprog_info). */
const MAX_DEPTH = 0xffff;

/**
 * The facts that a capture of a real kernel brings along: the kernel's layout, in which each private function has a block of
 * its own.
 *
 * @param request JSON of a capture's `request`; other fields than those of the facts are ignored.
 * @throws RequestError naming the first field that is missing or wrong.
 */
export function factsFromRequest(request: unknown): RequestFacts {
  const { funcs } = fieldsOf(request, 'request');
  if (!Array.isArray(funcs) || funcs.length === 0) throw new RequestError('funcs', 'must be a list of functions');
  const subprogs: SubprogFacts[] = [];
  const blocks: PrivateBlock[] = [];
  const blockAddresses: bigint[] = [];
  funcs.forEach((func: unknown, index) => {
    const at = `funcs[${index}]`;
    const fields = fieldsOf(func, at);
    const stackDepth = depthOf(fields, at);
    const pointer = address(fields, 'priv_frame_ptr', at);
    const placed = pointer === null ? null : functionFrame(index, stackDepth, blocks.length);
    if (placed) {
      const start = pointer! - BigInt(placed.frame.offset);
      if (start < 0n) throw new RequestError(`${at}.priv_frame_ptr`, 'must be above the frame and its guard');
      blocks.push(placed.block);
      blockAddresses.push(start);
    }
    subprogs.push({
      isSubprog: flag(fields, 'is_subprog', at),
      stackDepth,
      private: placed?.frame ?? null,
      tailCallReachable: flag(fields, 'tail_call_reachable', at),
      exceptionBoundary: flag(fields, 'exception_boundary', at),
      exceptionCallback: flag(fields, 'exception_cb', at),
      arena: arenaOf(fields, at),
      tailCalls: tailCallsOf(fields, at),
    });
  });
  return { facts: { subprogs, blocks }, blockAddresses };
}

function fieldsOf(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestError(at, 'must be an object');
  return value as Fields;
}

function flag(fields: Fields, name: string, at: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new RequestError(`${at}.${name}`, 'must be true or false');
  return value;
}

function depthOf(fields: Fields, at: string): number {
  const value = fields.stack_depth;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > MAX_DEPTH)
    throw new RequestError(`${at}.stack_depth`, `must be a whole number from 0 to ${MAX_DEPTH}`);
  return roundUp(value, 8);
}

/** An address in hexadecimal digits; null where it is null or absent. */
function address(fields: Fields, name: string, at: string): bigint | null {
  const value = fields[name] ?? null;
  if (value === null) return null;
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,16}$/.test(value))
    throw new RequestError(`${at}.${name}`, 'must be null or an address such as "0xffffc900094e9000"');
  return BigInt(value);
}

function arenaOf(fields: Fields, at: string): Arena | null {
  const kernVmStart = address(fields, 'arena_vm_start', at);
  const userVmStart = address(fields, 'arena_user_vm_start', at);
  if (kernVmStart === null && userVmStart === null) return null;
  if (kernVmStart === null) throw new RequestError(`${at}.arena_vm_start`, 'is missing beside arena_user_vm_start');
  if (userVmStart === null) throw new RequestError(`${at}.arena_user_vm_start`, 'is missing beside arena_vm_start');
  return { kernVmStart, userVmStart };
}

function tailCallsOf(fields: Fields, at: string): ('direct' | 'indirect')[] {
  const value = fields.tail_calls;
  if (!Array.isArray(value)) throw new RequestError(`${at}.tail_calls`, 'must be a list');
  return value.map((kind: unknown, i) => {
    if (kind === 'direct' || kind === 'indirect') return kind;
    throw new RequestError(`${at}.tail_calls[${i}]`, 'must be "direct" or "indirect"');
  });
}
