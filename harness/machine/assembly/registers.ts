import { Register, RegisterExt } from 'iced-x86';

const byName = new Map<string, Register>(
  Object.entries(Register)
    .filter(([name, value]) => typeof value === 'number' && value !== Register.None && !/^DontUse|^EIP$/.test(name))
    .map(([name, value]) => [name.toLowerCase(), value as Register]),
);

/** The register of a name in any case (`st(1)` is `st1` here). */
export function registerOf(name: string): Register | undefined {
  return byName.get(name.toLowerCase());
}

/** As Keystone spells it. */
export function registerText(register: Register): string {
  const name = Register[register]!.toLowerCase();
  return RegisterExt.isST(register) ? `st(${name.slice(2)})` : name;
}

/** `cs`, `fs` and their like. */
export function isSegment(name: string): boolean {
  const register = registerOf(name);
  return register !== undefined && RegisterExt.isSegmentRegister(register);
}
