import type { LowerContext, Placed } from './context';
import type { DeclaredVerdict } from './expectation';
import type { Path } from './issues';
import { REGISTERS, type Register, type Verdict } from './names';
import { lowerPlace } from './place-check';
import type { LoweredPrograms } from './programs';
import type { PolicyExpectationSpec } from './schema-expect';
import type { Term } from './terms';

type Written = Pick<PolicyExpectationSpec, 'verdict' | 'fails' | 'first' | 'regs' | 'refused' | 'not_applicable'>;

/** Keys that stand for a verdict and say more about it. */
const SHORT_KEYS = { fails: 'fails', refused: 'refused', not_applicable: 'not-applicable' } as const satisfies Record<
  string,
  Verdict
>;
type ShortKey = keyof typeof SHORT_KEYS;

/** Keys that only belong to a verdict `fails`. */
const FAILURE_KEYS = ['first', 'regs'] as const;

/** The verdict that one level of expectations declares, undefined when it declares none. */
export function lowerVerdict(
  written: Written,
  path: Path,
  programs: LoweredPrograms,
  context: LowerContext,
): Placed<DeclaredVerdict> | undefined {
  const shorts = (Object.keys(SHORT_KEYS) as ShortKey[]).filter((key) => written[key] !== undefined);
  const short = shorts[0];
  if (shorts[1])
    context.reportKey([...path, shorts[1]], `\`${short}\` is declared already`, { expected: 'one verdict' });
  if (short && written.verdict && written.verdict !== SHORT_KEYS[short]) {
    context.reportKey([...path, short], `contradicts \`verdict: ${written.verdict}\``, { expected: 'one verdict' });
  }
  const kind = short ? SHORT_KEYS[short] : written.verdict;
  for (const key of FAILURE_KEYS) {
    if (written[key] === undefined || kind === 'fails') continue;
    context.reportKey([...path, key], `\`${key}\` describes a failure`, { expected: '`fails: <check>` beside it' });
  }
  if (kind === undefined) return undefined;
  const value = kind === 'fails' ? failure(written, path, programs, context) : verdictOf(kind, written);
  return { value, position: context.source.key([...path, short ?? 'verdict']) };
}

function verdictOf(kind: Exclude<Verdict, 'fails'>, written: Written): DeclaredVerdict {
  if (kind === 'holds') return { kind };
  const reason = kind === 'refused' ? written.refused : written.not_applicable;
  return { kind, ...(reason !== undefined && { reason }) };
}

function failure(written: Written, path: Path, programs: LoweredPrograms, context: LowerContext): DeclaredVerdict {
  const first =
    written.first === undefined ? undefined : lowerPlace(written.first, [...path, 'first'], programs, context);
  const regs = REGISTERS.flatMap((register): [Register, Placed<Term>][] => {
    const value = written.regs?.[register];
    const term = value === undefined ? undefined : context.term(value, [...path, 'regs', register], programs.names);
    return term ? [[register, term]] : [];
  });
  return {
    kind: 'fails',
    ...(written.fails !== undefined && { check: written.fails }),
    ...(first && { first }),
    regs: new Map(regs),
  };
}
