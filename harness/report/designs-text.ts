import { alignRows, wrap } from './layout';
import type { DesignRow, Designs, PolicyCosts } from './matrix-model';
import { visible } from './visible';

const CALLS = ['subprog', 'helper', 'kfunc', 'throw'] as const;

const perCall = ({ call }: PolicyCosts): number => CALLS.reduce((sum, kind) => sum + call[kind].bytes, 0);
const perEntry = ({ prologue, epilogue }: PolicyCosts): number => prologue.added.bytes + epilogue.added.bytes;
const inTotal = ({ total }: PolicyCosts): number => total.added.bytes;

/** A way to say which of two designs is cheaper: what counts first, then what decides between equals. */
interface Ranking {
  readonly title: string;
  readonly by: readonly ((costs: PolicyCosts) => number)[];
}

const RANKINGS: readonly Ranking[] = [
  { title: 'cheapest per call', by: [perCall, perEntry, inTotal] },
  { title: 'cheapest in total', by: [inTotal, perCall, perEntry] },
];

/** The cheapest designs, all that are equal in everything that counts. */
export function cheapest(designs: readonly DesignRow[], by: Ranking['by']): DesignRow[] {
  const compare = (a: DesignRow, b: DesignRow): number =>
    by.map((cost) => cost(a.costs) - cost(b.costs)).find((difference) => difference !== 0) ?? 0;
  const [first, ...rest] = designs.toSorted(compare);
  return first ? [first, ...rest.filter((each) => compare(first, each) === 0)] : [];
}

const costText = (costs: PolicyCosts): string => {
  const calls = CALLS.map((kind) => `${kind} ${costs.call[kind].bytes}`).join(', ');
  return `bytes a call: ${calls}; prologue and epilogue ${perEntry(costs)}; in total ${inTotal(costs)}`;
};

function ranked(sound: readonly DesignRow[]): string[] {
  return RANKINGS.flatMap(({ title, by }) => {
    const [first, ...rest] = cheapest(sound, by);
    if (!first) return [];
    const equals = rest.map(({ name }) => `  as cheap: ${name}`);
    return [`${title}: ${first.name}`, ...wrap(costText(first.costs), 2).map((line) => `  ${line}`), ...equals];
  });
}

/** Which designs are sound, which of them is the cheapest, and what breaks the others. */
export function designsText(
  { claims, hopeless, designs }: Designs,
  { long = false }: { readonly long?: boolean } = {},
): string {
  const sound = designs.filter(({ broken }) => broken === null);
  const isPrivate = sound.filter((each) => each.isPrivate);
  const broken = claims
    .map((claim) => ({ claim, by: designs.filter((each) => each.broken?.claim === claim.id) }))
    .filter(({ by }) => by.length > 0);
  const counts = broken.map(({ claim, by }) => [visible(claim.id), String(by.length), visible(claim.statement)]);
  const sections = [
    [
      `${designs.length} designs: block x compute x preserve x boundary x callback, may_goto by a pointer`,
      `${sound.length} sound, ${isPrivate.length} of them with a private stack; ${designs.length - sound.length} broken`,
    ],
    ranked(isPrivate),
    hopeless.length === 0
      ? []
      : [
          `no design with a private stack survives, and so none is counted as broken by: ${hopeless.map(visible).join(', ')}`,
        ],
    counts.length === 0 ? [] : ['broken first by, how many', ...alignRows(counts).map((line) => `  ${line}`)],
    ...(long ? [list('sound', sound), ...broken.map(({ claim, by }) => list(`broken by ${claim.id}`, by))] : []),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

const list = (title: string, designs: readonly DesignRow[]): string[] =>
  designs.length === 0
    ? []
    : [
        `${title}:`,
        ...designs.map(({ name, broken }) => {
          const how = broken ? `  ${broken.finding.check}, ${visible(broken.scenario)}` : '';
          return `  ${name}${how}`;
        }),
      ];
