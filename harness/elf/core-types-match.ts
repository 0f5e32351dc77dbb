import { type Btf, type BtfType, essentialName, Kind } from './btf';
import { isComposite, isEnum } from './core-spec';

const MAX_DEPTH = 32;
/** Types looked at for one relocation: types that contain themselves are only in broken objects. */
const MAX_LOOKS = 1 << 12;

/**
 * Whether the target's type has all that the local one declares: the same members, values and parameters by name, of types
 * that match (`bpf_core_type_matches()`, __bpf_core_types_match() in tools/lib/bpf/relo_core.c).
 */
class Matching {
  #looks = 0;

  constructor(
    private readonly local: Btf,
    private readonly target: Btf,
  ) {}

  types(localId: number, targetId: number, behindPointer = false, depth = 0): boolean {
    const { local, target } = this;
    const [a, b] = [local.bare(localId), target.bare(targetId)];
    if (depth === MAX_DEPTH || this.#looks++ > MAX_LOOKS) return false;
    if (essentialName(a.name) !== essentialName(b.name)) return false;
    if (isEnum(a)) return isEnum(b) && this.#enumerators(a, b);
    if (isComposite(a) && behindPointer) return a.kind === b.kind || isForward(b, a.kind === Kind.UNION);
    if (a.kind === Kind.FWD && behindPointer && isComposite(b)) return a.flag === (b.kind === Kind.UNION);
    if (a.kind !== b.kind) return false;
    const further = (x: number, y: number, pointer = false): boolean => this.types(x, y, pointer, depth + 1);
    switch (a.kind) {
      case Kind.VOID:
      case Kind.FLOAT:
        return true;
      case Kind.FWD:
        return a.flag === b.flag;
      case Kind.STRUCT:
      case Kind.UNION:
        return this.#members(a, b, depth);
      case Kind.INT:
        return a.sizeOrType === b.sizeOrType && local.int(a).signed === target.int(b).signed;
      case Kind.PTR:
        return further(a.sizeOrType, b.sizeOrType, true);
      case Kind.ARRAY: {
        const [x, y] = [local.array(a), target.array(b)];
        return x.count === y.count && further(x.element, y.element, behindPointer);
      }
      case Kind.FUNC_PROTO: {
        if (a.vlen !== b.vlen) return false;
        const all = Array.from({ length: a.vlen }, (_, i) => i);
        return (
          all.every((i) => further(local.parameterType(a, i), target.parameterType(b, i))) &&
          further(a.sizeOrType, b.sizeOrType)
        );
      }
      default:
        return false;
    }
  }

  #members(a: BtfType, b: BtfType, depth: number): boolean {
    const theirs = this.target.members(b);
    return this.local.members(a).every(({ name, type }) => {
      const wanted = essentialName(name);
      return theirs.some(
        (each) => essentialName(each.name) === wanted && this.types(type, each.type, false, depth + 1),
      );
    });
  }

  #enumerators(a: BtfType, b: BtfType): boolean {
    const { local, target } = this;
    const names = (btf: Btf, type: BtfType): string[] =>
      Array.from({ length: type.vlen }, (_, i) => essentialName(btf.enumerator(type, i).name));
    const theirs = new Set(names(target, b));
    return a.vlen <= b.vlen && names(local, a).every((name) => theirs.has(name));
  }
}

const isForward = ({ kind, flag }: BtfType, union: boolean): boolean => kind === Kind.FWD && flag === union;

export const typesMatch = (local: Btf, localId: number, target: Btf, targetId: number): boolean =>
  new Matching(local, target).types(localId, targetId);
