import type { SubprogRef } from './subprogs';
import type { Atom, Term } from './terms';

/** Where the values of a run come from. Undefined: there is no such value (yet, or under this policy). */
export interface TermEnvironment {
  /** Start of the private block of the program's root, on the CPU that is being judged. */
  privateStackPtr(): bigint | undefined;
  /** Start of the subprog's private block; without a CPU, the one that is being judged. */
  block(subprog: SubprogRef, cpu?: number): bigint | undefined;
  /** The right frame pointer of the subprog. */
  framePointer(subprog: SubprogRef, cpu?: number): bigint | undefined;
  /** rbp of the latest activation. */
  kernelStack(subprog: SubprogRef): bigint | undefined;
  /** Own stack depth, rounded up to 8. */
  depth(subprog: SubprogRef): bigint | undefined;
  junk(label: string): bigint | undefined;
  /** The register as the caller of the program had it. */
  caller(register: string): bigint | undefined;
}

/** The value of a term, mod 2^64; undefined when one of its atoms has none. */
export function evaluate(term: Term, environment: TermEnvironment): bigint | undefined {
  let sum = 0n;
  for (const { sign, atom } of term.parts) {
    const value = atomValue(atom, environment);
    if (value === undefined) return undefined;
    sum += BigInt(sign) * value;
  }
  return BigInt.asUintN(64, sum);
}

function atomValue(atom: Atom, environment: TermEnvironment): bigint | undefined {
  switch (atom.kind) {
    case 'number':
      return atom.value;
    case 'private_stack_ptr':
      return environment.privateStackPtr();
    case 'block':
      return environment.block(atom.subprog, atom.cpu);
    case 'fp':
      return environment.framePointer(atom.subprog, atom.cpu);
    case 'kernel_stack':
      return environment.kernelStack(atom.subprog);
    case 'depth':
      return environment.depth(atom.subprog);
    case 'junk':
      return environment.junk(atom.label);
    case 'caller':
      return environment.caller(atom.register);
  }
}
