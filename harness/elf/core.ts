import type { Insn } from '../../jit';
import { type Btf, Kind } from './btf';
import type { CoreRecord } from './btf-ext';
import { Core, LAST_CORE_KIND } from './core-kinds';
import { candidates, matchSpec } from './core-match';
import { patch } from './core-patch';
import { type CoreSpec, localSpec, specText } from './core-spec';
import { type CoreValue, coreValue } from './core-value';
import { ElfProblem } from './problem';

/** An instruction adapted to the kernel's types, or why it has no meaning with them. */
export type CoreResult =
  | { readonly ok: true; readonly insn: Insn }
  | { readonly ok: false; readonly unresolved: string };

const isUnsigned = ({ access }: CoreValue, { btf }: CoreSpec): boolean =>
  access?.type.kind !== Kind.INT || !btf.int(access.type).signed;

/** What a relocation comes to in the target, over all types that may be meant. @throws ElfProblem when they disagree */
function targetValue(kind: number, local: CoreSpec, target: Btf, place: string) {
  let found: { readonly spec: CoreSpec; readonly value: CoreValue | null } | undefined;
  for (const id of candidates(local, target)) {
    const spec = matchSpec(kind, local, target, id);
    if (!spec) continue;
    const value = coreValue(kind, spec);
    if (found && (found.value?.value !== value?.value || found.spec.bitOffset !== spec.bitOffset)) {
      const types = `types ${found.spec.named.id} and ${spec.named.id} of the kernel`;
      throw new ElfProblem(place, `CO-RE relocation of ${specText(local)}: ${types} give different values`);
    }
    found ??= { spec, value };
  }
  return { spec: found?.spec ?? null, value: found ? found.value : coreValue(kind, null) };
}

/** Relocations of one object against a kernel's types (tools/lib/bpf/relo_core.c says in C what is done here). */
export class CoreRelocator {
  constructor(
    private readonly local: Btf,
    private readonly target: Btf,
  ) {}

  /**
   * One instruction by its relocation. A field, type or value that the kernel does not have leaves an instruction without
   * meaning, unless the question was whether it has it.
   * @throws ElfProblem for a relocation that does not fit its instruction or its types
   */
  apply(record: CoreRecord, insn: Insn, place: string): CoreResult {
    const { kind } = record;
    if (kind > LAST_CORE_KIND)
      throw new ElfProblem(place, `CO-RE relocation of kind ${kind}: there are 0 to ${LAST_CORE_KIND}`);
    const local = localSpec(this.local, record, place);
    const before = coreValue(kind, local);
    const what = specText(local);
    if (!before)
      throw new ElfProblem(place, `CO-RE relocation of ${what}: of an element only offset and size are known`);
    const own = kind === Core.TYPE_ID_LOCAL;
    const { spec, value } = own ? { spec: local, value: before } : targetValue(kind, local, this.target, place);
    if (!value) return { ok: false, unresolved: `the kernel has no ${what}` };
    const unsigned = isUnsigned(before, local) && (!spec || isUnsigned(value, spec));
    const patched = patch(insn, before, value, unsigned);
    if (patched.ok) return patched;
    if (patched.poison) return { ok: false, unresolved: `${what}: ${patched.message}` };
    throw new ElfProblem(place, `CO-RE relocation of ${what}: ${patched.message}`);
  }
}
