import {
  BPF_HELPER_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  HELPERS,
  type Insn,
  type Program,
} from '../../jit';
import type { Region } from './memory';
import type { InterpretOptions, Resolver } from './options';

/** Bytes of a map before its values: what its own address points to no program reads. */
const MAP_HEADER = 0x138n;

const FUNCTION_STRIDE = 16n;

type Values = (map: number) => bigint | undefined;
type Address = (insn: Insn, values: Values, functions: bigint) => bigint | undefined;

const low = ({ imm64 = 0n }: Insn): number => Number(BigInt.asUintN(32, imm64));

/** ld_imm64 by its pseudo kind (RFC 9669 section 5.4); whatever is missing loads the number itself. */
const ADDRESS_KINDS: Readonly<Record<number, Address>> = {
  [BPF_PSEUDO_MAP_FD]: (insn, values) => {
    const address = values(low(insn));
    return address === undefined ? undefined : address - MAP_HEADER;
  },
  [BPF_PSEUDO_MAP_VALUE]: (insn, values) => {
    const address = values(low(insn));
    return address === undefined ? undefined : address + ((insn.imm64 ?? 0n) >> 32n);
  },
  [BPF_PSEUDO_FUNC]: (insn, _, functions) => functions + FUNCTION_STRIDE * BigInt(low(insn)),
};

/**
 * What a program's own tables say, but for what the caller knows better.
 * @param functions address that stands for the program's main subprog
 */
export function resolverOf(
  program: Program,
  { regions = [], resolver = {} }: InterpretOptions,
  functions: bigint,
): Resolver {
  const values = (map: number) => regions.find(({ name }: Region) => name === program.maps[map])?.base;
  return {
    callee: (insn) => (insn.src === BPF_HELPER_CALL ? HELPERS.name(insn.imm) : program.kfuncs[insn.imm]),
    address: (insn) => {
      const address = ADDRESS_KINDS[insn.src];
      return address ? address(insn, values, functions) : (insn.imm64 ?? 0n);
    },
    subprogAt: (address) => {
      const index = Number((address - functions) / FUNCTION_STRIDE);
      return program.subprogs[index] && functions + FUNCTION_STRIDE * BigInt(index) === address ? index : undefined;
    },
    ...resolver,
  };
}
