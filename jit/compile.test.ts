import { describe, expect, test } from '@jest/globals';
import { pcsOf } from './bpf';
import { type CompileInput, compile } from './compile';
import type { JitFunction } from './image';
import { link } from './link';
import { policyNamed } from './policy';
import { type Capture, compileInput, placementOf, readCaptures } from './testing/captures';
import { eachInstruction } from './x86/testing/from-iced';
import { icedIntel } from './x86/testing/iced-text';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The instruction that covers an offset, as iced-x86 reads the bytes from their start. */
function instructionAt(bytes: Uint8Array, address: bigint, offset: number): string {
  let text = 'nothing';
  let at = 0;
  eachInstruction(bytes, address, (iced) => {
    if (at <= offset && offset < at + iced.length) {
      text = `+0x${at.toString(16)} ${icedIntel(iced)} (${hex(bytes.subarray(at, at + iced.length))})`;
    }
    at += iced.length;
  });
  return text;
}

/** The BPF instruction that the machine code at an offset belongs to. */
function pcAt({ addrs }: JitFunction, offset: number): string {
  if (offset < addrs[0]!) return 'prologue';
  const slot = addrs.findIndex((_, s) => s + 1 < addrs.length && offset < addrs[s + 1]!);
  return slot < 0 ? 'behind the end' : `pc ${slot}`;
}

/** Where our code first differs from the kernel's; nothing when it does not. */
function difference(capture: Capture, input: CompileInput = compileInput(capture)): string[] {
  const image = compile(input);
  const placement = placementOf(capture);
  return link(image, placement).flatMap((ours, index) => {
    const want = Uint8Array.from(Buffer.from(capture.want[index]!.bytes, 'hex'));
    const length = Math.max(ours.length, want.length);
    const offset = Array.from({ length }, (_, i) => i).find((i) => ours[i] !== want[i]);
    if (offset === undefined) return [];
    const at = placement.functions[index]!;
    return [
      `${capture.name} function ${index} +0x${offset.toString(16)}, ${pcAt(image.functions[index]!, offset)}:`,
      `  want ${instructionAt(want, at, offset)}`,
      `  got  ${instructionAt(ours, at, offset)}`,
    ];
  });
}

const captures = readCaptures();

describe('linux-6.18, linked where the kernel put it, is what Linux 6.18 emits: nothing is masked', () => {
  test('565 programs were captured', () => {
    expect(captures).toHaveLength(565);
    expect(new Set(captures.map(({ name }) => name)).size).toBe(565);
  });

  test.each(captures)('$name', (capture) => {
    expect(difference(capture)).toEqual([]);
  });
});

describe('a difference is found and explained', () => {
  const capture = captures.find(({ name }) => name.startsWith('tree/'))!;

  test('another policy', () => {
    const found = difference(capture, { ...compileInput(capture), policy: policyNamed('unsaved')! });
    expect(found.slice(0, 3).join('\n')).toMatch(
      /^tree\/\S+ function \d+ \+0x[0-9a-f]+, pc \d+:\n {2}want \+0x[0-9a-f]+ push r9 \(4151\)\n {2}got {2}\+0x[0-9a-f]+ call 0x/,
    );
  });

  test('another configuration', () => {
    const input = compileInput(capture);
    const found = difference(capture, { ...input, config: { ...input.config, returnThunk: false } });
    expect(found.join('\n')).toMatch(
      /want \+0x[0-9a-f]+ jmp 0xffffffff822701e0 \(e9[0-9a-f]{8}\)\n {2}got {2}\+0x[0-9a-f]+ ret \(c3\)/,
    );
  });

  test('one bit anywhere', () => {
    const { bytes } = capture.want[0]!;
    const wrong = `${bytes.slice(0, -1)}${bytes.endsWith('2') ? '3' : '2'}`;
    expect(difference({ ...capture, want: [{ bytes: wrong, relocs: [] }, ...capture.want.slice(1)] })).toHaveLength(3);
  });

  test('a byte too many', () => {
    const want = capture.want.map(({ bytes, relocs }, i) => ({ bytes: i === 0 ? `${bytes}cc` : bytes, relocs }));
    expect(difference({ ...capture, want })[1]).toMatch(/want .* int3 \(cc\)/);
  });
});

describe('an image', () => {
  const images = captures.map((capture) => ({ capture, image: compile(compileInput(capture)) }));

  test('is the same however often it is compiled', () => {
    for (const { capture, image } of images.slice(0, 60)) {
      const again = compile(compileInput(capture));
      expect(again.functions.map(({ bytes }) => hex(bytes))).toEqual(image.functions.map(({ bytes }) => hex(bytes)));
    }
  });

  test('has a listing whose rows stand one behind the other, and begin and end where its code does', () => {
    for (const { image } of images) {
      for (const fn of image.functions) {
        let at = 0;
        for (const { offset, size } of fn.listing()) {
          if (offset !== at) throw new Error(`${image.program} ${fn.name}: a gap at ${at}`);
          at += size;
        }
        expect(at).toBe(fn.bytes.length);
      }
    }
  });

  test('has the rows that iced-x86 reads in its bytes', () => {
    for (const { image } of images) {
      for (const fn of image.functions) {
        const sizes: number[] = [];
        eachInstruction(fn.bytes, 0n, (iced) => sizes.push(iced.length));
        expect([image.program, fn.listing().map(({ size }) => size)]).toEqual([image.program, sizes]);
      }
    }
  });

  test('tags each row with the BPF instruction that its address table puts there', () => {
    for (const { image } of images) {
      for (const fn of image.functions) {
        for (const { offset, insn } of fn.listing()) {
          const { pc, subprog } = insn.site;
          const [lo, hi] = pc < 0 ? [0, fn.addrs[0]!] : [fn.addrs[pc]!, fn.addrs[pc + 1]!];
          if (offset < lo || offset >= hi || subprog !== fn.index) {
            throw new Error(`${image.program} ${fn.name} +${offset}: tagged pc ${pc}, which is ${lo}..${hi}`);
          }
        }
        expect(fn.bodyOffset).toBe(fn.addrs[0]);
      }
    }
  });

  test('has no relocation outside its bytes, nor two that overlap', () => {
    for (const { image } of images) {
      for (const { bytes, relocations } of image.functions) {
        let end = 0;
        for (const { offset, size } of relocations.toSorted((a, b) => a.offset - b.offset)) {
          expect(offset).toBeGreaterThanOrEqual(end);
          end = offset + size;
        }
        expect(end).toBeLessThanOrEqual(bytes.length);
      }
    }
  });

  test('has an address for each slot of its BPF program', () => {
    for (const { capture, image } of images) {
      const { subprogs } = compileInput(capture);
      image.functions.forEach(({ addrs, bytes }, i) => {
        const { insns } = subprogs[i]!;
        expect(addrs).toHaveLength(pcsOf(insns)[insns.length]! + 1);
        expect(addrs[addrs.length - 1]).toBe(bytes.length);
      });
    }
  });
});

describe('code reworked on its way', () => {
  const source = compileInput(captures.find(({ name }) => name.startsWith('tree/'))!);
  const compiled = (rework: NonNullable<CompileInput['rework']>) => compile({ ...source, rework }).functions;
  const plain = compiled({});
  const sizes = (functions: readonly JitFunction[]) => functions.map(({ bytes }) => bytes.length);
  const isCall = (name: string) => name === 'call rel32';

  test('nothing is changed by handing on what comes', () => {
    const same = compiled({ stream: (items) => items, bytes: (bytes) => bytes, passes: {} });
    expect(same.map(({ bytes }) => hex(bytes))).toEqual(plain.map(({ bytes }) => hex(bytes)));
  });

  test('instructions that are left out are gone, from the listing as well', () => {
    const without = compiled({
      stream: (items) => items.filter((item) => item.kind !== 'insn' || !isCall(item.form.name)),
    });
    expect(
      without.flatMap((fn) => fn.relocations.filter(({ kind, size }) => kind === 'rel' && size === 4)),
    ).toHaveLength(plain.length);
    expect(without.flatMap((fn) => fn.listing()).some(({ insn }) => isCall(insn.form.name))).toBe(false);
  });

  test('an instruction with more bytes moves what follows, and what the linker fills in stays at its end', () => {
    const longer = compiled({
      bytes: (bytes, insn) => (insn.kind === 'insn' && isCall(insn.form.name) ? Uint8Array.of(0x90, ...bytes) : bytes),
    });
    longer.forEach((fn, i) => {
      const calls = plain[i]!.listing().filter(({ insn }) => isCall(insn.form.name)).length;
      expect(sizes(longer)[i]).toBe(sizes(plain)[i]! + calls);
      for (const { offset, size, insn } of fn.listing()) {
        if (!isCall(insn.form.name)) continue;
        expect([...fn.bytes.subarray(offset, offset + 2)]).toEqual([0x90, 0xe8]);
        expect(fn.relocations.some((each) => each.offset === offset + 2 && each.size === 4)).toBe(size === 6);
      }
    });
  });
});
