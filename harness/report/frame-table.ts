import { groupBy, type SpecGroup } from './group';
import { alignRows } from './layout';
import type { CaseReport, FramePointerReport } from './model';

const MAX_SUBPROGS = 8;
const MAX_NAMED_SCENARIOS = 2;

/** The frame pointers of one policy, and the scenarios in which they are the same. */
interface Block {
  readonly policy: string;
  readonly scenarios: readonly string[];
  readonly frames: readonly FramePointerReport[];
}

interface Column {
  readonly title: string;
  cell(frame: FramePointerReport, block: Block): string;
  /** Whether the column tells the rows apart; without this it always stands. */
  needed?(blocks: readonly Block[]): boolean;
}

const NONE = '-';

const COLUMNS: readonly Column[] = [
  // A policy and its scenarios are named in the first row of their block only.
  { title: 'policy', cell: (frame, { policy, frames }) => (frame === frames[0] ? policy : '') },
  {
    title: 'scenario',
    cell: (frame, block) => (frame === block.frames[0] ? scenarioText(block) : ''),
    needed: (blocks) => groupBy(blocks, scenarioText).length > 1,
  },
  {
    title: 'cpu',
    cell: ({ cpu }) => String(cpu),
    needed: (blocks) =>
      groupBy(
        blocks.flatMap(({ frames }) => frames),
        ({ cpu }) => cpu,
      ).length > 1,
  },
  { title: 'subprog', cell: ({ subprog }) => subprog },
  {
    title: 'expected',
    cell: ({ term }) => term ?? NONE,
    needed: (blocks) => blocks.some(({ frames }) => frames.some(({ term }) => term !== null)),
  },
  { title: 'expected', cell: ({ expected }) => expected ?? NONE },
  { title: 'seen', cell: ({ seen }) => seen ?? NONE },
  { title: 'into block', cell: ({ offset }) => String(offset ?? NONE) },
];

/** What the table is made of: cases that hold, as declared, in a spec that declares frame pointers and can be read. */
function shownCases({ cases, points }: SpecGroup, verbose: boolean): readonly CaseReport[] {
  const subprogs = new Set(cases.flatMap(({ framePointers }) => framePointers.map(({ subprog }) => subprog)));
  if (!verbose && (points > 1 || subprogs.size > MAX_SUBPROGS)) return [];
  const declares = cases.some(({ framePointers }) => framePointers.some(({ declared }) => declared));
  if (!verbose && !declares) return [];
  return cases.filter(
    ({ asDeclared, verdict, framePointers }) => asDeclared && verdict === 'holds' && framePointers[0],
  );
}

function scenarioText({ scenarios }: Block): string {
  return scenarios.length <= MAX_NAMED_SCENARIOS ? scenarios.join(', ') : `${scenarios.length} scenarios`;
}

/** Scenarios and CPUs usually change nothing: what is equal is shown once. */
function blocksOf(cases: readonly CaseReport[]): Block[] {
  return groupBy(cases, ({ policy, framePointers }) => [policy, framePointers]).map((same) => ({
    policy: same[0]!.policy,
    scenarios: [...new Set(same.map(({ scenario }) => scenario))],
    frames: same[0]!.framePointers,
  }));
}

/** A table of the frame pointers that were expected and seen; no line where a spec has none to show. */
export function frameTable(
  group: SpecGroup,
  verbose: boolean,
  paint: (cell: string, isHeader: boolean) => string,
): string[] {
  // Blocks of a policy stand together, whatever the order of the run.
  const blocks = groupBy(blocksOf(shownCases(group, verbose)), ({ policy }) => policy).flat();
  if (blocks.length === 0) return [];
  const columns = COLUMNS.filter(({ needed }) => needed?.(blocks) ?? true);
  const rows = blocks.flatMap((block) => block.frames.map((frame) => columns.map(({ cell }) => cell(frame, block))));
  const titles = columns.map(({ title }, index) => (title === columns[index - 1]?.title ? '' : title));
  return alignRows([titles, ...rows], (cell, row) => paint(cell, row === 0));
}
