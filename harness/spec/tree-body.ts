import type { TreeCall, TreeSubprog } from './tree';

/** The assembly text of a tree, and for each of its lines the place in the tree that it was made for. */
export interface GeneratedText {
  readonly text: string;
  readonly lines: readonly { readonly line: number; readonly column: number }[];
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

/** A function's arguments, where it has any that must hold something sensible. */
const ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map([['bpf_throw', ['r1 = 0']]]);

/**
 * Generates bodies that tag their whole frame, check it again after every call, and return 0, or a code that tells the
 * subprog (upper half, from 1) and the offset (lower half) of the first slot that had changed.
 *
 * @param program a number that makes the tags differ from those of the other programs of the spec
 */
export function generateBodies(subprogs: readonly TreeSubprog[], program: number): GeneratedText {
  const lines: string[] = [];
  const places: { line: number; column: number }[] = [];
  subprogs.forEach((subprog, index) => {
    const emit = ({ line, column }: { line: number; column: number }, ...texts: string[]): void => {
      for (const text of texts) {
        lines.push(text);
        places.push({ line, column });
      }
    };
    generateBody(subprog, index, program, emit);
  });
  return { text: `${lines.join('\n')}\n`, lines: places };
}

type Emit = (place: { line: number; column: number }, ...texts: string[]) => void;

function generateBody(subprog: TreeSubprog, index: number, program: number, emit: Emit): void {
  const { name, depth, calls } = subprog;
  const slots = slotsOf(depth);
  const tag = ({ offset, bytes }: Slot): string => hex(slotTag(program, index, offset, bytes));
  const lost = ({ offset }: Slot): string => `${name}.lost${offset}`;
  if (subprog.flags.has('global')) emit(subprog, `.global ${name}`);
  emit(subprog, `${name}:`);
  for (const slot of slots) emit(subprog, `  ${memory(slot)} = ${tag(slot)}`);
  for (const call of calls) {
    emit(call, ...callText(call, name));
    for (const slot of slots) emit(call, `  r1 = ${memory(slot)}`, `  if r1 != ${tag(slot)} goto ${lost(slot)}`);
  }
  emit(subprog, '  r0 = 0', '  exit');
  if (calls.some((call) => call.kind === 'subprog')) emit(subprog, `${name}.failed:`, '  exit');
  if (calls.length === 0) return;
  for (const slot of slots) {
    emit(subprog, `${lost(slot)}:`, `  r0 = ${hex(((index + 1) << 16) | slot.offset)}`, '  exit');
  }
}

// A callee's nonzero code is passed on; what a helper returns says nothing.
function callText({ kind, callee }: TreeCall, caller: string): string[] {
  const prepare = (ARGUMENTS.get(callee) ?? []).map((each) => `  ${each}`);
  const check = kind === 'subprog' ? [`  if r0 != 0 goto ${caller}.failed`] : [];
  return [...prepare, `  call ${callee}`, ...check];
}

const memory = ({ offset, bytes }: Slot): string => `*(u${bytes * 8} *)(r10 - ${offset})`;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Distinct per program, subprog and slot; positive, since immediates are sign-extended. */
function slotTag(program: number, index: number, offset: number, bytes: number): number {
  const tag = 0x5000_0000 | ((program & 0xff) << 20) | ((index & 0xff) << 12) | offset;
  return bytes === 8 || bytes === 4 ? tag : tag & (2 ** (bytes * 8) - 1);
}
