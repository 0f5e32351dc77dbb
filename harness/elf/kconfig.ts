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

/** Bytes that each variable gets: as many as the widest takes. */
const SLOT = 8;

/** A map of the configuration's words that an object declares, and where each is in it. */
export interface Kconfig {
  readonly map: ElfMap;
  readonly offsets: ReadonlyMap<string, number>;
}

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
  const names = btf.variables(data).map(({ type }) => btf.type(type).name);
  const initial = new Uint8Array(names.length * SLOT);
  const view = new DataView(initial.buffer);
  names.forEach((name, i) => {
    const value = Object.hasOwn(KNOWN, name) ? KNOWN[name]! : undefined;
    if (value === undefined && !weak.has(name)) {
      const expected = `a weak one, or ${Object.keys(KNOWN).join(', ')}`;
      throw new ElfProblem(`variable ${name}`, 'no value of the configuration is known by that name', { expected });
    }
    view.setBigUint64(i * SLOT, value ?? 0n, true);
  });
  const map = {
    name: '.kconfig',
    kind: 'array',
    keySize: 4,
    valueSize: initial.length,
    maxEntries: 1,
    initial,
  } as const;
  return { map, offsets: new Map(names.map((name, i) => [name, i * SLOT])) };
}
