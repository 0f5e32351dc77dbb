import type { Built } from '../build';
import { type Disassembled, disassemble } from '../kernel-image';
import type { FaultExplanation, ListingPair } from '../report/faults-model';
import { byteDifference } from './byte-oracle';
import type { Fault } from './fault';
import { type FaultJudge, type FaultResult, problemOf } from './matrix';
import type { Mutation } from './mutation';

/** Code of one function at its address. */
interface Code {
  readonly bytes: Uint8Array;
  readonly address: bigint;
}

const shown = ({ offset, hex, text }: Disassembled): string =>
  `${offset.toString(16).padStart(4)}  ${hex.padEnd(20)} ${text}`;

/** What makes two instructions one: a jump or call may be longer or shorter away. */
const key = ({ text }: Disassembled): string => text.replace(/^((?:j\w+|call) ).*$/, '$1');
const equal = (a: Disassembled, b: Disassembled): boolean => key(a) === key(b);
/** Whether they do the same: the distance of a jump or call changes with everything in between. */
const alike = (a: Disassembled, b: Disassembled): boolean =>
  a.hex === b.hex || (a.offset !== b.offset && equal(a, b) && key(a) !== a.text);

/** Two listings, one instruction beside the other: the longest common sequence lines up. */
export function sideBySide(sound: readonly Disassembled[], mutant: readonly Disassembled[]): ListingPair[] {
  const [n, m] = [sound.length, mutant.length];
  const common = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const diagonal = equal(sound[i]!, mutant[j]!) ? common[i + 1]![j + 1]! + 1 : 0;
      common[i]![j] = Math.max(diagonal, common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const pairs: ListingPair[] = [];
  for (let i = 0, j = 0; i < n || j < m; ) {
    const [a, b] = [sound[i], mutant[j]];
    const together = a && b && equal(a, b);
    if (together || (a && b && common[i + 1]![j + 1]! === common[i]![j]!)) {
      pairs.push({ sound: shown(a!), mutant: shown(b!), same: together === true && alike(a, b) });
      i++;
      j++;
    } else if (a && (!b || common[i + 1]![j]! >= common[i]![j + 1]!)) {
      pairs.push({ sound: shown(a), mutant: null, same: false });
      i++;
    } else {
      pairs.push({ sound: null, mutant: shown(b!), same: false });
      j++;
    }
  }
  return pairs;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);

/** The function that a finding is in, where its code differs; else the first one whose code does. */
function differing(sound: Built, mutant: Built, finding: FaultExplanation['finding']) {
  const all = sound.world.programs.flatMap((program, p) =>
    program.code.flatMap((bytes, f) => {
      const other = mutant.world.programs[p]!;
      if (same(bytes, other.code[f]!)) return [];
      const name = program.functions[f]!.name;
      const codes: [Code, Code] = [
        { bytes, address: program.addresses[f]! },
        { bytes: other.code[f]!, address: other.addresses[f]! },
      ];
      return [{ name, program: program.name, codes }];
    }),
  );
  return all.find(({ name, program }) => name === finding?.subprog && program === finding.program) ?? all[0];
}

const listingOf = ([sound, mutant]: readonly [Code, Code]): ListingPair[] =>
  sideBySide(disassemble(sound.bytes, sound.address), disassemble(mutant.bytes, mutant.address));

/** Code that differs in a capture, as Linux 6.18 made it and with the mutation. */
function captured(mutation: Mutation): Pick<FaultExplanation, 'of' | 'listing'> {
  const found = byteDifference(mutation);
  if (!found) return { of: null, listing: [] };
  const of = `function ${found.fn} of the capture ${found.capture}`;
  return { of, listing: found.codes ? listingOf(found.codes) : [] };
}

/** A fault with its story, its finding and its code. */
export function explainFault(fault: Fault, result: FaultResult, judge: FaultJudge): FaultExplanation {
  const { killer, row } = result;
  const finding = killer?.found ?? null;
  let code: Pick<FaultExplanation, 'of' | 'listing'> = { of: null, listing: [] };
  if (fault.check === 'bytes') code = captured(fault.mutation);
  else if (killer) {
    const [sound, mutant] = [judge.built(killer.of, {}), judge.built(killer.of, fault.mutation)];
    const found = sound && mutant && differing(sound, mutant, finding);
    if (found) code = { of: `${found.name} of ${found.program}`, listing: listingOf(found.codes) };
  }
  const { story, commit, policy } = fault;
  const file = killer?.of.spec.file ?? null;
  return { row, story, commit, policy, file, finding, ...code, problem: problemOf(fault, result) };
}
