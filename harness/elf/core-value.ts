import { type BtfType, Kind } from './btf';
import { Core, subjectOf } from './core-kinds';
import { type CoreSpec, isEnum } from './core-spec';

/** What a relocation comes to. */
export interface CoreValue {
  readonly value: bigint;
  /** Of an offset: how many bytes are accessed there, and what. */
  readonly access?: { readonly bytes: number; readonly type: BtfType } | undefined;
  /** Of bit fields the compiler and we may choose different words. */
  readonly unchecked?: boolean;
}

// Offsets of bit fields are no whole bytes.
const plain = (value: number | boolean): CoreValue => ({ value: BigInt(Math.floor(Number(value))) });

/** The value of a field relocation; null where it has none. */
function fieldValue(kind: number, spec: CoreSpec | null): CoreValue | null {
  if (kind === Core.FIELD_EXISTS) return plain(spec !== null);
  if (!spec) return null;
  const { btf, steps, bitOffset } = spec;
  const last = steps[steps.length - 1]!;
  if (last.name === undefined) {
    const bytes = btf.sizeOf(last.type.id);
    if (kind === Core.BYTE_OFFSET) return { ...plain(bitOffset / 8), access: { bytes, type: last.type } };
    return kind === Core.BYTE_SIZE ? plain(bytes) : null;
  }
  const member = btf.member(last.type, last.index);
  const type = btf.bare(member.type);
  const field = member.bitSize > 0 ? bitField(bitOffset, member.bitSize, btf.sizeOf(type.id)) : undefined;
  const bytes = field?.bytes ?? btf.sizeOf(type.id);
  const offset = field?.offset ?? Math.floor(bitOffset / 8);
  const bits = field ? member.bitSize : bytes * 8;
  const at = field ? bitOffset : offset * 8;
  const unchecked = field !== undefined;
  switch (kind) {
    case Core.BYTE_OFFSET:
      return { ...plain(offset), unchecked, access: field ? undefined : { bytes, type } };
    case Core.BYTE_SIZE:
      return { ...plain(bytes), unchecked };
    case Core.SIGNED:
      return { ...plain(isEnum(type) || (type.kind === Kind.INT && btf.int(type).signed)), unchecked };
    case Core.LSHIFT_U64:
      return { ...plain(64 - (at + bits - offset * 8)), unchecked };
    default:
      return { ...plain(64 - bits), unchecked };
  }
}

/** The aligned word that a bit field is read from: as wide as its type, or wider where it crosses one. */
function bitField(bitOffset: number, bitSize: number, typeBytes: number): { bytes: number; offset: number } {
  let bytes = Math.max(1, typeBytes);
  const start = (): number => Math.floor(bitOffset / 8 / bytes) * bytes;
  while (bitOffset + bitSize - start() * 8 > bytes * 8 && bytes < 8) bytes *= 2;
  return { bytes, offset: start() };
}

function typeValue(kind: number, spec: CoreSpec | null): CoreValue {
  if (!spec) return plain(0);
  if (kind === Core.TYPE_SIZE) return plain(spec.btf.sizeOf(spec.named.id));
  if (kind === Core.TYPE_ID_TARGET || kind === Core.TYPE_ID_LOCAL) return { ...plain(spec.named.id), unchecked: true };
  return plain(1);
}

function enumeratorValue(kind: number, spec: CoreSpec | null): CoreValue | null {
  if (kind === Core.ENUMVAL_EXISTS) return plain(spec !== null);
  return spec && { value: spec.btf.enumerator(spec.root, spec.steps[0]!.index).value };
}

/** What a relocation of a kind comes to for a part of a type; null for a part that is not there, where that is no answer. */
export function coreValue(kind: number, spec: CoreSpec | null): CoreValue | null {
  const subject = subjectOf(kind);
  if (subject === 'field') return fieldValue(kind, spec);
  return subject === 'type' ? typeValue(kind, spec) : enumeratorValue(kind, spec);
}
