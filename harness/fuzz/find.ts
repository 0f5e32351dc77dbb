import type { Examiner } from './examine';
import { shortHash } from './hash';
import type { FuzzInput } from './input';
import { type Answer, askKernel } from './kernel';
import type { FuzzProgram } from './program';
import { shrink } from './shrink';
import type { Case } from './shrink-tree';

/** What a campaign has found, as a line of its results. */
export interface Find {
  /** Place of the case in the campaign, what names it apart from that, and the input at which it showed. */
  readonly index: number;
  readonly path: string;
  readonly input: number;
  readonly policy: string;
  /** Check that fails, the first one; `crash` for one that ends the process, `unexplained` where no check sees anything. */
  readonly check: string;
  /** What the cheap look saw. */
  readonly seen: string;
  readonly message: string;
  /** Of the machine instruction that it shows at. */
  readonly site: string | null;
  /** Finds with the same key are the same find. */
  readonly key: string;
  readonly known: string | null;
  /** What the real verifier says of the program. */
  readonly kernel: string;
  readonly insns: number;
  /** The minimal spec. */
  readonly spec: string;
  /** How many of three runs in fresh engines showed it again. */
  readonly again: number;
}

type Finding = ReturnType<Examiner['full']>['findings'][number];

export interface Wanted {
  readonly index: number;
  /** Default: that of a case of the seed. */
  readonly path?: string;
  readonly input: number;
  readonly seen: string;
  /** Milliseconds for each half of shrinking, which is over much earlier unless the machine is very busy. */
  readonly time: number;
  /** Whether the running kernel's verifier is asked. */
  readonly ask: boolean;
}

/** A sentence without what differs between equals: numbers, names of helpers and subprogs. */
const shapeOf = (text: string): string =>
  text
    .replace(/\bbpf_(?!throw|loop)\w+/g, 'helper')
    .replace(/\b(sub|callback|catch)\d+/g, '$1')
    .replace(/[+-]?(0x[0-9a-f]+|\b\d+\b)/g, '#');

/** A machine instruction without what differs between equals: `mov [#], r`. */
const siteOf = (machine: string | null): string | null =>
  machine
    ?.replace(/\b(byte|word|dword|qword) ptr /g, '')
    .replace(/\b(r\d+[bwd]?|[re]?[a-d]x|[re]?[sd]i|[a-ds]i?l|[a-d]h)\b/g, 'r')
    .replace(/[+-]?0x[0-9a-f]+|\b\d+\b/g, '#') ?? null;

/** The same for finds that are the same: of a value that was lost, who lost it, not where that shows. */
function keyOf(check: string, site: string | null, finding: Finding | undefined): string {
  const { culprit, message } = finding ?? {};
  if (culprit) return `${check} | ${shapeOf(culprit).replace(/\bat (main|sub|catch)\b/g, 'at a subprog')}`;
  return `${check} | ${site ?? '-'} | ${shapeOf(message ?? '-')}`;
}

/** No two finds have the same name: specs that are loaded together must not. */
const nameOf = ({ policy }: Examiner, what: string, key: string): string =>
  `found by fuzzing: ${what} under ${policy.name} (${shortHash(key)})`;

const kernelText = (answer: Answer): string => ('reason' in answer ? `${answer.kind}: ${answer.reason}` : answer.kind);

const NOT_ASKED: Answer = { kind: 'not tried', reason: 'nobody asked for it (`--ask-kernel`)' };

const FRESH = 3;
/** Smaller cases that the cheap look, and every check, are asked about. */
const QUICK = 6000;
const STRICT = 500;

/** Looks at an anomaly with every check, shrinks it, runs it again in fresh engines, and writes it down. */
export function explain(
  examiner: Examiner,
  program: FuzzProgram,
  input: FuzzInput,
  { index, path = String(index), input: nth, seen, time, ask }: Wanted,
): Find {
  const start = { program, input };
  const first = examiner.prepare(start)!;
  const check = examiner.full(first, start).findings[0]?.check;
  examiner.fast(first, start);
  const known = examiner.known(first);
  const quick = (smaller: Case): boolean => {
    const prepared = examiner.prepare(smaller);
    return prepared !== null && examiner.fast(prepared, smaller)?.what === seen && examiner.known(prepared) === known;
  };
  const strict = (smaller: Case): boolean => {
    const prepared = examiner.prepare(smaller);
    if (!prepared) return false;
    const anomaly = examiner.fast(prepared, smaller);
    if (examiner.known(prepared) !== known) return false;
    if (check === undefined) return anomaly?.what === seen;
    return examiner.full(prepared, smaller).findings[0]?.check === check;
  };
  const isQuiet = seen === FULL_ONLY || seen === AROUND;
  // The cheap look is enough for most of the way, unless it leads to another find.
  const half = isQuiet ? start : shrink(start, { time, attempts: QUICK, same: quick });
  const small = shrink(strict(half) ? half : start, { time, attempts: STRICT, same: strict });
  const prepared = examiner.prepare(small)!;
  const report = examiner.full(prepared, small);
  const finding = report.findings[0];
  let again = 0;
  for (let i = 0; i < FRESH; i++) {
    examiner.close();
    const shown =
      check === undefined ? examiner.fast(prepared, small)?.what : examiner.full(prepared, small).findings[0]?.check;
    if (shown === (check ?? seen)) again++;
  }
  const site = siteOf(finding?.machine ?? null);
  const key = keyOf(check ?? `unexplained ${seen}`, site, finding);
  const name = nameOf(examiner, check ?? seen, key);
  const kernel = kernelText(ask ? askKernel(prepared.fuzz, prepared.program) : NOT_ASKED);
  const culprit = finding?.culprit ?? null;
  const description = `Under ${examiner.policy.name}: ${finding?.message ?? seen}.${culprit === null ? '' : ` ${culprit}.`} The running kernel's verifier: ${kernel}.`;
  return {
    index,
    path,
    input: nth,
    policy: examiner.policy.name,
    check: check ?? 'unexplained',
    seen,
    message: finding?.message ?? seen,
    site,
    key,
    known: known?.id ?? null,
    kernel,
    insns: prepared.program.subprogs.reduce((sum, { insns }) => sum + insns.length, 0),
    spec: examiner.text(prepared, small, { name, description }),
    again,
  };
}

/**
 * A case as it is: one that ends the process that looks at it, which cannot be made smaller by running it, or one of which the
 * running kernel makes other bytes.
 */
export function plainFind(
  examiner: Examiner,
  program: FuzzProgram,
  input: FuzzInput,
  { index, path = String(index), input: nth, seen }: Wanted,
): Find {
  const prepared = examiner.prepare({ program })!;
  const policy = examiner.policy.name;
  const message =
    seen === BYTES
      ? 'the running kernel makes other bytes of the program'
      : 'the emulator ends the process that runs it';
  const key = `${seen} ${path}`;
  const words = { name: nameOf(examiner, seen, key), description: `Under ${policy}: ${message}.` };
  return {
    index,
    path,
    input: nth,
    policy,
    check: seen === BYTES ? 'bytes' : 'crash',
    seen,
    message,
    site: null,
    key,
    known: null,
    kernel: kernelText(seen === BYTES ? { kind: 'loaded', bytes: 'different' } : NOT_ASKED),
    insns: prepared.program.subprogs.reduce((sum, { insns }) => sum + insns.length, 0),
    spec: examiner.text(prepared, { input }, words),
    again: 0,
  };
}

/** What is seen where the running kernel's JIT and ours differ. */
export const BYTES = 'bytes';
/** What is seen where only the checks see something. */
export const FULL_ONLY = 'checks';
/** The same, with something else going on around the run. */
export const AROUND = 'checks, not alone';
