import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeInsns, encodeProgram, type Insn, isLdImm64, printInsn } from '../../jit';
import { program } from './testing';

/** What libbpf made of the same objects: an oracle. */
const CAPTURED: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(join(__dirname, 'testdata', 'libbpf.json'), 'utf8'),
);

const MAP_KINDS = [1, 2];
/** libbpf calls a helper that there is not where we have an instruction that does nothing. */
const POISON = /^call 19589\d+$/;

/** Instructions as text; maps by the order in which they first come, whatever their numbers. */
function lines(bytes: Uint8Array): string[] {
  const decoded = decodeInsns(bytes);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const maps: bigint[] = [];
  const shown = (insn: Insn): string => {
    if (!isLdImm64(insn) || !MAP_KINDS.includes(insn.src)) return printInsn(insn).replace(POISON, 'goto +0');
    const number = (insn.imm64 ?? 0n) & 0xffffffffn;
    if (!maps.includes(number)) maps.push(number);
    return `r${insn.dst} = map ${maps.indexOf(number)} + ${(insn.imm64 ?? 0n) >> 32n}`;
  };
  return decoded.insns.map(shown);
}

describe.each(Object.entries(CAPTURED))('%s', (object, programs) => {
  test.each(Object.entries(programs))('%s is linked and relocated as by libbpf', (name, hex) => {
    const ours = encodeProgram(program(object, name).program);
    expect(lines(ours)).toEqual(lines(Uint8Array.from(Buffer.from(hex, 'hex'))));
  });
});
