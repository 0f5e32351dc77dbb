import { readFileSync } from 'node:fs';

/** Where the kernel shows its own types. */
const VMLINUX = '/sys/kernel/btf/vmlinux';

export const TypeKind = { FUNC: 12, TYPEDEF: 8 } as const;

/** Bytes behind the 12 that each type begins with, by kind (Documentation/bpf/btf.rst): fixed, and for each of its members. */
const TAILS: readonly (readonly [fixed: number, each: number])[] = [
  [0, 0],
  [4, 0], // INT
  [0, 0], // PTR
  [12, 0], // ARRAY
  [0, 12], // STRUCT
  [0, 12], // UNION
  [0, 8], // ENUM
  [0, 0], // FWD
  [0, 0], // TYPEDEF
  [0, 0], // VOLATILE
  [0, 0], // CONST
  [0, 0], // RESTRICT
  [0, 0], // FUNC
  [0, 8], // FUNC_PROTO
  [4, 0], // VAR
  [0, 12], // DATASEC
  [0, 0], // FLOAT
  [4, 0], // DECL_TAG
  [0, 0], // TYPE_TAG
  [0, 12], // ENUM64
];

/** BTF ids of named types of one kind. @throws Error for what is no BTF */
export function typeIds(btf: Buffer, kind: number, names: readonly string[]): Map<string, number> {
  const header = btf.readUInt32LE(4);
  const types = header + btf.readUInt32LE(8);
  const end = types + btf.readUInt32LE(12);
  const strings = header + btf.readUInt32LE(16);
  const wanted = new Map<number, string>();
  for (const name of names) {
    // A name may be the end of another one: the byte before it must be a 0 or it is not this string's only place.
    const exact = Buffer.from(`\0${name}\0`, 'latin1');
    for (let at = btf.indexOf(exact, strings); at >= 0; at = btf.indexOf(exact, at + 1))
      wanted.set(at + 1 - strings, name);
  }
  const found = new Map<string, number>();
  let id = 1;
  for (let at = types; at + 12 <= end; id++) {
    const info = btf.readUInt32LE(at + 4);
    const tail = TAILS[(info >>> 24) & 0x1f];
    if (!tail) throw new Error(`the kernel's types have one of a kind that is not known, ${(info >>> 24) & 0x1f}`);
    const name = ((info >>> 24) & 0x1f) === kind ? wanted.get(btf.readUInt32LE(at)) : undefined;
    if (name !== undefined) found.set(name, id);
    at += 12 + tail[0] + (info & 0xffff) * tail[1];
  }
  return found;
}

let vmlinux: Buffer | undefined;

/** Ids of the running kernel's types; those that it does not have are left out. */
export function kernelTypeIds(kind: number, names: readonly string[]): Map<string, number> {
  if (names.length === 0) return new Map();
  vmlinux ??= readFileSync(VMLINUX);
  return typeIds(vmlinux, kind, names);
}
