import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JumpKind, MAX_PASSES, PADDING_PASSES, type Settled, type SlotSizes, settle } from './passes';

/** A slot: its bytes without the jump, and the jump with the slot that it goes to. */
type Slot = readonly [fixed: number, jump?: Exclude<keyof typeof JumpKind, 'none'>, target?: number];

const PROLOGUE = 11;

function sizesOf(slots: readonly Slot[]): SlotSizes {
  return {
    prologue: PROLOGUE,
    slots: slots.length,
    fixed: Int32Array.from(slots, ([fixed]) => fixed),
    jump: Uint8Array.from(slots, ([, jump]) => JumpKind[jump ?? 'none']),
    target: Int32Array.from(slots, ([, , target]) => target ?? 0),
  };
}

const settled = (slots: readonly Slot[], extraPass = false): Settled => settle(sizesOf(slots), { extraPass });

/** What becomes of the jumps: bytes of each, padding in front as `+n`. */
function jumpsOf(slots: readonly Slot[], { jumpSize, padding }: Settled): string[] {
  return slots.flatMap(([, jump], s) => (jump ? [`${jumpSize[s]}${padding[s] ? `+${padding[s]}` : ''}`] : []));
}

describe('a forward jump is short up to 123 bytes', () => {
  test.each<[kind: 'conditional' | 'always', over: number, bytes: number]>([
    ['conditional', 0, 2],
    ['conditional', 123, 2],
    ['conditional', 124, 6],
    ['conditional', 127, 6],
    ['conditional', 5000, 6],
    ['always', 123, 2],
    ['always', 124, 5],
  ])('%s, over %d bytes: %d', (kind, over, bytes) => {
    const slots: Slot[] = [[3, kind, 2], [over], [1]];
    const { jumpSize, addrs } = settled(slots);
    expect(jumpSize[0]).toBe(bytes);
    expect([...addrs]).toEqual([0, 3 + bytes, 3 + bytes + over, 4 + bytes + over].map((at) => at + PROLOGUE));
  });
});

// The distance is judged by the long form, which is what stands there until the jump has become short.
describe('a backward jump is short where its long form would reach no further than -128', () => {
  test.each<[kind: 'conditional' | 'always', body: number, bytes: number]>([
    ['conditional', 0, 2],
    ['conditional', 122, 2],
    ['conditional', 123, 6],
    ['always', 123, 2],
    ['always', 124, 5],
  ])('%s, body of %d bytes: %d', (kind, body, bytes) => {
    expect(settled([[body], [0, kind, 0], [1]]).jumpSize[1]).toBe(bytes);
  });
});

describe('a jump to the next instruction', () => {
  test('disappears when it is `goto`', () => {
    expect(jumpsOf([[0, 'elidable', 1], [1]], settled([[0, 'elidable', 1], [1]]))).toEqual(['0']);
  });

  test.each(['conditional', 'always'] as const)('stays when it is %s', (kind) => {
    const slots: Slot[] = [[0, kind, 1], [1]];
    expect(jumpsOf(slots, settled(slots))).toEqual(['2']);
  });

  test('disappears when all that it jumps over does', () => {
    const slots: Slot[] = [[0, 'elidable', 2], [0, 'elidable', 2], [1]];
    expect(jumpsOf(slots, settled(slots))).toEqual(['0', '0']);
  });
});

describe('a jump to itself', () => {
  test.each(['always', 'elidable'] as const)('%s, wherever it stands', (kind) => {
    for (const before of [0, 1, 20, 200]) {
      const slots: Slot[] = [...Array<Slot>(before).fill([2]), [0, kind, before], [1]];
      expect(jumpsOf(slots, settled(slots))).toEqual(['2']);
    }
  });

  test('with a comparison in front of it, it goes back to that', () => {
    const slots: Slot[] = [[200], [3, 'conditional', 1], [1]];
    expect(jumpsOf(slots, settled(slots))).toEqual(['2']);
  });
});

/** Jumps of which each becomes short only when the next one has: it goes to behind it, over 121 bytes. */
function cascade(length: number, kind: 'conditional' | 'always' = 'conditional'): Slot[] {
  const slots: Slot[] = [];
  for (let i = 0; i < length; i++) slots.push([0, kind, 2 * i + 3], [121]);
  return [...slots, [0, kind, 2 * length + 1], [1]];
}

test('how far a short jump may go can be said', () => {
  const slots: Slot[] = [[3, 'conditional', 2], [127], [1]];
  expect(settle(sizesOf(slots), { extraPass: false, shortUpTo: 127 }).jumpSize[0]).toBe(2);
  expect(settle(sizesOf(slots), { extraPass: false, shortUpTo: 126 }).jumpSize[0]).toBe(6);
});

describe('a cascade', () => {
  // The first pass makes the last jump short, each pass after it one more; one sees that nothing changes, one writes.
  test.each([1, 2, 5, 12])('of %d jumps and the one that sets them off settles pass by pass', (length) => {
    const slots = cascade(length);
    const { passes } = settled(slots);
    expect(jumpsOf(slots, settled(slots))).toEqual(Array(length + 1).fill('2'));
    expect(passes).toBe(length + 3);
  });

  test('that reaches the padding passes ends in a jump that keeps its size: nops in front, and the rest stay long', () => {
    const slots = cascade(24);
    const jumps = jumpsOf(slots, settled(slots));
    const short = jumps.filter((jump) => jump === '2').length;
    expect(jumps).toEqual([...Array(25 - 1 - short).fill('6'), '2+4', ...Array(short).fill('2')]);
    expect(short).toBe(PADDING_PASSES);
    expect(settled(slots).passes).toBeLessThanOrEqual(MAX_PASSES);
  });

  test('of unconditional jumps is padded by 3', () => {
    const slots = cascade(24, 'always');
    const jumps = jumpsOf(slots, settled(slots));
    expect(jumps.filter((jump) => jump.includes('+'))).toEqual(['2+3']);
  });

  test('that does not reach them has no padding, with the extra pass or without', () => {
    const slots = cascade(9);
    expect(settled(slots, true).padding).toEqual(settled(slots).padding);
    expect([...settled(slots, true).padding]).toEqual(Array(slots.length).fill(0));
    expect(settled(slots, true).passes).toBe(settled(slots).passes + 1);
  });

  test('that does reach them is the same after the extra pass', () => {
    const slots = cascade(24);
    expect(jumpsOf(slots, settled(slots, true))).toEqual(jumpsOf(slots, settled(slots)));
  });
});

test('what does not settle is an error', () => {
  expect(() => settle(sizesOf(cascade(9)), { extraPass: false, maxPasses: 5 })).toThrow(
    new RangeError('the sizes of jumps do not settle in 5 passes'),
  );
});

// A backward jump looks further than it is while code in front of its target still shrinks, and becomes long again. Here one
// shrinks and one grows in the same pass: the length stays, but the places do not, and the kernel gives up, too.
test('a length that stays although jumps change is an error', () => {
  const slots: Slot[] = [[2, 'conditional', 0], [7, 'conditional', 3], [120, 'conditional', 2], [2]];
  expect(() => settled(slots)).toThrow(new RangeError('the sizes of jumps changed in the last pass'));
  expect(plainly(slots, false)).toBeNull();
});

/**
 * The loop once more, written after the description of the kernel's: for each pass a new list of where instructions end,
 * as many passes as it takes for the length to stay, one for the image, one more for several subprogs. Null when something
 * moves while the image is written.
 */
function plainly(slots: readonly Slot[], extraPass: boolean): { ends: number[]; jumps: string[] } | null {
  let ends = [...slots, null].map((_, i) => 64 * (i + 1));
  let jumps: string[] = [];
  const once = (pads: boolean): number => {
    const next = [PROLOGUE];
    jumps = [];
    for (const [s, [fixed, jump, target = 0]] of slots.entries()) {
      const start = next[s]!;
      const oldEnd = ends[s + 1]!;
      // What lies behind has its new place already, what lies ahead its old one.
      const to = target <= s ? next[target]! : ends[target]!;
      const away = jump !== 'conditional' && target === s ? -2 : to - oldEnd;
      let bytes = 0;
      let nops = 0;
      if (jump) {
        if (jump === 'elidable' && away === 0) bytes = 0;
        else if (away < -128 || away > 123) bytes = jump === 'conditional' ? 6 : 5;
        else bytes = 2;
        if (pads && bytes <= 2) nops = oldEnd - start - fixed - bytes;
        jumps.push(`${bytes}${nops ? `+${nops}` : ''}`);
      }
      next.push(start + fixed + nops + bytes);
    }
    ends = next;
    return next[next.length - 1]!;
  };
  let pass = 0;
  for (let last = -1; ; pass++) {
    const length = once(pass >= 15);
    if (length === last) break;
    last = length;
  }
  for (const pads of extraPass ? [pass + 1 >= 15, true] : [pass + 1 >= 15]) {
    const before = ends;
    once(pads);
    if (before.some((end, i) => end !== ends[i])) return null;
  }
  return { ends, jumps };
}

const kinds = ['conditional', 'always', 'elidable'] as const;

/** Subprogs with jumps all over, with many at the edge of what is short. Only a comparison stands before its jump. */
const anySlots: fc.Arbitrary<Slot[]> = fc.integer({ min: 1, max: 70 }).chain((count) =>
  fc
    .array(
      fc.record({
        fixed: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 100, max: 130 }), fc.constant(0)),
        jump: fc.option(fc.constantFrom(...kinds), { nil: undefined }),
        near: fc.integer({ min: -4, max: 4 }),
        any: fc.nat(count - 1),
        far: fc.boolean(),
      }),
      { minLength: count, maxLength: count },
    )
    .map((drafts) =>
      drafts.map(({ fixed, jump, near, any, far }, s): Slot => {
        const target = far ? any : Math.min(count - 1, Math.max(0, s + near));
        return jump ? [jump === 'conditional' ? fixed : 0, jump, target] : [fixed];
      }),
    ),
);

/** Cascades with something in their way. */
const anyCascade: fc.Arbitrary<Slot[]> = fc
  .record({
    length: fc.integer({ min: 10, max: 30 }),
    kind: fc.constantFrom('conditional' as const, 'always' as const),
    changes: fc.array(fc.tuple(fc.nat(60), fc.integer({ min: -3, max: 3 })), { maxLength: 4 }),
  })
  .map(({ length, kind, changes }) => {
    const slots = cascade(length, kind);
    for (const [at, by] of changes) {
      const [fixed, ...rest] = slots[at % slots.length]!;
      slots[at % slots.length] = [Math.max(0, fixed + by), ...rest] as Slot;
    }
    return slots;
  });

function check(slots: readonly Slot[], extraPass: boolean): void {
  const plain = plainly(slots, extraPass);
  if (plain === null) return;
  const result = settled(slots, extraPass);
  expect(jumpsOf(slots, result)).toEqual(plain.jumps);
  expect([...result.addrs]).toEqual(plain.ends);
  for (const [s, [, jump, target = 0]] of slots.entries()) {
    const distance = result.addrs[target]! - result.addrs[s + 1]!;
    if (!jump || result.jumpSize[s]! > 2) continue;
    if (result.jumpSize[s] === 0) expect(distance).toBe(0);
    else expect(Math.abs(distance + 0.5)).toBeLessThan(128);
  }
}

describe('against a plain version of the loop', () => {
  test('jumps all over', () => {
    fc.assert(fc.property(anySlots, fc.boolean(), check), { numRuns: 2000 });
  });

  test('cascades', () => {
    fc.assert(fc.property(anyCascade, fc.boolean(), check), { numRuns: 1000 });
  });
});
