import { type Btf, type BtfType, essentialName, Kind } from './btf';
import { Core } from './core-kinds';
import { type Access, type CoreSpec, isComposite, isEnum, isFlexible, MAX_STEPS } from './core-spec';
import { typesMatch } from './core-types-match';

const MAX_DEPTH = 32;
/** Members or types looked at for one relocation: types that contain themselves are only in broken objects. */
const MAX_LOOKS = 1 << 16;

const kindsAgree = (a: BtfType, b: BtfType): boolean => a.kind === b.kind || (isEnum(a) && isEnum(b));

/** Whether values of two types may stand for each other where a member of that name is read. */
function fieldsAgree(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  let [a, b] = [local.bare(localId), target.bare(targetId)];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (isComposite(a) && isComposite(b)) return true;
    if (!kindsAgree(a, b)) return false;
    if (a.kind === Kind.ARRAY) {
      a = local.bare(local.array(a).element);
      b = target.bare(target.array(b).element);
      continue;
    }
    if (isEnum(a) || a.kind === Kind.FWD) {
      const names = [a.name, b.name].map(essentialName);
      return names.includes('') || names[0] === names[1];
    }
    if (a.kind === Kind.INT) return local.int(a).offset === 0 && target.int(b).offset === 0;
    return a.kind === Kind.PTR || a.kind === Kind.FLOAT;
  }
  return false;
}

const SAME_BY_KIND: ReadonlySet<number> = new Set([
  Kind.VOID,
  Kind.STRUCT,
  Kind.UNION,
  Kind.ENUM,
  Kind.ENUM64,
  Kind.FWD,
  Kind.FLOAT,
]);

/** Whether two types are the same as far as relocations of types care: names of what they contain do not matter. */
class TypeComparison {
  #looks = 0;

  constructor(
    private readonly local: Btf,
    private readonly target: Btf,
  ) {}

  agree(localId: number, targetId: number, depth = 0): boolean {
    const { local, target } = this;
    const [a, b] = [local.bare(localId), target.bare(targetId)];
    if (depth === MAX_DEPTH || this.#looks++ > MAX_LOOKS || !kindsAgree(a, b)) return false;
    if (SAME_BY_KIND.has(a.kind)) return true;
    const further = (x: number, y: number): boolean => this.agree(x, y, depth + 1);
    if (a.kind === Kind.INT) return local.int(a).offset === 0 && target.int(b).offset === 0;
    if (a.kind === Kind.PTR) return further(a.sizeOrType, b.sizeOrType);
    if (a.kind === Kind.ARRAY) return further(local.array(a).element, target.array(b).element);
    if (a.kind !== Kind.FUNC_PROTO || a.vlen !== b.vlen) return false;
    const parameters = Array.from({ length: a.vlen }, (_, i) => i);
    return (
      parameters.every((i) => further(local.parameterType(a, i), target.parameterType(b, i))) &&
      further(a.sizeOrType, b.sizeOrType)
    );
  }
}

interface Found {
  readonly step: Access;
  readonly type: number;
  readonly bitOffset: number;
}

/** Looks a member up by name, also in unnamed structs and unions; null where there is none that agrees. */
class MemberSearch {
  #looks = 0;

  constructor(
    private readonly local: Btf,
    private readonly target: Btf,
  ) {}

  find({ type: owner, index, name }: Access, id: number, bitOffset = 0, depth = 0): Found | null {
    const { local, target } = this;
    const type = target.bare(id);
    if (!isComposite(type) || depth > MAX_DEPTH) return null;
    for (let at = 0; at < type.vlen && this.#looks++ < MAX_LOOKS; at++) {
      const member = target.member(type, at);
      const offset = bitOffset + member.bitOffset;
      if (member.name === '') {
        const inner = this.find({ type: owner, index, name }, member.type, offset, depth + 1);
        if (inner) return inner;
      } else if (member.name === name) {
        if (!fieldsAgree(local, local.member(owner, index).type, target, member.type)) return null;
        return { step: { type, index: at, name }, type: member.type, bitOffset: offset };
      }
    }
    return null;
  }
}

function matchEnumerator(local: CoreSpec, target: Btf, named: BtfType, root: BtfType): CoreSpec | null {
  if (!isEnum(root)) return null;
  const wanted = essentialName(local.steps[0]!.name!);
  for (let index = 0; index < root.vlen; index++) {
    const { name } = target.enumerator(root, index);
    if (essentialName(name) === wanted) {
      return { btf: target, named, root, steps: [{ type: root, index, name }], bitOffset: 0 };
    }
  }
  return null;
}

/** The same path in a type of the target, or null where the type has no such part. @throws ElfProblem in broken BTF */
export function matchSpec(kind: number, local: CoreSpec, target: Btf, targetId: number): CoreSpec | null {
  const [named, root] = [target.type(targetId), target.bare(targetId)];
  if (local.steps.length === 0) {
    const same =
      kind === Core.TYPE_MATCHES
        ? typesMatch(local.btf, local.named.id, target, targetId)
        : new TypeComparison(local.btf, target).agree(local.named.id, targetId);
    return same ? { btf: target, named, root, steps: [], bitOffset: 0 } : null;
  }
  if (isEnum(local.root) && local.steps[0]!.name !== undefined) return matchEnumerator(local, target, named, root);
  const search = new MemberSearch(local.btf, target);
  const steps: Access[] = [];
  let bitOffset = 0;
  let id = targetId;
  for (const step of local.steps.slice(0, MAX_STEPS)) {
    if (step.name !== undefined) {
      const found = search.find(step, id);
      if (!found) return null;
      steps.push(found.step);
      bitOffset += found.bitOffset;
      id = found.type;
      continue;
    }
    let type = target.bare(id);
    if (steps.length > 0) {
      if (type.kind !== Kind.ARRAY) return null;
      const { element, count } = target.array(type);
      if (step.index >= count && !isFlexible(target, steps[steps.length - 1]!, type)) return null;
      type = target.bare(element);
    }
    steps.push({ type, index: step.index, name: undefined });
    id = type.id;
    if (step.index > 0) bitOffset += step.index * target.sizeOf(id) * 8;
  }
  return { btf: target, named, root, steps, bitOffset };
}

/** Ids of the target's types that may be meant: of the same kind, and of the same name but for its flavour. */
export function candidates(local: CoreSpec, target: Btf): number[] {
  const name = essentialName(local.named.name);
  if (name === '') return [];
  return target.named(name).filter((id) => kindsAgree(local.named, target.type(id)));
}
