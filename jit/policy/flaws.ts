import type { PolicyChoices } from './policy';

type Choices = Omit<PolicyChoices, 'name' | 'mayGoto'>;

/** Something that is wrong with a combination of choices. */
export interface Flaw {
  /** `invalid`: it means nothing. `redundant`: the same comes of a simpler one, or a part of it is there for nobody. */
  readonly kind: 'invalid' | 'redundant';
  readonly reason: string;
  applies(choices: Choices): boolean;
}

/** Whether a caller has its frame pointer back after the call of a subprog, whatever that did. */
const restoredAfterSubprogs = ({ preserve: { kind, calls = [] } }: Choices): boolean =>
  kind === 'push-pop' ? calls.includes('subprog') : kind !== 'none';

const noStackSlot = new Set(['spill-slot', 'reload', 'callee-saved']);
const looksForFrames = new Set(['pop-if-own', 'pop-if-boundary', 'skip']);

/** Which combinations make no sense, and why. All others do. */
const FLAWS: readonly Flaw[] = [
  {
    kind: 'invalid',
    reason: '`block: none` has no private frame: there is nothing to compute, to preserve or to push',
    applies: ({ block, compute, preserve, boundary }) =>
      block === 'none' && (compute !== 'absolute' || preserve.kind !== 'none' || boundary !== 'none'),
  },
  {
    kind: 'invalid',
    reason: '`compute: absolute` needs `block: function`: in a call tree the place of a frame depends on its callers',
    applies: ({ block, compute }) => block === 'subtree' && compute === 'absolute',
  },
  {
    kind: 'invalid',
    reason: 'with `block: function` no frame pointer comes from a caller: only `compute: absolute` finds the frame',
    applies: ({ block, compute }) => block === 'function' && compute !== 'absolute',
  },
  {
    kind: 'invalid',
    reason:
      '`preserve: reload` needs `compute: absolute`: a frame pointer that came from the caller cannot be loaded again',
    applies: ({ compute, preserve }) => preserve.kind === 'reload' && compute !== 'absolute',
  },
  {
    kind: 'redundant',
    reason: 'without private frames the callback finds none to pop for',
    applies: ({ block, callback }) => block === 'none' && looksForFrames.has(callback),
  },
  {
    kind: 'redundant',
    reason: 'with `block: function` an exception callback is always on the kernel stack: `pop-if-own` never pops',
    applies: ({ block, callback }) => block === 'function' && callback === 'pop-if-own',
  },
  {
    kind: 'redundant',
    reason: 'the boundary pushes a word to make up for those that calls push, and calls push none',
    applies: ({ preserve, boundary }) => boundary === 'push-once' && noStackSlot.has(preserve.kind),
  },
  {
    kind: 'redundant',
    reason: 'callees subtract what callers restore anyhow',
    applies: (choices) => choices.compute === 'callee-add-sub' && restoredAfterSubprogs(choices),
  },
];

/** The first flaw of a combination; null where it makes sense. */
export const flawOf = (choices: Choices): Flaw | null => FLAWS.find((flaw) => flaw.applies(choices)) ?? null;
