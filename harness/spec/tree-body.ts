import type { TreeSubprog } from './tree';
import { CallTexts, type OwnMap, type TreeMaps } from './tree-calls';

/** The assembly text of a tree, and for each of its lines the place in the tree that it was made for. */
export interface GeneratedText {
  readonly text: string;
  readonly lines: readonly { readonly line: number; readonly column: number }[];
  /** Maps that the bodies need beside those of the spec. */
  readonly maps: readonly OwnMap[];
  /** By subprog that calls bpf_throw, where in which of these its record is. */
  readonly throws: readonly { readonly subprog: number; readonly map: string; readonly offset: number }[];
}

/** A piece of a frame that is tagged by one store: `r10 - offset`. */
export interface Slot {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** Cuts a frame into naturally aligned slots; the lowest byte of the last one is exactly r10 - depth. */
export function slotsOf(depth: number): Slot[] {
  const slots: Slot[] = [];
  for (let offset = 8; offset <= depth; offset += 8) slots.push({ offset, bytes: 8 });
  let offset = depth - (depth % 8);
  for (const bytes of [4, 2, 1] as const) {
    if (((depth % 8) & bytes) === 0) continue;
    offset += bytes;
    slots.push({ offset, bytes });
  }
  return slots;
}

/**
 * Generates bodies that tag their whole frame, check it again after every call, and return 0, or a code that tells the
 * subprog (upper half, from 1) and the offset (lower half) of the first slot that had changed.
 *
 * Callbacks may return no such code: it is kept in a map, where whoever has made the call finds it. An exception callback
 * returns the cookie that it is given.
 *
 * @param program a number that makes the tags differ from those of the other programs of the spec
 */
export function generateBodies(subprogs: readonly TreeSubprog[], program: number, maps: TreeMaps): GeneratedText {
  const lines: string[] = [];
  const places: { line: number; column: number }[] = [];
  const calls = new CallTexts(subprogs, maps);
  subprogs.forEach((subprog, index) => {
    const emit = ({ line, column }: { line: number; column: number }, ...texts: readonly string[]): void => {
      for (const text of texts) {
        lines.push(text);
        places.push({ line, column });
      }
    };
    generateBody(subprog, index, program, calls, emit);
  });
  return { text: `${lines.join('\n')}\n`, lines: places, maps: calls.ownMaps(), throws: calls.throws() };
}

type Emit = (place: { line: number; column: number }, ...texts: readonly string[]) => void;

function generateBody(subprog: TreeSubprog, index: number, program: number, texts: CallTexts, emit: Emit): void {
  const { name, depth, flags, calls } = subprog;
  const slots = slotsOf(depth);
  const tag = ({ offset, bytes }: Slot): string => hex(slotTag(program, index, offset, bytes));
  const lost = ({ offset }: Slot): string => `${name}.lost${offset}`;
  const catches = flags.has('exception_callback');
  if (flags.has('global') || catches) emit(subprog, `.global ${name}`);
  if (flags.has('async')) emit(subprog, `.func ${name}`);
  emit(subprog, `${name}:`);
  if (catches) emit(subprog, '  r6 = r1');
  for (const slot of slots) emit(subprog, `  ${memory(slot)} = ${tag(slot)}`);
  calls.forEach((call, nth) => {
    emit(call, ...texts.call(call, name, nth));
    for (const slot of slots) emit(call, `  r1 = ${memory(slot)}`, `  if r1 != ${tag(slot)} goto ${lost(slot)}`);
  });
  emit(subprog, ...(catches ? ['  r0 = r6', '  exit'] : texts.end(index)));
  const lose = (offset: number): string[] => [`  r0 = ${hex(((index + 1) << 16) | offset)}`, ...texts.failed(name)];
  const told = new Set(calls.map((call) => texts.tells(call)));
  if (told.has('returned')) emit(subprog, `${name}.failed:`, ...texts.failed(name));
  if (told.has('kept')) emit(subprog, `${name}.told:`, '  r0 = r1', ...texts.failed(name));
  if (calls.some((call) => texts.countsRounds(call))) emit(subprog, `${name}.rounds:`, ...lose(LOST_ROUNDS));
  if (calls.length === 0) return;
  for (const slot of slots) emit(subprog, `${lost(slot)}:`, ...lose(slot.offset));
}

/** Stands for an offset where a helper returned another number of rounds than it should have gone. */
const LOST_ROUNDS = 0xffff;

const memory = ({ offset, bytes }: Slot): string => `*(u${bytes * 8} *)(r10 - ${offset})`;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Distinct per program, subprog and slot; positive, since immediates are sign-extended. */
function slotTag(program: number, index: number, offset: number, bytes: number): number {
  const tag = 0x5000_0000 | ((program & 0xff) << 20) | ((index & 0xff) << 12) | offset;
  return bytes === 8 || bytes === 4 ? tag : tag & (2 ** (bytes * 8) - 1);
}
