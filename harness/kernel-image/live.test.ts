import { describe, expect, test } from '@jest/globals';
import { policyNamed } from '../../jit';
import { answerJit } from '../jit-requests';
import { differences } from './compare';
import { loadAndRead } from './load';
import { whyNot } from './parity';
import { privateFramePointer } from './private-frame';
import { slot } from './wire';

const hex = (address: bigint) => `0x${address.toString(16)}`;

const reason = whyNot();
const asked = reason === null ? describe : describe.skip;

/** A frame of `depth` bytes, in a program without a call: its code has no address but that of the return thunk. */
const frame = (depth: number) =>
  [slot(0x62, { dst: 10, off: -depth, imm: 1 }), slot(0xb7), slot(0x95)].map(({ hex }) => hex);

asked(`the running kernel${reason === null ? '' : ` (${reason})`}`, () => {
  test.each([8, 48, 56, 512])('makes of a frame of %i bytes what we make', (depth) => {
    const insns = frame(depth);
    const loaded = loadAndRead({ type: 'RAW_TRACEPOINT', insns });
    if (!loaded.ok) throw new Error(loaded.log);
    const { image, depths } = loaded;
    expect(depths).toEqual([depth]);
    const frames = image.functions.map(privateFramePointer);
    expect(frames[0] !== null).toBe(depth > 48);
    const given = { ksyms: image.ksyms.map(hex), priv_frame_ptrs: frames.map((at) => at && hex(at)) };
    const request = { prog_type: 'RAW_TRACEPOINT', insns, ...given };
    const { funcs, relocs } = answerJit(request, policyNamed('linux-6.18')!);
    const analysis = [{ stackDepth: depth, isPrivate: depth > 48 }];
    expect(differences({ funcs, relocs, analysis }, image, depths, [])).toEqual([]);
  });

  test('refuses a program that is none, and says why', () => {
    const loaded = loadAndRead({ type: 'SOCKET_FILTER', insns: [slot(0xbf, { dst: 0, src: 9 }).hex, slot(0x95).hex] });
    expect(loaded).toMatchObject({ ok: false, log: expect.stringContaining('R9 !read_ok') });
  });
});
