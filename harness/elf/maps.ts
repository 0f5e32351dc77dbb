import { type Btf, type BtfType, Kind, type Member } from './btf';
import { type ElfFile, type ElfSection, SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS } from './file';
import { type MapKind, mapKind } from './map-kinds';
import { ElfProblem } from './problem';

/** A map of an object. */
export interface ElfMap {
  /** Of global data, that of its section. */
  readonly name: string;
  readonly kind: MapKind;
  /** Bytes. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_*. */
  readonly flags: number;
  /** What its only value begins with: only of global data. */
  readonly initial?: Uint8Array;
}

/** A map, and what of the file stands for it. */
export interface PlacedMap {
  readonly map: ElfMap;
  readonly section: number;
  /** Of its variable in the section; undefined where all of the section is one map. */
  readonly offset: number | undefined;
}

const MAPS = '.maps';
const GLOBAL = /^\.(data|rodata|bss)(\.|$)/;
/** Most bytes of global data: what a section without bytes in the file says is believed up to here. */
const MAX_GLOBAL_BYTES = 4 << 20;

/** Fields that say something to a kernel, or to libbpf, but nothing to us. */
const IGNORED = new Set(['map_extra', 'numa_node', 'pinning', 'values']);

type Draft = { -readonly [K in 'keySize' | 'valueSize' | 'maxEntries' | 'flags']: number } & { kind: number };

/** `__uint(name, 5)` is a pointer to an array of 5. */
function numberOf(btf: Btf, member: Member, owner: BtfType): number {
  const pointer = btf.bare(member.type);
  const array = pointer.kind === Kind.PTR ? btf.bare(pointer.sizeOrType) : pointer;
  if (array.kind === Kind.ARRAY) return btf.array(array).count;
  throw btf.problem(owner, `\`${member.name}\` of a map is no number`, `\`__uint(${member.name}, ...)\``);
}

/** `__type(name, T)` is a pointer to T. */
function typeSize(btf: Btf, member: Member, owner: BtfType): number {
  const pointer = btf.bare(member.type);
  if (pointer.kind === Kind.PTR) return btf.sizeOf(pointer.sizeOrType);
  throw btf.problem(owner, `\`${member.name}\` of a map is no type`, `\`__type(${member.name}, ...)\``);
}

const FIELDS: Readonly<Record<string, (draft: Draft, btf: Btf, member: Member, owner: BtfType) => void>> = {
  type: (draft, ...at) => {
    draft.kind = numberOf(...at);
  },
  max_entries: (draft, ...at) => {
    draft.maxEntries = numberOf(...at);
  },
  map_flags: (draft, ...at) => {
    draft.flags = numberOf(...at);
  },
  key_size: (draft, ...at) => {
    draft.keySize = numberOf(...at);
  },
  value_size: (draft, ...at) => {
    draft.valueSize = numberOf(...at);
  },
  key: (draft, ...at) => {
    draft.keySize = typeSize(...at);
  },
  value: (draft, ...at) => {
    draft.valueSize = typeSize(...at);
  },
};

/** A map as a variable of `.maps` declares it, by the members of its type. */
function declaredMap(btf: Btf, variable: BtfType): ElfMap {
  const type = btf.bare(variable.sizeOrType);
  if (type.kind !== Kind.STRUCT) throw btf.problem(variable, 'a map that is no struct');
  const draft: Draft = { kind: 0, keySize: 0, valueSize: 0, maxEntries: 0, flags: 0 };
  for (const member of btf.members(type)) {
    const field = Object.hasOwn(FIELDS, member.name) ? FIELDS[member.name] : undefined;
    if (field) field(draft, btf, member, variable);
    else if (!IGNORED.has(member.name)) {
      throw btf.problem(variable, `a map has no \`${member.name}\``, [...Object.keys(FIELDS), ...IGNORED].join(', '));
    }
  }
  const { kind: number, ...sizes } = draft;
  const kind = mapKind(number);
  if (kind === undefined) throw btf.problem(variable, number === 0 ? 'a map without a type' : `map type ${number}`);
  return { name: variable.name, kind, ...sizes };
}

function declaredMaps(file: ElfFile, section: ElfSection, btf: Btf | undefined): PlacedMap[] {
  if (!btf) throw new ElfProblem(section.part.name, 'maps without BTF', { expected: 'an object compiled with `-g`' });
  const data = btf.ofKind(Kind.DATASEC).find(({ name }) => name === MAPS);
  if (!data) throw new ElfProblem(section.part.name, 'BTF says nothing of its variables');
  const symbols = new Map(
    file.symbols.filter((each) => each.section === section.index).map((each) => [each.name, each]),
  );
  return btf.variables(data).map(({ type }) => {
    const variable = btf.type(type);
    if (variable.kind !== Kind.VAR) throw btf.problem(data, `type ${type} is no variable`);
    // Offsets in BTF are filled in when an object is linked: until then symbols have them.
    const symbol = symbols.get(variable.name);
    if (!symbol) throw new ElfProblem(section.part.name, `there is no symbol of the map \`${variable.name}\``);
    return { map: declaredMap(btf, variable), section: section.index, offset: symbol.value };
  });
}

function globalData({ index, name, size, type, part }: ElfSection): PlacedMap {
  if (size > MAX_GLOBAL_BYTES) throw part.problem(0, `${size} bytes of global data`, `at most ${MAX_GLOBAL_BYTES}`);
  const initial = type === SHT_NOBITS ? new Uint8Array(size) : part.bytes.slice();
  const map = { name, kind: 'array', keySize: 4, valueSize: size, maxEntries: 1, flags: 0, initial } as const;
  return { map, section: index, offset: undefined };
}

const isData = ({ type, flags, size }: ElfSection): boolean =>
  (type === SHT_PROGBITS || type === SHT_NOBITS) && size > 0 && (flags & (SHF_ALLOC | SHF_EXECINSTR)) === SHF_ALLOC;

/** The maps of an object: those of `.maps`, in the order of BTF, and one for each section of global data. @throws ElfProblem */
export function readMaps(file: ElfFile, btf: Btf | undefined): PlacedMap[] {
  const sections = file.sections.filter(isData);
  const old = sections.find(({ name }) => name === 'maps');
  if (old) {
    throw new ElfProblem(old.part.name, 'maps as before libbpf 1.0', { expected: 'maps in `.maps`, declared by BTF' });
  }
  const found = sections.flatMap((section) => {
    if (section.name === MAPS) return declaredMaps(file, section, btf);
    return GLOBAL.test(section.name) ? [globalData(section)] : [];
  });
  const names = new Set<string>();
  const twice = found.find(({ map }) => names.size === names.add(map.name).size);
  if (twice) throw new ElfProblem(`map ${twice.map.name}`, 'there are two maps of that name');
  return found;
}
