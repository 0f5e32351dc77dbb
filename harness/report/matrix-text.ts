import pc from 'picocolors';
import { stackedTable } from './columns';
import { costLines } from './costs-text';
import { groupBy } from './group';
import { wrap } from './layout';
import type { ClaimRow, ClaimVerdict, Matrix } from './matrix-model';
import { visible } from './visible';
import { counted, outcome, placeText, pointText } from './words';

type Colors = ReturnType<typeof pc.createColors>;

export interface MatrixTextOptions {
  readonly color: boolean;
  /** Property, source and reasons, too. */
  readonly long?: boolean;
}

const CELLS = { holds: 'holds', fails: 'fails', 'not-applicable': '-' } as const;
const INDENT = 9;

const cell = ({ verdict, asDeclared }: ClaimVerdict): string => `${CELLS[verdict]}${asDeclared ? '' : '!'}`;

/** Claims by policies, for people: the table, what the claims say, what policies cost, what is not as declared. */
export function matrixText(matrix: Matrix, { color, long = false }: MatrixTextOptions): string {
  const colors = pc.createColors(color);
  const sections = [
    table(matrix, colors),
    matrix.claims.flatMap((claim) => statement(claim, long, colors)),
    costLines(matrix.costs),
    deviations(matrix, colors),
    [summary(matrix, colors)],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function table({ policies, claims }: Matrix, colors: Colors): string[] {
  const rows = claims.map(({ id, named }) => [id, ...named.map(cell)]);
  const lines = stackedTable(['claim', ...policies], rows, (padded, text, column) => {
    if (column === 0) return colors.bold(padded);
    if (text.endsWith('!')) return colors.bold(colors.red(padded));
    return text === 'holds' ? colors.green(padded) : text === 'fails' ? colors.red(padded) : colors.dim(padded);
  });
  const deviating = rows.some((row) => row.some((text) => text.endsWith('!')));
  const legend = '- the claim is not about what the policy chooses, or the verifier refuses the program under it';
  return [...lines, '', colors.dim(legend), ...(deviating ? [colors.dim('! another verdict is declared')] : [])];
}

const indented = (text: string): string[] => wrap(text, INDENT).map((line) => ' '.repeat(INDENT) + line);

function statement(claim: ClaimRow, long: boolean, colors: Colors): string[] {
  const [first = '', ...rest] = indented(claim.statement);
  const id = visible(claim.id);
  const own = claim.own.map((each) => `${each.policy} ${cell(each)}`).join(', ');
  return [
    `${colors.bold(id.padEnd(INDENT - 2))}  ${first.trimStart()}`,
    ...rest,
    ...(own === '' ? [] : indented(`written out there: ${own}`)),
    ...(long ? details(claim) : []),
  ];
}

function details({ property, source, named, own }: ClaimRow): string[] {
  const verdicts = [...named, ...own];
  const failing = verdicts.filter(({ finding }) => finding !== null);
  const unjudged = groupBy(
    verdicts.filter(({ reason }) => reason !== null),
    ({ reason }) => reason!,
  );
  return [
    ...indented(`property: ${property}`),
    ...indented(`source: ${source.message}: ${source.claim}`),
    ...failing.flatMap(({ policy, finding }) => {
      const { check, message, yaml, replay } = finding!;
      const at = yaml === null ? '' : ` (${placeText(yaml)})`;
      return [...indented(`${policy} fails: ${check}: ${message}${at}`), `${' '.repeat(INDENT)}  ${visible(replay)}`];
    }),
    ...unjudged.flatMap((same) => indented(`${same.map(({ policy }) => policy).join(', ')}: ${same[0]!.reason}`)),
    '',
  ];
}

function deviations({ deviating }: Matrix, colors: Colors): string[] {
  return deviating.flatMap((each) => {
    const point = pointText(each.point);
    const which = [each.spec, each.scenario, ...(point === '' ? [] : [point]), each.policy, `cpu ${each.cpu}`].join(
      ' · ',
    );
    const finding = each.findings[0];
    return [
      `${colors.bold(colors.red(`✗ ${visible(which)}`))}  ${visible(each.file)}`,
      ...wrap([outcome(each), ...(each.reason === null ? [] : [each.reason])].join(': '), 2).map((line) => `  ${line}`),
      ...(finding ? [`  ${visible(finding.message)}`, `  ${visible(finding.replay)}`] : []),
    ];
  });
}

function summary({ policies, claims, deviating }: Matrix, colors: Colors): string {
  const paint = deviating.length === 0 ? colors.green : colors.red;
  const what = `${counted(claims.length, 'claim')}, ${policies.length} named ${policies.length === 1 ? 'policy' : 'policies'}`;
  const kept =
    deviating.length === 0
      ? 'every verdict is the declared one'
      : `${counted(deviating.length, 'case')} not as declared`;
  return colors.bold(paint(`${what}: ${kept}`));
}
