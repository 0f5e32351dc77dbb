import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessBytes, type Insn, type Program, parseAsm } from '../../jit/bpf';
import { parseTree } from './tree';
import { generateBodies, slotsOf } from './tree-body';

const kernelNames = new Set(['bpf_ktime_get_ns', 'bpf_throw']);

function generate(text: string, program = 0): { program: Program; text: string; lines: readonly { line: number }[] } {
  const tree = parseTree(text, { kernelNames });
  if (!tree.ok) throw new Error(JSON.stringify(tree.errors));
  const generated = generateBodies(tree.subprogs, program);
  const parsed = parseAsm(generated.text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return { program: parsed.program, ...generated };
}

interface Frame {
  readonly subprog: number;
  /** What lies below r10. */
  readonly bytes: Uint8Array;
}

/** Runs the few kinds of instructions that generated bodies consist of; `afterCall` may change the live frames. */
function run(
  program: Program,
  afterCall: (frames: readonly Frame[]) => void = () => {},
): { r0: bigint; calls: string[] } {
  const calls: string[] = [];
  const frames: Frame[] = [];
  const enter = (subprog: number): bigint => {
    const bytes = new Uint8Array(512);
    const view = new DataView(bytes.buffer);
    frames.push({ subprog, bytes });
    const registers = new BigUint64Array(11).fill(0xbadbadn);
    const { insns } = program.subprogs[subprog]!;
    for (let pc = 0; insns[pc]!.code !== EXIT; pc++) {
      const insn = insns[pc]!;
      if (insn.code === CALL) {
        calls.push(insn.src === 1 ? program.subprogs[insn.imm]!.name : `function ${insn.imm}`);
        const result = insn.src === 1 ? enter(insn.imm) : 0xdeadn;
        registers.fill(0xbadbadn, 1, 6);
        registers[0] = result;
        afterCall(frames);
      } else pc += STEPS[insn.code]!(insn, registers, view) ?? 0;
    }
    frames.pop();
    return registers[0]!;
  };
  return { r0: enter(0), calls };
}

const CALL = 0x85;
const EXIT = 0x95;

const read = (view: DataView, at: number, bytes: number): bigint =>
  BigInt.asUintN(bytes * 8, view.getBigUint64(at & ~7, true) >> BigInt((at & 7) * 8));

const STEPS: Record<number, (insn: Insn, registers: BigUint64Array, frame: DataView) => number | undefined> = {
  // r = imm
  183: ({ dst, imm }, registers) => void (registers[dst] = BigInt.asUintN(64, BigInt(imm))),
  // if r != imm goto
  85: ({ dst, imm, off }, registers) => (registers[dst] !== BigInt.asUintN(64, BigInt(imm)) ? off : 0),
};
for (const size of [0x00, 0x08, 0x10, 0x18]) {
  STEPS[0x61 | size] = (insn, registers, frame) =>
    void (registers[insn.dst] = read(frame, 512 + insn.off, accessBytes(insn)));
  STEPS[0x62 | size] = (insn, _, frame) => {
    const value = BigInt.asUintN(64, BigInt(insn.imm));
    for (let byte = 0; byte < accessBytes(insn); byte++) {
      frame.setUint8(512 + insn.off + byte, Number((value >> BigInt(byte * 8)) & 0xffn));
    }
    return undefined;
  };
}

const TREE = `\
main 120
  first 64 global
    bpf_ktime_get_ns
  second 13
    first
    bpf_throw
  bpf_ktime_get_ns
`;

test('a frame is cut into aligned slots that cover it exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 512 }), (depth) => {
      const covered = new Array(512).fill(0);
      for (const { offset, bytes } of slotsOf(depth)) {
        expect(offset % bytes).toBe(0);
        for (let byte = 0; byte < bytes; byte++) covered[offset - byte - 1]++;
      }
      expect(covered).toEqual(covered.map((_, at) => (at < depth ? 1 : 0)));
    }),
  );
});

test('a body tags its frame, calls, checks and returns 0', () => {
  expect(generate('main 12\n  sub 0\n').text).toBe(`\
main:
  *(u64 *)(r10 - 8) = 0x50000008
  *(u32 *)(r10 - 12) = 0x5000000c
  call sub
  if r0 != 0 goto main.failed
  r1 = *(u64 *)(r10 - 8)
  if r1 != 0x50000008 goto main.lost8
  r1 = *(u32 *)(r10 - 12)
  if r1 != 0x5000000c goto main.lost12
  r0 = 0
  exit
main.failed:
  exit
main.lost8:
  r0 = 0x10008
  exit
main.lost12:
  r0 = 0x1000c
  exit
sub:
  r0 = 0
  exit
`);
});

test('undisturbed, all calls are made in order and 0 is returned', () => {
  const { program } = generate(TREE);
  expect(run(program)).toEqual({
    r0: 0n,
    calls: ['first', 'function 5', 'second', 'first', 'function 5', 'function 0', 'function 5'],
  });
  expect(program.kfuncs).toContain('bpf_throw');
  expect(program.subprogs.map((each) => each.isGlobal === true)).toEqual([false, true, false]);
});

test('every byte of a frame is checked after every call, and the code tells the subprog and the slot', () => {
  const { program } = generate(TREE);
  const depths = [120, 64, 13];
  const calls = run(program).calls.length;
  fc.assert(
    fc.property(fc.nat({ max: calls - 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (nth, where, flip) => {
      let seen = 0;
      let want: bigint | undefined;
      const { r0 } = run(program, (frames) => {
        if (seen++ !== nth) return;
        const { subprog, bytes } = frames[frames.length - 1]!;
        const depth = depths[subprog]!;
        const below = (where % depth) + 1;
        bytes[512 - below]! ^= flip;
        const slot = slotsOf(depth).find((each) => below <= each.offset && below > each.offset - each.bytes)!;
        want = BigInt(((subprog + 1) << 16) | slot.offset);
      });
      expect(r0).toBe(want);
    }),
  );
});

test('a frame of an outer activation is checked when control comes back to it', () => {
  const { program } = generate(TREE);
  let calls = 0;
  const { r0 } = run(program, (frames) => {
    if (calls++ === 0) frames[0]!.bytes[512 - 120]! ^= 1;
  });
  expect(r0).toBe(BigInt((1 << 16) | 120));
});

test('tags differ between slots, subprogs and programs', () => {
  const tree = 'main 512\n  a 512\n    b 512\n';
  const stores = [0, 1, 2].flatMap((each) =>
    [...generate(tree, each).text.matchAll(/\) = (\w+)/g)].map(([, tag]) => tag),
  );
  expect(stores).toHaveLength(3 * 3 * 64);
  expect(new Set(stores).size).toBe(stores.length);
});

test('every line of the assembly names the line of the tree it was made for', () => {
  const { text, lines } = generate(TREE);
  const made = text.split('\n');
  const lineOf = (part: string): number => lines[made.findIndex((each) => each.includes(part))]!.line;
  expect(['main:', 'first:', 'call bpf_throw', 'second.failed:'].map(lineOf)).toEqual([1, 2, 6, 4]);
  expect(lines).toHaveLength(made.length - 1);
});

test('bpf_throw is given a cookie', () => {
  expect(generate('main 0\n  bpf_throw\n').text).toContain('  r1 = 0\n  call bpf_throw\n');
});
