import type { TextError } from './issues';
import { type LoadResult, loadProgram, slots } from './jit';

interface Place {
  readonly line: number;
  readonly column: number;
}

export type ParsedHex =
  | {
      readonly ok: true;
      readonly program: Extract<LoadResult, { ok: true }>['program'];
      /** Where each instruction's first digit stands, per subprog. */
      readonly places: readonly (readonly Place[])[];
    }
  | { readonly ok: false; readonly errors: TextError[] };

const DIGITS_PER_SLOT = 16;

/** Reads instructions in wire form, as the kernel is handed them: hexadecimal digits, free spaces, comments. */
export function parseHexText(text: string, options: Parameters<typeof loadProgram>[1]): ParsedHex {
  const { digits, places, stray } = scan(text);
  if (stray) return { ok: false, errors: [stray] };
  const at = (slot: number): Place => places[Math.min(slot, places.length - 1)] ?? { line: 1, column: 1 };
  const loaded = loadProgram(digits, options);
  if (!loaded.ok) {
    const errors = loaded.errors.map(({ index, text: insn, message }) => {
      return { ...at(index), message: insn === '' ? message : `${insn}: ${message}` };
    });
    return { ok: false, errors };
  }
  let slot = 0;
  const bySubprog = loaded.program.subprogs.map(({ insns }) =>
    insns.map((insn) => {
      const place = at(slot);
      slot += slots(insn);
      return place;
    }),
  );
  return { ok: true, program: loaded.program, places: bySubprog };
}

interface Scanned {
  digits: string;
  /** Where each slot of 16 digits begins. */
  places: Place[];
  /** The first character that is no digit. */
  stray?: TextError;
}

function scan(text: string): Scanned {
  const scanned: Scanned = { digits: '', places: [] };
  for (const [at, raw] of text.split('\n').entries()) {
    for (const { 0: char, index } of raw.replace(/(#|\/\/).*$/, '').matchAll(/\S/gu)) {
      const place = { line: at + 1, column: index + 1 };
      if (!/[0-9a-fA-F]/.test(char)) {
        return { ...scanned, stray: { ...place, message: `\`${char}\` is not a hexadecimal digit` } };
      }
      if (scanned.digits.length % DIGITS_PER_SLOT === 0) scanned.places.push(place);
      scanned.digits += char;
    }
  }
  return scanned;
}
