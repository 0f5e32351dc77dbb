import { Register, RegisterExt } from 'iced-x86';

const byName = new Map<string, Register>(
  Object.entries(Register)
    .filter(([name, value]) => typeof value === 'number' && value !== Register.None && !/^DontUse|^EIP$/.test(name))
    .map(([name, value]) => [usualName(name), value as Register]),
);

byName.set('st', Register.ST0);

/** iced-x86 calls the low bytes `r8l`; Intel notation and Keystone say `r8b`. */
function usualName(name: string): string {
  return name.toLowerCase().replace(/^(r\d+)l$/, '$1b');
}

/** The register of a name in any case (`st(1)` is `st1` here). */
export function registerOf(name: string): Register | undefined {
  return byName.get(name.toLowerCase());
}

/** As Keystone spells it. */
export function registerText(register: Register): string {
  const name = usualName(Register[register]!);
  return RegisterExt.isST(register) ? `st(${name.slice(2)})` : name;
}

/** In bytes. */
export function registerSize(register: Register): number {
  return RegisterExt.size(register);
}

/** `cs`, `fs` and their like. */
export function isSegment(name: string): boolean {
  const register = registerOf(name);
  return register !== undefined && RegisterExt.isSegmentRegister(register);
}
