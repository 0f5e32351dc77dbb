import { type CallKind, choicesOf, GPR_NAMES, type PolicyChoices, type StackPolicy } from '../jit';
import type { NamedProgram } from './build';
import type { Premise } from './spec';

/** One part of a premise: why the choices of a policy do not meet it, or null. */
type Part = (premise: Premise, choices: PolicyChoices) => string | null;

const words = (values: readonly string[]): string => values.map((value) => `\`${value}\``).join(' or ');

/** The value that a policy must have of one choice. */
const choice =
  (key: 'block' | 'compute' | 'preserve' | 'boundary' | 'callback'): Part =>
  ({ [key]: wanted }, { [key]: chosen }) => {
    const value = typeof chosen === 'string' ? chosen : chosen.kind;
    if (!wanted || wanted.includes(value)) return null;
    return `its ${key} is \`${value}\`, the claim is about ${words(wanted)}`;
  };

/** The calls that it must push and pop around, or must not. */
const calls =
  (key: 'wraps' | 'leaves', says: string): Part =>
  ({ [key]: wanted = [] }, { preserve: { calls: wrapped = [] } }) => {
    const wrong = wanted.find((kind) => wrapped.includes(kind as CallKind) !== (key === 'wraps'));
    return wrong === undefined ? null : `${says} \`${wrong}\` calls`;
  };

const PARTS: readonly Part[] = [
  ...(['block', 'compute', 'preserve', 'boundary', 'callback'] as const).map(choice),
  calls('wraps', 'it does not wrap'),
  calls('leaves', 'it wraps'),
];

/** Why a claim is not about a policy: the first part of the premise that its choices do not meet; null where it is. */
export function unmetPremise(premise: Premise, policy: StackPolicy): string | null {
  const choices = choicesOf(policy);
  for (const part of PARTS) {
    const reason = part(premise, choices);
    if (reason !== null) return reason;
  }
  return unmetRegister(premise, policy);
}

/** Where private frame pointers are: a consequence of the choices. */
function unmetRegister({ register: wanted }: Premise, { block, preserve }: StackPolicy): string | null {
  const register = GPR_NAMES[preserve.register]!;
  if (!wanted || (block !== 'none' && wanted.includes(register))) return null;
  const has = block === 'none' ? 'it has no private frame pointers' : `its private frame pointers are in ${register}`;
  return `${has}, the claim is about ${words(wanted)}`;
}

/** Why a claim is not about programs as they are analysed under a policy: a frame of the premise that is not private. */
export function unmetFrames({ private: wanted = [] }: Premise, verified: readonly NamedProgram[]): string | null {
  const plain = wanted.find(({ program, subprog }) => {
    const { program: body, analysis } = verified.find(({ name }) => name === program)!;
    return analysis.subprogs[body.subprogs.findIndex(({ name }) => name === subprog)]!.private === null;
  });
  return plain ? `${plain.program}.${plain.subprog} has no private frame, the claim is about one that has` : null;
}
