import { BPF_CALL, BPF_JMP, Gpr, type GprName, pcsOf } from '../jit';
import { type CheckInput, type Finding, hex } from './check';
import { EventKind } from './machine/trace';
import { calleeName, placeName, writtenPc } from './run/names';
import { type DeclaredVerdict, evaluate, type Place } from './spec';

/** Whether a finding is at a place that a spec names. */
function atPlace({ run, activationOf }: CheckInput, finding: Finding, place: Place): boolean {
  const at = finding.place;
  if (!at) return false;
  const program = run.world.programs[at.program]!;
  if (program.name !== place.subprog.program || at.fn.name !== place.subprog.subprog) return false;
  if (place.kind === 'subprog') return true;
  if (place.kind === 'pc') return writtenPc(program, at) === place.pc;
  // The call that this activation made last before the finding.
  const { insns } = program.program.subprogs[at.subprog]!;
  const pcs = pcsOf(insns);
  const calls = insns.flatMap((insn, i) =>
    insn.code === (BPF_JMP | BPF_CALL) && calleeName(program.program, insn) === place.callee ? [pcs[i]!] : [],
  );
  const wanted = place.nth === undefined ? calls : calls.slice(place.nth - 1, place.nth);
  const { trace, world } = run;
  const activation = activationOf[Math.min(finding.event, trace.count - 1)];
  // Not at the finding's own instruction: a call is not behind itself.
  for (let i = Math.min(finding.event, trace.count) - 1; i >= 0; i--) {
    if (trace.kind(i) !== EventKind.INSN || activationOf[i] !== activation) continue;
    const here = world.code.at(trace.rip(i));
    if (here?.row.role === 'call') return wanted.includes(here.pc);
  }
  return false;
}

/** Checks that judge what a caller gets back: their values are those at the return. */
const AT_RETURN: ReadonlySet<string> = new Set(['exception', 'callee-saved']);

/** A register as a finding shows it: at its event, or at the end of the run. */
function registerAt({ run: { trace, after } }: CheckInput, { check, event }: Finding, register: number) {
  if (AT_RETURN.has(check)) return after[register];
  for (let i = event; i < trace.count && i >= 0; i--) if (trace.hasRegisters(i)) return trace.reg(i, register);
  return after[register];
}

/** What was found, against what was declared. */
export interface Comparison {
  readonly asDeclared: boolean;
  /** What the verdicts' names leave out: another check, place or register than the declared one. */
  readonly reason: string | null;
}

const AS_DECLARED: Comparison = { asDeclared: true, reason: null };
const differs = (reason: string | null): Comparison => ({ asDeclared: false, reason });

/** Compares the findings of a case, first one first, each with the run that it is of, with the declared verdict. */
export function compare(
  declared: DeclaredVerdict,
  findings: readonly { readonly finding: Finding; readonly input: CheckInput }[],
): Comparison {
  const first = findings[0];
  if (declared.kind !== 'fails') return declared.kind === (first ? 'fails' : 'holds') ? AS_DECLARED : differs(null);
  if (!first) return differs(null);
  const { finding, input } = first;
  if (declared.check !== undefined && finding.check !== declared.check) {
    return differs(`the first finding is of ${finding.check}, ${declared.check} is declared`);
  }
  if (declared.first && !atPlace(input, finding, declared.first.value)) {
    const at = finding.place ? placeName(input.run.world, finding.place) : 'at the end';
    return differs(`the first finding is at ${at}, another place is declared`);
  }
  for (const [register, term] of declared.regs) {
    const want = evaluate(term.value, input.environment);
    const got = registerAt(input, finding, Gpr[register as GprName]);
    if (want === undefined || got !== want) {
      return differs(`${register} is ${got === undefined ? 'unknown' : hex(got)}, not ${term.value.text}`);
    }
  }
  return AS_DECLARED;
}
