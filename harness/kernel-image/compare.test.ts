import { describe, expect, test } from '@jest/globals';
import { readCaptures } from '../../jit/testing/captures';
import { differences, firstDifference, incomparable, masked, type OurImage } from './compare';
import { depthsOf } from './load';
import { privateFramePointer } from './private-frame';
import type { KernelImage } from './read-image';

const captures = readCaptures();
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

const kernelOf = ({ request, want }: (typeof captures)[number]): KernelImage => ({
  functions: want.map(({ bytes }) => bytesOf(bytes)),
  ksyms: request.ksyms.map(BigInt),
  xlated: new Uint8Array(0),
});
const oursOf = ({ request, want }: (typeof captures)[number]): OurImage => ({
  funcs: want.map(({ bytes }) => bytes),
  relocs: want.map(({ relocs }) => relocs),
  analysis: request.funcs.map((each) => ({ stackDepth: each.stack_depth, isPrivate: each.priv_frame_ptr !== null })),
});

test('a private frame is seen in the code, with its address', () => {
  for (const { request, want } of captures) {
    const seen = want.map(({ bytes }) => privateFramePointer(bytesOf(bytes)));
    expect(seen).toEqual(request.funcs.map(({ priv_frame_ptr: at }) => (at === null ? null : BigInt(at))));
  }
});

describe('masking', () => {
  const call = { off: 1, size: 4, kind: 'call', target: '0x1000' };
  const bytes = bytesOf('e8112233445a');

  test('overwrites a relocation and nothing else, not in place', () => {
    expect(masked(bytes, [call])).toEqual(bytesOf('e8000000005a'));
    expect(bytes[1]).toBe(0x11);
  });

  test('keeps addresses that both sides know', () => {
    expect(masked(bytes, [call], [0x1000n])).toEqual(bytes);
    expect(masked(bytes, [{ ...call, kind: 'percpu_priv_frame' }])).toEqual(bytes);
  });

  test('finds the first difference, a missing byte included', () => {
    expect(firstDifference(bytes, bytes)).toBe(-1);
    expect(firstDifference(bytes, bytes.subarray(0, 5))).toBe(5);
  });
});

describe('a difference is found', () => {
  const capture = captures.find(({ name, request }) => name.startsWith('tree/') && request.funcs[0]!.priv_frame_ptr)!;
  const kernel = kernelOf(capture);
  const ours = oursOf(capture);
  const depths = ours.analysis.map(({ stackDepth }) => stackDepth);
  const found = (changed: Partial<OurImage>, said = depths) => differences({ ...ours, ...changed }, kernel, said, []);

  test('none in the kernel against itself', () => {
    expect(found({})).toEqual([]);
  });

  test('in the number of functions, in a depth, in what is private', () => {
    expect(found({ funcs: ours.funcs.slice(1) })).toMatchObject([{ what: 'functions' }]);
    expect(found({}, [depths[0]! + 8, ...depths.slice(1)])).toMatchObject([{ fn: 0, what: 'depth' }]);
    const analysis = ours.analysis.map((each, i) => (i === 0 ? { ...each, isPrivate: false } : each));
    expect(found({ analysis })).toMatchObject([{ fn: 0, what: 'private', want: 'true', got: 'false' }]);
  });

  test('in a byte, with both instructions', () => {
    const funcs = [`0f1f440001${ours.funcs[0]!.slice(10)}`, ...ours.funcs.slice(1)];
    const [first] = found({ funcs });
    expect(first).toMatchObject({ fn: 0, what: 'bytes', offset: 4, want: expect.stringMatching(/^\+0x0 nop/) });
    expect(first!.got).toContain('(0f1f440001)');
  });
});

describe('what the verifier left out', () => {
  const opcodes = (...codes: number[]) => codes.map((code) => ({ code: code & 0xff, imm: code >> 8 }));
  const xlated = (...codes: number[]) =>
    Uint8Array.from(opcodes(...codes).flatMap(({ code, imm }) => [code, 0, 0, 0, imm, 0, 0, 0]));
  const why = (ours: readonly number[], theirs: readonly number[]) => incomparable(opcodes(...ours), xlated(...theirs));

  test('dead code', () => {
    expect(why([0xb7, 0x07, 0x95], [0xb7, 0x95])).toMatch(/removed 1 dead .* slot 1 /);
  });

  test('the extension of r0, also in front of a 32-bit move', () => {
    expect(why([0xc3, 0x1bc, 0xbc, 0x95], [0xc3, 0xbc, 0x95])).toMatch(/32-bit cmpxchg, slot 1 /);
  });

  test('is no reason when nothing is missing, or something else is there', () => {
    expect(why([0xb7, 0x95], [0xb7, 0x95])).toBeNull();
    expect(why([0xb7, 0x95], [0xbf, 0x95])).toBeNull();
    expect(why([0xb7, 0x95], [0xb7, 0x07, 0x95])).toBeNull();
    expect(why([0xc3, 0x95], [0xc3, 0x1bc, 0x95])).toBeNull();
  });
});

test('depths are read in the log of the verifier', () => {
  expect(depthsOf('verification time 5 usec\nstack depth 64+8+0 max 72\nprocessed 9 insns')).toEqual([64, 8, 0]);
  expect(depthsOf('')).toEqual([]);
});
