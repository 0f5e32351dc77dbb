import { stackedTable } from './columns';
import type { PolicyCosts, Size } from './matrix-model';

const signed = (value: number): string => (value > 0 ? `+${value}` : String(value));
const added = ({ bytes, insns }: Size): string =>
  bytes === 0 && insns === 0 ? '.' : `${signed(bytes)}/${signed(insns)}`;

/** The columns of the table: what stands over them, and what in them. */
const COLUMNS: readonly (readonly [heading: string, of: (costs: PolicyCosts) => string])[] = [
  ['policy', ({ policy }) => policy],
  ['prologue', ({ prologue }) => added(prologue.added)],
  ['epilogue', ({ epilogue }) => added(epilogue.added)],
  ['inner-prologue', ({ inner }) => added(inner.prologue.added)],
  ['inner-epilogue', ({ inner }) => added(inner.epilogue.added)],
  ['call-subprog', ({ call }) => added(call.subprog)],
  ['call-helper', ({ call }) => added(call.helper)],
  ['call-kfunc', ({ call }) => added(call.kfunc)],
  ['call-throw', ({ call }) => added(call.throw)],
  ['callback', ({ callback }) => added(callback.added)],
  ['access', ({ access }) => added(access)],
  ['total', ({ total }) => added(total.added)],
];

const LEGEND = [
  'machine code that there is more than under kernel-stack, bytes/instructions: of a main subprog, of an inner one that it',
  'calls, around calls, of an exception callback, and for each access through r10; in total, of a program with a throw',
  'and one call of each kind',
];

/** What policies cost, in bytes and instructions more than without private frames. */
export function costLines(costs: readonly PolicyCosts[]): string[] {
  if (costs.length === 0) return [];
  return [
    ...LEGEND,
    '',
    ...stackedTable(
      COLUMNS.map(([heading]) => heading),
      costs.map((each) => COLUMNS.map(([, of]) => of(each))),
    ),
  ];
}
