import {
  BPF_LDX,
  BPF_MEM,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  Gpr,
  type Insn,
  insnClass,
  insnMode,
} from '../../jit';
import type { Decoded } from '../capture/decode';
import { Hidden } from './program-info';

const LD_IMM64 = 0x18;

/** A load of a map, whose address the dump does not show. */
export const isMapLoad = ({ code, src }: Insn): boolean =>
  code === LD_IMM64 && (src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_VALUE);

/** Where maps can be: between the addresses of users and those of the kernel's own text and modules. */
const isMapAddress = (value: bigint): boolean => value >= 0xffff800000000000n && value < 0xffffffff80000000n;

/**
 * The addresses that loads of maps put into registers, by index of the instruction: constants of that kind stand in the code
 * in the order of the instructions. For a program of a compiler, whose lines are those of C, nothing else says where they are.
 * @param rows the code behind the prologue
 * @throws Hidden
 */
export function mapAddresses(insns: readonly Insn[], rows: readonly Decoded[]): ReadonlyMap<number, bigint> {
  const loaded = insns.flatMap((insn, i) => {
    const { code, src, imm64 = 0n } = insn;
    return isMapLoad(insn) || (code === LD_IMM64 && src === 0 && isMapAddress(imm64)) ? [i] : [];
  });
  const constants = rows.flatMap(({ constant }) => {
    return constant && constant.register !== Gpr.r9 && isMapAddress(constant.value) ? [constant.value] : [];
  });
  if (constants.length !== loaded.length) {
    throw new Hidden(`${loaded.length} maps are loaded, and ${constants.length} addresses are in the code`);
  }
  return new Map(loaded.map((index, at) => [index, constants[at]!]));
}

/** VSYSCALL_ADDR: what a load that may fault must not touch. Its code begins with that constant. */
const VSYSCALL = 0xffffffffff600000n;

const isLoad = ({ text }: Decoded): boolean => /^mov(zx|sx|sxd)? \w+, .*\[(?!rip)/.test(text) && !text.includes('gs:');

/** Loads that may fault and do not say so, by index of the instruction; null where loads of other instructions are between them. */
export function probingLoads(insns: readonly Insn[], rows: readonly Decoded[]): ReadonlySet<number> | null {
  const loads = insns.flatMap((insn, i) => (insnClass(insn) === BPF_LDX ? [i] : []));
  const probed: boolean[] = [];
  let probing = false;
  for (const row of rows) {
    const { constant } = row;
    probing ||= constant?.value === VSYSCALL && (constant.register === Gpr.r10 || constant.register === Gpr.r11);
    if (!isLoad(row)) continue;
    probed.push(probing);
    probing = false;
  }
  return probed.length === loads.length
    ? new Set(loads.filter((i, at) => probed[at] && insnMode(insns[i]!) === BPF_MEM))
    : null;
}
