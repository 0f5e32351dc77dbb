import {
  BPF_ADD,
  BPF_ALU64,
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  HELPERS,
  type Insn,
  MAY_GOTO_THUNKS,
} from '../../jit';
import type { Capture } from './capture';
import { functionNames, type MachineDescription, programsName } from './machine';

/** A kernel function that captured programs call. */
export interface Callee {
  readonly name: string;
  readonly address: bigint;
}

const TAIL_CALL = HELPERS.id('bpf_tail_call')!;
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

const isTailCall = ({ src, imm }: Insn): boolean => src === BPF_HELPER_CALL && imm === TAIL_CALL;

/** Whether it calls a function of the kernel. */
export const callsKernel = (insn: Insn): boolean =>
  insn.code === (BPF_JMP | BPF_CALL) && insn.src !== BPF_PSEUDO_CALL && !isTailCall(insn);

/** Names that relocations give to the targets of calls. */
function relocatedNames({ want }: Capture): Map<bigint, string> {
  const calls = want.flatMap(({ relocs }) => relocs.filter(({ kind, sym }) => kind === 'call' && sym && sym !== '?'));
  return new Map(calls.map(({ target, sym }) => [BigInt(target), programsName(sym!)]));
}

/** Where may_goto asks the clock: since bb83425b3cdc it is handed a pointer, so r10 is added to the offset before. */
const handsPointer = (before: Insn | undefined): boolean => before?.code === (BPF_ALU64 | BPF_ADD) && before.imm < 0;

/** The kernel functions that a program calls, by name. What has no name gets one from its address. */
export class Callees {
  private readonly names: Map<bigint, string>;
  private readonly base: bigint;
  private readonly known = new Map<bigint, Callee>();

  constructor(capture: Capture, machine: MachineDescription) {
    this.base = BigInt(machine.symbols.__bpf_call_base!);
    this.names = new Map([...relocatedNames(capture), ...functionNames(machine)]);
  }

  get all(): Callee[] {
    return [...this.known.values()];
  }

  get kfuncs(): string[] {
    return this.all.map(({ name }) => name).filter((name) => HELPERS.id(name) === undefined);
  }

  /** Where a call of the request goes to. */
  of({ imm }: Insn, before: Insn | undefined): Callee {
    const address = u64(this.base + BigInt(imm));
    const found = this.known.get(address);
    if (found) return found;
    const symbol = this.names.get(address) ?? `function_at_${hex(address)}`;
    const clock = symbol === MAY_GOTO_THUNKS.offset && handsPointer(before) ? MAY_GOTO_THUNKS.pointer! : symbol;
    // Two functions of one name are two.
    const taken = this.all.some(({ name }) => name === clock);
    const callee = { name: taken ? `${clock}_at_${hex(address)}` : clock, address };
    this.known.set(address, callee);
    return callee;
  }
}
