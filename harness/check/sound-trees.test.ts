import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judge, lowered, shown, tree } from './testing';

/** Own depths around the thresholds, helpers between the calls; a chain has at most 8 frames and 512 bytes in all. */
interface Node {
  readonly depth: number;
  readonly calls: readonly (Node | string)[];
}

const depth = fc.oneof(fc.constantFrom(0, 8, 48, 49, 56, 57, 64, 120, 128), fc.integer({ min: 0, max: 512 }));
const helper = fc.constantFrom('bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_get_smp_processor_id');

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    depth,
    calls: fc.array(fc.oneof({ maxDepth: 7, depthSize: 'large' }, helper, tie('node')), { maxLength: 3 }),
  }),
}));

const UNITS = 16;

/** Cuts what would go over 512 bytes or 8 frames, so that it holds with all frames on the kernel stack, too. */
function trimmed({ depth, calls }: Node, left = 512, frames = 8): Node {
  const own = Math.min(depth, left);
  const rest = left - Math.ceil(own / UNITS) * UNITS;
  const kept = calls.filter((call) => typeof call === 'string' || frames > 1);
  return { depth: own, calls: kept.map((call) => (typeof call === 'string' ? call : trimmed(call, rest, frames - 1))) };
}

function text(root: Node): string {
  let count = 0;
  const lines = (node: Node, indent: string): string[] => [
    `${indent}f${count++} ${node.depth}`,
    ...node.calls.flatMap((call) => (typeof call === 'string' ? [`${indent}  ${call}`] : lines(call, `${indent}  `))),
  ];
  return lines(root, '').join('\n');
}

/** Whether some private frame (49 bytes and more) makes any call, of a tree without callbacks: each one destroys r9. */
function loses({ depth, calls }: Node): boolean {
  return (depth >= 49 && calls.some(destroysR9)) || calls.some((call) => typeof call !== 'string' && loses(call));
}

/** What a call leaves in r9 is not what was there, unless nothing below it writes r9. */
const destroysR9 = (call: Node | string): boolean =>
  typeof call === 'string' || call.depth >= 49 || call.calls.some(destroysR9);

const RUNS = { numRuns: 30, seed: 20 } as const;

describe('call trees', () => {
  test('hold under every sound policy, on both CPUs', () => {
    fc.assert(
      fc.property(node, fc.integer({ min: 1, max: 1000 }), (root, seed) => {
        const [spec] = lowered(tree(text(trimmed(root)), `seed: ${seed}\nexpect: { retval: 0 }`));
        for (const policy of ['kernel-stack', 'linux-6.18', 'subtree']) {
          for (const cpu of [0, 1]) {
            const { verdict, asDeclared, framePointers, findings } = judge(spec!, policy, { cpu });
            expect({ policy, verdict, asDeclared, found: shown({ findings }) }).toEqual({
              policy,
              verdict: 'holds',
              asDeclared: true,
              found: [],
            });
            for (const { expected, seen } of framePointers) expect(seen).toBe(expected);
          }
        }
      }),
      RUNS,
    );
  });

  test('fail under `unsaved` exactly where a private frame is used after a call that destroyed r9', () => {
    let lost = 0;
    fc.assert(
      fc.property(node, (root) => {
        const kept = trimmed(root);
        const report = judge(tree(text(kept)), 'unsaved');
        const expected = loses(kept);
        if (expected) lost += 1;
        expect(report.verdict).toBe(expected ? 'fails' : 'holds');
        if (expected) expect(report.findings[0]!.check).toBe('frame-address');
      }),
      RUNS,
    );
    expect(lost).toBeGreaterThan(5);
    expect(lost).toBeLessThan(RUNS.numRuns);
  });
});
