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

/** Callbacks have addresses where nothing else is. */
const CALLBACK_BASE = 0xffff_ca11_0000_0000n;
const CALLBACK_STRIDE = 16n;

const low = ({ imm64 = 0n }: Insn): number => Number(BigInt.asUintN(32, imm64));

/** ld_imm64 by its pseudo kind (RFC 9669 section 5.4); whatever is missing loads the number itself. */
const ADDRESSES: Readonly<
  Record<number, (insn: Insn, values: (map: number) => bigint | undefined) => bigint | undefined>
> = {
  [BPF_PSEUDO_MAP_FD]: (insn, values) => {
    const address = values(low(insn));
    return address === undefined ? undefined : address - MAP_HEADER;
  },
  [BPF_PSEUDO_MAP_VALUE]: (insn, values) => {
    const address = values(low(insn));
    return address === undefined ? undefined : address + ((insn.imm64 ?? 0n) >> 32n);
  },
  [BPF_PSEUDO_FUNC]: (insn) => CALLBACK_BASE + CALLBACK_STRIDE * BigInt(low(insn)),
};

/** What a program's own tables say, but for what the caller knows better. */
export function resolverOf(program: Program, { regions = [], resolver = {} }: InterpretOptions): Resolver {
  const values = (map: number) => regions.find(({ name }: Region) => name === program.maps[map])?.base;
  return {
    callee: (insn) => (insn.src === BPF_HELPER_CALL ? HELPERS.name(insn.imm) : program.kfuncs[insn.imm]),
    address: (insn) => {
      const address = ADDRESSES[insn.src];
      return address ? address(insn, values) : (insn.imm64 ?? 0n);
    },
    subprogAt: (address) => {
      const index = Number((address - CALLBACK_BASE) / CALLBACK_STRIDE);
      return program.subprogs[index] && CALLBACK_BASE + CALLBACK_STRIDE * BigInt(index) === address ? index : undefined;
    },
    ...resolver,
  };
}
