import { type Btf, Kind } from './btf';
import { type ElfFile, SHN_UNDEF, STB_WEAK } from './file';
import type { ElfMap } from './maps';
import { ElfProblem } from './problem';

/** Words of a kernel's configuration that programs may ask for, of Linux 6.18 on x86-64. */
const KNOWN: Readonly<Record<string, bigint>> = {
  LINUX_KERNEL_VERSION: (6n << 16n) | (18n << 8n),
  LINUX_HAS_BPF_COOKIE: 1n,
  LINUX_HAS_SYSCALL_WRAPPER: 1n,
  CONFIG_X86_64: 1n,
  CONFIG_64BIT: 1n,
  CONFIG_BPF: 1n,
  CONFIG_BPF_SYSCALL: 1n,
  CONFIG_BPF_JIT: 1n,
  CONFIG_SMP: 1n,
  CONFIG_HZ: 1000n,
};

/** A map of the configuration's words that an object declares, and where each is in it. */
export interface Kconfig {
  readonly map: ElfMap;
  readonly offsets: ReadonlyMap<string, number>;
}

interface Word {
  readonly name: string;
  readonly bytes: number;
  readonly value: bigint;
}

/** The order in which libbpf has them: the widest first, then by name. */
const inOrder = (a: Word, b: Word): number => b.bytes - a.bytes || (a.name < b.name ? -1 : 1);

/**
 * The variables of `.kconfig`: with the values of the kernel that we stand for, 0 where an object can do without one.
 * @throws ElfProblem for a variable that must have a value, and has none that we know
 */
export function readKconfig(file: ElfFile, btf: Btf | undefined): Kconfig | undefined {
  const data = btf?.ofKind(Kind.DATASEC).find(({ name }) => name === '.kconfig');
  if (!btf || !data) return undefined;
  const weak = new Set(
    file.symbols.filter((each) => each.section === SHN_UNDEF && each.bind === STB_WEAK).map(({ name }) => name),
  );
  const words = btf.variables(data).map(({ type }): Word => {
    const { name, sizeOrType, kind } = btf.type(type);
    const known = Object.hasOwn(KNOWN, name) ? KNOWN[name]! : undefined;
    if (known === undefined && !weak.has(name)) {
      const expected = `a weak one, or ${Object.keys(KNOWN).join(', ')}`;
      throw new ElfProblem(`variable ${name}`, 'no value of the configuration is known by that name', { expected });
    }
    const bytes = kind === Kind.VAR ? btf.sizeOf(sizeOrType) : 0;
    if (![1, 2, 4, 8].includes(bytes)) throw new ElfProblem(`variable ${name}`, 'only numbers are known');
    return { name, bytes, value: known ?? 0n };
  });
  words.sort(inOrder);
  const offsets = new Map<string, number>();
  const initial: number[] = [];
  // The widest first: each stands at a multiple of its size.
  for (const { name, bytes, value } of words) {
    offsets.set(name, initial.length);
    for (let i = 0; i < bytes; i++) initial.push(Number((value >> BigInt(8 * i)) & 0xffn));
  }
  const valueSize = initial.length;
  const shape = { name: '.kconfig', kind: 'array', keySize: 4, valueSize, maxEntries: 1, flags: 0 } as const;
  return { map: { ...shape, initial: Uint8Array.from(initial) }, offsets };
}
