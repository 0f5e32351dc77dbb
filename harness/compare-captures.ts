import { JitError, LinkError, pcsOf, printInsn } from '../jit';
import type { LocatedCapture } from './capture/capture';
import { DecodeError } from './capture/decode';
import { DecodedFunction } from './capture/decoded-code';
import { type Part, partsOf } from './capture/parts';
import { type CapturedProgram, placeCapture } from './capture/placed';
import { readCaptureFile } from './capture/read';
import { importCapture } from './import-captures';

/** A place at which two kernels emit different code. */
export interface EmissionDifference {
  readonly capture: string;
  readonly subprog: string;
  /** Slot; -1 in the prologue. */
  readonly pc: number;
  readonly role: string;
  /** The BPF instruction; null in the prologue. */
  readonly bpf: string | null;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Differences of the same kind: the same role, and the same code on both sides but for constants. */
export interface DifferenceGroup {
  readonly role: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly differences: readonly EmissionDifference[];
}

export interface VerdictDifference {
  readonly capture: string;
  readonly before: string;
  readonly after: string;
}

export interface Comparison {
  readonly kernels: readonly [string, string];
  /** Captures that both have. */
  readonly common: number;
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
  /** Captures for which the verifiers made different programs, and where they first differ. */
  readonly rewritten: readonly { readonly capture: string; readonly where: string }[];
  readonly groups: readonly DifferenceGroup[];
  readonly verdicts: readonly VerdictDifference[];
  readonly unreadable: readonly string[];
}

/** Instructions by a decoder on both sides: two printers would differ where two kernels do not. */
function decoded(captured: CapturedProgram): CapturedProgram {
  const { capture } = captured.located;
  const functions = captured.functions.map((fn, i) => {
    const image = capture.want[i];
    if (!image) return fn;
    const rows = fn.rows();
    const lines = pcsOf(captured.program.subprogs[i]!.insns)
      .slice(0, -1)
      .flatMap((pc): [number, number][] => {
        const first = pc === 0 ? 0 : rows.find((row) => row.pc === pc)?.offset;
        return first === undefined ? [] : [[pc, first]];
      });
    const known = captured.mapped ? lines : undefined;
    const { insns } = captured.program.subprogs[i]!;
    return new DecodedFunction({
      name: fn.name,
      bytes: captured.code[i]!,
      address: captured.addresses[i]!,
      insns,
      lines: known,
    });
  });
  return { ...captured, functions };
}

const bpfAt = ({ program }: CapturedProgram, subprog: string, pc: number): string | null => {
  const { insns } = program.subprogs.find(({ name }) => name === subprog)!;
  const insn = insns[pcsOf(insns).indexOf(pc)];
  const { subprogs, kfuncs, maps } = program;
  return pc < 0 || !insn ? null : printInsn(insn, { subprogs: subprogs.map(({ name }) => name), kfuncs, maps });
};

/** The instructions of both, as text; where they first differ. */
function rewrittenAt(a: CapturedProgram, b: CapturedProgram): string | null {
  const text = ({ program: { subprogs, kfuncs, maps } }: CapturedProgram) =>
    subprogs.flatMap(({ name, insns }) => {
      const pcs = pcsOf(insns);
      const context = { subprogs: subprogs.map((each) => each.name), kfuncs, maps };
      return insns.map((insn, i) => `${name} pc ${pcs[i]}: ${printInsn(insn, context)}`);
    });
  const [before, after] = [text(a), text(b)];
  const at = before.findIndex((line, i) => line !== after[i]);
  if (at < 0 && before.length === after.length) return null;
  const first = at < 0 ? before.length : at;
  return `${before[first] ?? 'the end'}, then ${after[first] ?? 'the end'}`;
}

const key = ({ subprog, pc, role }: Part, several: boolean): string =>
  `${subprog} ${pc} ${pc < 0 && several ? role : ''}`;

function differences(name: string, a: CapturedProgram, b: CapturedProgram): EmissionDifference[] {
  const after = new Map(partsOf(b).map((part) => [key(part, true), part]));
  const before = new Map(partsOf(a).map((part) => [key(part, true), part]));
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys.flatMap((each): EmissionDifference[] => {
    const [left, right] = [before.get(each), after.get(each)];
    if (left && right && left.lines.join('\n') === right.lines.join('\n')) return [];
    const { subprog, pc, role } = (left ?? right)!;
    const bpf = bpfAt(left ? a : b, subprog, pc);
    return [{ capture: name, subprog, pc, role, bpf, before: left?.lines ?? [], after: right?.lines ?? [] }];
  });
}

const withoutConstants = (lines: readonly string[]): string => lines.join('\n').replace(/0x[0-9a-f]+/g, 'N');

function grouped(all: readonly EmissionDifference[]): DifferenceGroup[] {
  const groups = new Map<string, EmissionDifference[]>();
  for (const each of all) {
    const id = JSON.stringify([each.role, withoutConstants(each.before), withoutConstants(each.after)]);
    groups.set(id, [...(groups.get(id) ?? []), each]);
  }
  return [...groups.values()]
    .map((list) => ({ role: list[0]!.role, before: list[0]!.before, after: list[0]!.after, differences: list }))
    .sort((x, y) => y.differences.length - x.differences.length);
}

/** A capture with the inputs of another one of the same program: what is compared is what was made of it. */
function withInputs(located: LocatedCapture, { exec }: LocatedCapture['capture']): LocatedCapture {
  return exec ? { ...located, capture: { ...located.capture, exec } } : located;
}

/** What a run of its image says of a capture, in a few words. */
function verdict(located: LocatedCapture, context: Uint8Array | undefined): string {
  const { problem, skipped, runs } = importCapture(located, context ? { context } : {});
  if (problem !== null) return problem;
  if (skipped !== null) return 'not run';
  const found = [...new Set(runs.flatMap(({ result }) => result.findings.slice(0, 1).map(({ check }) => check)))];
  const values = runs.map(({ result }) => result.retval).join(', ');
  return found.length > 0 ? `fails ${found.join(', ')}` : `holds, returns ${values}`;
}

/** Compares the captures of two kernels, or of two configurations of one, by name. */
export function compareCaptures(
  files: readonly [string, string],
  options: { readonly context?: Uint8Array } = {},
): { readonly comparison: Comparison | null; readonly problems: readonly string[] } {
  const [before, after] = [readCaptureFile(files[0]), readCaptureFile(files[1])];
  const problems = [...before.problems, ...after.problems];
  if (problems.length > 0) return { comparison: null, problems };
  const byName = new Map(after.captures.map((each) => [each.capture.name, each]));
  const names = new Set(before.captures.map(({ capture }) => capture.name));
  const rewritten: { capture: string; where: string }[] = [];
  const unreadable: string[] = [];
  const found: EmissionDifference[] = [];
  const verdicts: VerdictDifference[] = [];
  let common = 0;
  for (const left of before.captures) {
    const { name } = left.capture;
    const right = byName.get(name);
    if (!right) continue;
    common++;
    try {
      const [a, b] = [decoded(placeCapture(left)), decoded(placeCapture(right))];
      const where = rewrittenAt(a, b);
      if (where !== null) rewritten.push({ capture: name, where });
      else found.push(...differences(name, a, b));
    } catch (error) {
      if (![JitError, LinkError, DecodeError].some((kind) => error instanceof kind)) throw error;
      unreadable.push(`${name}: ${(error as Error).message}`);
      continue;
    }
    const inputs = left.capture.exec ? left.capture : right.capture;
    const [was, is] = [left, right].map((each) => verdict(withInputs(each, inputs), options.context)) as [
      string,
      string,
    ];
    if (was !== is) verdicts.push({ capture: name, before: was, after: is });
  }
  const kernel = (list: readonly LocatedCapture[]) =>
    [...new Set(list.map(({ machine }) => machine.kernel))].join(', ');
  const comparison: Comparison = {
    kernels: [kernel(before.captures), kernel(after.captures)],
    common,
    onlyBefore: [...names].filter((name) => !byName.has(name)),
    onlyAfter: [...byName.keys()].filter((name) => !names.has(name)),
    rewritten,
    groups: grouped(found),
    verdicts,
    unreadable,
  };
  return { comparison, problems: [] };
}

/** Whether two kernels did the same everywhere. */
export const sameEverywhere = ({ groups, verdicts, rewritten, unreadable }: Comparison): boolean =>
  [groups, verdicts, rewritten, unreadable].every(({ length }) => length === 0);

/** A comparison for people. */
export function comparisonLines(comparison: Comparison): string[] {
  const { kernels, common, onlyBefore, onlyAfter, rewritten, groups, verdicts, unreadable } = comparison;
  const lines: string[] = [];
  for (const { role, before, after, differences: all } of groups) {
    const [first] = all;
    const where = first!.pc < 0 ? 'prologue' : `pc ${first!.pc}`;
    const more = all.length > 1 ? `, and ${all.length - 1} more places` : '';
    lines.push(`${role}: ${first!.capture} ${first!.subprog} ${where}${more}`);
    if (first!.bpf !== null) lines.push(`    ${first!.bpf}`);
    lines.push(...before.map((line) => `  - ${line}`), ...after.map((line) => `  + ${line}`), '');
  }
  for (const { capture, where } of rewritten) lines.push(`${capture}: the verifiers made different programs: ${where}`);
  for (const { capture, before, after } of verdicts) lines.push(`${capture}: ${before}, then ${after}`);
  lines.push(...unreadable);
  const sites = groups.reduce((sum, group) => sum + group.differences.length, 0);
  lines.push(
    `${kernels[0]}, then ${kernels[1]}: ${common} captures in both, ${onlyBefore.length} only in the first, ${onlyAfter.length} only in the second`,
    `code differs in ${sites} places of ${groups.length} kinds; ${rewritten.length} programs were rewritten otherwise; ${verdicts.length} verdicts differ`,
  );
  return lines;
}
