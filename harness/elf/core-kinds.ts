/** What a CO-RE relocation asks for (enum bpf_core_relo_kind, Documentation/bpf/llvm_reloc.rst). */
export const Core = {
  BYTE_OFFSET: 0,
  BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  SIGNED: 3,
  LSHIFT_U64: 4,
  RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const;

export const LAST_CORE_KIND = Core.TYPE_MATCHES;

type Subject = 'field' | 'type' | 'enumerator';

export const subjectOf = (kind: number): Subject =>
  kind <= Core.RSHIFT_U64
    ? 'field'
    : kind === Core.ENUMVAL_EXISTS || kind === Core.ENUMVAL_VALUE
      ? 'enumerator'
      : 'type';
