import { type Btf, type BtfType, essentialName, Kind } from './btf';
import type { CoreRecord } from './btf-ext';
import { subjectOf } from './core-kinds';
import { ElfProblem } from './problem';

/** One step from a value to a part of it: a member of a named one, else an element. */
export interface Access {
  /** Type that the step is in; of an element the element's own. */
  readonly type: BtfType;
  readonly index: number;
  /** Of the member or enumerator; undefined for elements. */
  readonly name: string | undefined;
}

/** A part of a type, step by step, in one BTF. */
export interface CoreSpec {
  readonly btf: Btf;
  /** As it is named: perhaps a typedef. */
  readonly named: BtfType;
  /** What the steps begin in. */
  readonly root: BtfType;
  readonly steps: readonly Access[];
  /** From the start of the root. */
  readonly bitOffset: number;
}

/** Longest path (BPF_CORE_SPEC_MAX_LEN). */
export const MAX_STEPS = 64;

export const isComposite = ({ kind }: BtfType): boolean => kind === Kind.STRUCT || kind === Kind.UNION;
export const isEnum = ({ kind }: BtfType): boolean => kind === Kind.ENUM || kind === Kind.ENUM64;

/** Whether an array is the last member of its struct and has no bound: its elements go on behind the struct. */
export function isFlexible(btf: Btf, { type, index, name }: Access, array: BtfType): boolean {
  if (name === undefined || !isComposite(type) || btf.array(array).count > 0) return false;
  return type.kind === Kind.UNION || index === type.vlen - 1;
}

const bitsOf = (btf: Btf, type: BtfType, count: number): number => count * btf.sizeOf(type.id) * 8;

/** What a relocation is about, in the program's own types. @throws ElfProblem */
export function localSpec(btf: Btf, { type: id, access, kind }: CoreRecord, place: string): CoreSpec {
  const wrong = (message: string) => new ElfProblem(place, `CO-RE relocation ${access} of type ${id}: ${message}`);
  const path = access.split(':').map(Number);
  if (!/^\d{1,9}(:\d{1,9})*$/.test(access) || path.length > MAX_STEPS) throw wrong('the path is no list of numbers');
  const named = btf.type(id);
  const root = btf.bare(id);
  const subject = subjectOf(kind);
  if (subject === 'type') return { btf, named, root, steps: [], bitOffset: 0 };
  if (subject === 'enumerator') {
    if (!isEnum(root) || path.length > 1 || path[0]! >= root.vlen) throw wrong('there is no such enumerator');
    const { name } = btf.enumerator(root, path[0]!);
    return { btf, named, root, steps: [{ type: root, index: path[0]!, name }], bitOffset: 0 };
  }
  const steps: Access[] = [{ type: root, index: path[0]!, name: undefined }];
  let bitOffset = path[0]! === 0 ? 0 : bitsOf(btf, root, path[0]!);
  let type = root;
  for (const index of path.slice(1)) {
    if (isComposite(type)) {
      if (index >= type.vlen) throw wrong(`${type.name} has ${type.vlen} members`);
      const member = btf.member(type, index);
      bitOffset += member.bitOffset;
      // An unnamed struct is no step: its members are looked for by name wherever they are.
      if (member.name !== '') steps.push({ type, index, name: member.name });
      type = btf.bare(member.type);
    } else if (type.kind === Kind.ARRAY) {
      const { element, count } = btf.array(type);
      if (index >= count && !isFlexible(btf, steps[steps.length - 1]!, type)) throw wrong(`an array of ${count}`);
      type = btf.bare(element);
      steps.push({ type, index, name: undefined });
      bitOffset += bitsOf(btf, type, index);
    } else throw wrong('a step into what has no parts');
  }
  return { btf, named, root, steps, bitOffset };
}

/** `struct task_struct.mm.owner`, for people. */
export function specText({ named, steps }: CoreSpec): string {
  const kinds: Readonly<Record<number, string>> = {
    [Kind.STRUCT]: 'struct ',
    [Kind.UNION]: 'union ',
    [Kind.ENUM]: 'enum ',
    [Kind.ENUM64]: 'enum ',
  };
  const parts = steps.map(({ name, index }, i) => (name !== undefined ? `.${name}` : i === 0 ? '' : `[${index}]`));
  return `${kinds[named.kind] ?? ''}${essentialName(named.name)}${parts.join('')}`;
}
