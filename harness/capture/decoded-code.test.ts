import { describe, expect, it } from '@jest/globals';
import { compile } from '../../jit';
import { compileInput, readCaptures } from '../../jit/testing/captures';
import { type CodeRow, compiledCode } from '../run/code';
import { DecodedFunction } from './decoded-code';
import { linesOf } from './testing/with-lines';

const shown = ({ offset, size, pc, role, base, pushes, adjusts }: CodeRow): string =>
  `+${offset} ${size} pc ${pc} ${role} ${base} ${pushes} ${adjusts}`;

describe('a decoded image', () => {
  it('says of each instruction of the captures what our listing says of it', () => {
    const wrong: string[] = [];
    let rows = 0;
    for (const capture of readCaptures()) {
      const input = compileInput(capture);
      const lines = linesOf(capture);
      compiledCode(compile(input)).forEach((ours, f) => {
        const bytes = Uint8Array.from(Buffer.from(capture.want[f]!.bytes, 'hex'));
        const address = BigInt(capture.request.ksyms[f]!);
        const { insns } = input.subprogs[f]!;
        const decoded = new DecodedFunction({ name: ours.name, bytes, address, insns, lines: lines[f] });
        const facts = ({ landing, frame, exceptionTable }: typeof ours) =>
          JSON.stringify([landing, frame.register, frame.isPrivate, exceptionTable]);
        const want = [...ours.rows().map(shown), facts(ours)];
        const got = [...decoded.rows().map(shown), facts(decoded)];
        rows += want.length - 1;
        want.forEach((each, i) => {
          if (each !== got[i]) wrong.push(`${capture.name} ${ours.name}: ${each}, decoded ${got[i]}`);
        });
      });
    }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(rows).toBeGreaterThan(97_000);
  });

  it('has no BPF instructions without a line map, but its prologue', () => {
    const capture = readCaptures().find(({ name }) => name === 'alu/AND-values')!;
    const bytes = Uint8Array.from(Buffer.from(capture.want[0]!.bytes, 'hex'));
    const { insns } = compileInput(capture).subprogs[0]!;
    const decoded = new DecodedFunction({ name: 'main', bytes, address: 0xffffffffc0026be0n, insns, lines: undefined });
    expect(new Set(decoded.rows().map(({ pc }) => pc))).toEqual(new Set([-1]));
    expect(decoded.prologue.end).toBe(13);
  });
});
