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
  BPF_ST,
  BPF_STX,
  BPF_W,
} from '../../jit';
import { ARENA, accessOf, MEM, type Mode, PROBE_MEM } from './access';
import { extended, type StepMaker } from './step';

/** A load, or an acquiring one: with one thread, order needs no care. */
export const load =
  ({ address: addressOf, forgiving, refuses }: Mode, reader: 'load' | 'loadSigned'): StepMaker =>
  (insn, next) => {
    const { dst, src } = insn;
    const offset = BigInt(insn.off);
    const { bytes, [reader]: read } = accessOf(insn);
    return (run) => {
      const { regs, memory } = run;
      const address = addressOf(run, regs[src]!, offset);
      const segment = refuses?.(address) ? undefined : memory.find(address, bytes);
      if (segment) regs[dst] = read(segment.view, memory.at);
      else if (forgiving) regs[dst] = 0n;
      else run.badAccess('load', address, bytes);
      return next;
    };
  };

export const storeRegister =
  ({ address: addressOf, forgiving }: Mode): StepMaker =>
  (insn, next) => {
    const { dst, src } = insn;
    const offset = BigInt(insn.off);
    const { bytes, store } = accessOf(insn);
    return (run) => {
      const { regs, memory } = run;
      const address = addressOf(run, regs[dst]!, offset);
      const segment = memory.find(address, bytes);
      if (segment) store(segment.view, memory.at, regs[src]!);
      else if (!forgiving) run.badAccess('store', address, bytes);
      return next;
    };
  };

const storeImmediate =
  ({ address: addressOf, forgiving }: Mode): StepMaker =>
  (insn, next) => {
    const { dst } = insn;
    const offset = BigInt(insn.off);
    const value = extended(insn.imm);
    const { bytes, store } = accessOf(insn);
    return (run) => {
      const { regs, memory } = run;
      const address = addressOf(run, regs[dst]!, offset);
      const segment = memory.find(address, bytes);
      if (segment) store(segment.view, memory.at, value);
      else if (!forgiving) run.badAccess('store', address, bytes);
      return next;
    };
  };

/** ld_imm64 of every kind (RFC 9669 section 5.4). */
const wideImmediate: StepMaker = (insn, next, resolver) => {
  const { dst } = insn;
  const value = resolver.address(insn);
  return (run) => {
    if (value === undefined) return run.fail('memory', 'the map has no region of its name');
    run.regs[dst] = value;
    return next;
  };
};

/**
 * Packet loads of classic BPF (RFC 9669 section 5.5): big endian, into r0; a load outside of the packet ends the
 * function with 0.
 */
const packetLoad =
  (indirect: boolean): StepMaker =>
  (insn, next) => {
    const { src, imm } = insn;
    const { bytes } = accessOf(insn);
    return (run) => {
      const { regs, words, packet } = run;
      if (!packet) return run.fail('instruction', 'there is no packet');
      const from = imm + (indirect ? words[2 * src]! | 0 : 0);
      if (from < 0 || from + bytes > packet.length) {
        regs[0] = 0n;
        return run.exit();
      }
      let value = 0n;
      for (let i = 0; i < bytes; i++) value = (value << 8n) | BigInt(packet[from + i]!);
      regs[0] = value;
      return next;
    };
  };

const nothing: StepMaker = (_, next) => () => next;

const ALL = [BPF_B, BPF_H, BPF_W, BPF_DW];
/** Sizes with a sign to extend, and those of packet loads. */
const NARROW = [BPF_B, BPF_H, BPF_W];

const FAMILIES: readonly (readonly [code: number, sizes: readonly number[], maker: StepMaker])[] = [
  [BPF_LDX | BPF_MEM, ALL, load(MEM, 'load')],
  [BPF_LDX | BPF_MEMSX, NARROW, load(MEM, 'loadSigned')],
  [BPF_LDX | BPF_PROBE_MEM, ALL, load(PROBE_MEM, 'load')],
  [BPF_LDX | BPF_PROBE_MEMSX, NARROW, load(PROBE_MEM, 'loadSigned')],
  [BPF_LDX | BPF_PROBE_MEM32, ALL, load(ARENA, 'load')],
  [BPF_LDX | BPF_PROBE_MEM32SX, NARROW, load(ARENA, 'loadSigned')],
  [BPF_STX | BPF_MEM, ALL, storeRegister(MEM)],
  [BPF_STX | BPF_PROBE_MEM32, ALL, storeRegister(ARENA)],
  [BPF_ST | BPF_MEM, ALL, storeImmediate(MEM)],
  [BPF_ST | BPF_PROBE_MEM32, ALL, storeImmediate(ARENA)],
  [BPF_ST | BPF_NOSPEC, [BPF_W], nothing],
  [BPF_LD | BPF_IMM, [BPF_DW], wideImmediate],
  [BPF_LD | BPF_ABS, NARROW, packetLoad(false)],
  [BPF_LD | BPF_IND, NARROW, packetLoad(true)],
];

/** Loads, stores and wide immediates, by opcode. */
export const MEMORY_STEPS: Readonly<Record<number, StepMaker>> = Object.fromEntries(
  FAMILIES.flatMap(([code, sizes, maker]) => sizes.map((size) => [code | size, maker] as const)),
);
