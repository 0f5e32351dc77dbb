import type { Form } from './form';
import {
  BPF_ABS,
  BPF_B,
  BPF_DW,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_NOSPEC,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEM32SX,
  BPF_PROBE_MEMSX,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_ST,
  BPF_STX,
  BPF_W,
} from './opcodes';

const SIZES = [
  ['8', BPF_B],
  ['16', BPF_H],
  ['32', BPF_W],
  ['64', BPF_DW],
] as const;

/** Bits of the size without those of 64 bits: a 32-bit register holds it, and there is something to extend. */
const NARROW = SIZES.slice(0, 3);

const IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/** What a mode is called behind the instruction; the kernel's own printer shows none. */
const LOADS = [
  [BPF_MEM, ''],
  [BPF_PROBE_MEM, ' probe_mem'],
  [BPF_PROBE_MEM32, ' probe_mem32'],
] as const;
const SIGNED_LOADS = [
  [BPF_MEMSX, ''],
  [BPF_PROBE_MEMSX, ' probe_memsx'],
  [BPF_PROBE_MEM32SX, ' probe_mem32sx'],
] as const;
const STORES = [
  [BPF_MEM, ''],
  [BPF_PROBE_MEM32, ' probe_mem32'],
] as const;

const kernelOnly = (suffix: string): { kernel?: true } => (suffix === '' ? {} : { kernel: true });

const loads: Form[] = LOADS.flatMap(([mode, suffix]) =>
  SIZES.map(([bits, size]) => ({
    text: `{dst} = *(u${bits} *)({src} {off})${suffix}`,
    code: BPF_LDX | mode | size,
    ...kernelOnly(suffix),
  })),
);

const signedLoads: Form[] = SIGNED_LOADS.flatMap(([mode, suffix]) =>
  NARROW.map(([bits, size]) => ({
    text: `{dst} = *(s${bits} *)({src} {off})${suffix}`,
    code: BPF_LDX | mode | size,
    ...kernelOnly(suffix),
  })),
);

const stores: Form[] = STORES.flatMap(([mode, suffix]) =>
  SIZES.flatMap(([bits, size]) => [
    { text: `*(u${bits} *)({dst} {off}) = {src}${suffix}`, code: BPF_STX | mode | size, ...kernelOnly(suffix) },
    {
      text: `*(u${bits} *)({dst} {off}) = ${size === BPF_DW ? '{imm}' : '{imm32}'}${suffix}`,
      code: BPF_ST | mode | size,
      ...kernelOnly(suffix),
    },
  ]),
);

/** LLVM's spelling with 32-bit registers, where it prints for a processor that has them. */
const narrowRegisters: Form[] = NARROW.flatMap(([bits, size]) => [
  { text: `{wdst} = *(u${bits} *)({src} {off})`, code: BPF_LDX | BPF_MEM | size, alias: true },
  { text: `*(u${bits} *)({dst} {off}) = {wsrc}`, code: BPF_STX | BPF_MEM | size, alias: true },
]);

/** Packet loads, kept from classic BPF. */
const packetLoads: Form[] = NARROW.flatMap(([bits, size]) => [
  { text: `r0 = *(u${bits} *)skb[{imm}]`, code: BPF_LD | BPF_ABS | size },
  { text: `r0 = *(u${bits} *)skb[{src} {immoff}]`, code: BPF_LD | BPF_IND | size },
  { text: `r0 = *(u${bits} *)skb[{src}]`, code: BPF_LD | BPF_IND | size, alias: true },
]);

/** ld_imm64; `ll` says that it takes two slots. */
const wideImmediates: Form[] = [
  { text: '{dst} = {imm64} ll', code: IMM64 },
  { text: '{dst} = map[{map}] ll', code: IMM64, src: BPF_PSEUDO_MAP_FD },
  { text: '{dst} = map[{mapbase}][0]{valueoff} ll', code: IMM64, src: BPF_PSEUDO_MAP_VALUE },
  { text: '{dst} = btf_id[{imm64}] ll', code: IMM64, src: BPF_PSEUDO_BTF_ID },
  { text: '{dst} = func[{func}] ll', code: IMM64, src: BPF_PSEUDO_FUNC },
  { text: '{dst} = map_idx[{imm64}] ll', code: IMM64, src: BPF_PSEUDO_MAP_IDX },
  { text: '{dst} = map_idx[{low}][0]{valueoff} ll', code: IMM64, src: BPF_PSEUDO_MAP_IDX_VALUE },
  { text: '{dst} = map[{mapbase}][0] ll', code: IMM64, src: BPF_PSEUDO_MAP_VALUE, alias: true },
  { text: '{dst} = map[{map}]', code: IMM64, src: BPF_PSEUDO_MAP_FD, alias: true },
  { text: '{dst} = map[{mapbase}][0]{valueoff}', code: IMM64, src: BPF_PSEUDO_MAP_VALUE, alias: true },
  { text: '{dst} = func[{func}]', code: IMM64, src: BPF_PSEUDO_FUNC, alias: true },
  { text: '{dst} = {funcname} ll', code: IMM64, src: BPF_PSEUDO_FUNC, alias: true },
];

/** Loads, stores, the wide immediate, and the barrier that the verifier puts among them. */
export const MEMORY_FORMS: readonly Form[] = [
  ...loads,
  ...signedLoads,
  ...stores,
  ...narrowRegisters,
  ...packetLoads,
  ...wideImmediates,
  { text: 'nospec', code: BPF_ST | BPF_NOSPEC, kernel: true },
];
