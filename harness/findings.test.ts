import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { printInsn } from '../jit';
import { runSpecs } from '.';
import type { CapturedProgram } from './capture/placed';
import { lowerLoaded } from './cases';
import { capturedOf } from './images';
import { CAPTURED, formatIssue, type LoweredSpec, loadFiles } from './spec';

const FOLDER = join(__dirname, '..', 'specs', 'findings');

const SPECS = loadFiles([FOLDER]).specs.flatMap((loaded): readonly LoweredSpec[] => {
  const lowered = lowerLoaded(loaded);
  if (!lowered.ok) throw new Error(lowered.issues.map(formatIssue).join('\n'));
  return lowered.value;
});

const IMAGES: ReadonlyMap<string, CapturedProgram> = new Map(
  SPECS.flatMap(({ programs }) =>
    programs.flatMap(({ name, image }): [string, CapturedProgram][] => {
      const captured = capturedOf(image);
      return captured ? [[name, captured]] : [];
    }),
  ),
);

describe('the findings', () => {
  it('are over captured images, each program of which is one of 6.18', () => {
    expect(new Set(SPECS.flatMap(({ programs }) => programs.map(({ name }) => name)))).toEqual(new Set(IMAGES.keys()));
    for (const { located } of IMAGES.values()) expect(located.machine.kernel).toMatch(/^6\.18\./);
  });

  // So that what our JIT shows under `linux-6.18` is worth as much.
  it.each([...IMAGES])('%s: our JIT makes the same bytes of the same instructions', (_, { image }) => {
    expect(image).not.toBeNull();
  });

  it('come out the same on images as on what our JIT makes under linux-6.18', async () => {
    const { report, issues } = await runSpecs([FOLDER], { policies: ['linux-6.18', CAPTURED] });
    expect(issues).toEqual([]);
    const verdicts = (policy: string) =>
      report.results
        .filter((each) => each.policy === policy)
        .map(
          ({ spec, scenario, verdict, findings }) => [`${spec} · ${scenario}`, [verdict, findings[0]?.check]] as const,
        );
    const images = new Map(verdicts(CAPTURED));
    const both = verdicts('linux-6.18').filter(([name]) => images.has(name));
    expect(both.length).toBeGreaterThan(25);
    expect(both).toEqual(both.map(([name]) => [name, images.get(name)]));
  });
});

describe('r0 after a compare and exchange of 32 bits', () => {
  const behind = (name: string) => {
    const texts = IMAGES.get(name)!.program.subprogs[0]!.insns.map((insn) => printInsn(insn));
    return texts[texts.findIndex((text) => text.includes('cmpxchg')) + 1];
  };

  it('is cut to 32 bits where it is read at once', () => {
    expect(behind('e_at_once')).toMatch(/^w0 = w0/);
  });

  it('is not, where another path to the reader was followed before', () => {
    expect(behind('e_seen')).toBe('*(u64 *)(r6 + 0) = r0');
  });
});
