import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import type { Activation } from '../run/activations';
import { type CheckInput, type Finding, hex } from './finding';
import { callerName, type Loss, lastPlace, losses, valueSince } from './losses';
import { callersRegister, type LoadedWord, loadedWord, storedText, valueName } from './values-by-name';

/** A register that the exception callback loaded with another word than its own. */
interface Shifted {
  readonly loss: Loss;
  /** The first event that shows the wrong value. */
  readonly since: number;
  readonly word: LoadedWord | null;
  /** What it holds now: `r15`, `saved r9`. */
  readonly from: string;
}

const isOf = (activation: Activation | null, word: LoadedWord | null): boolean =>
  word?.place.program === activation?.program && word?.place.subprog === activation?.subprog;

/** What a register was given, by the word that was loaded: the caller's, or one that the boundary pushed later on. */
function fromText(input: CheckInput, { handback, got }: Loss, word: LoadedWord | null): string {
  const pushed = word?.pushed;
  const own = pushed && word.stored!.pc < 0 && X86_64.calleeSaved.includes(Gpr[pushed]);
  if (own && handback.before(Gpr[pushed]) === got) return pushed;
  if (pushed) return `saved ${pushed}`;
  const register = X86_64.calleeSaved.find((each) => handback.before(each) === got);
  if (register !== undefined) return GPR_NAMES[register]!;
  return valueName(input, handback, got) ?? (word?.stored ? 'a word of the frame' : 'junk');
}

/** The instruction of the callback that loaded a lost register: where it saves it for itself, before that. */
function loading(input: CheckInput, { handback, register, got, since }: Loss) {
  const { returned } = handback;
  for (let event = since; event < input.run.trace.count; ) {
    const word = loadedWord(input, event);
    if (!isOf(returned, word)) break;
    const saved = word!.pushed === GPR_NAMES[register] && word!.event >= returned!.start;
    if (!saved) return { word, since: event };
    event = valueSince(input, word!.event, register, got);
  }
  return { word: null, since };
}

function shifted(input: CheckInput): Shifted[] {
  const thrown = losses(input).filter(({ handback }) => handback.thrown);
  const all = thrown.map((loss): Shifted => {
    const { word, since } = loading(input, loss);
    return { loss, since, word, from: fromText(input, loss, word) };
  });
  return all.sort((a, b) => a.since - b.since);
}

/** Registers that the caller of an exception boundary does not get back. */
export function lostRegisters(input: CheckInput): Finding[] {
  const all = shifted(input);
  return all.map(({ loss, since, word, from }): Finding => {
    const { handback, register, want, got } = loss;
    const name = GPR_NAMES[register]!;
    const same = all.filter((each) => each.loss.handback === handback);
    const list = same.map((each) => `${GPR_NAMES[each.loss.register]} <- ${each.from}`).join(', ');
    const who = callerName(input, handback);
    const first = same[0]!.loss === loss;
    const words = [valueName(input, handback, got), word && storedText(input, word)].filter((each) => each !== null);
    return {
      check: 'exception',
      event: word ? since : handback.event,
      place: word?.place ?? lastPlace(input, handback.returned),
      message: first ? `an exception gives ${who} other registers: ${list}` : `${name} <- ${from}`,
      want: `${name} = ${hex(want)} (${callersRegister(input, handback, register)})`,
      got: `${name} = ${hex(got)}${words.length > 0 ? ` (${words.join(', ')})` : ''}`,
      register,
    };
  });
}
