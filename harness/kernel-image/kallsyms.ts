import { readFileSync } from 'node:fs';

/** Addresses and names of the kernel's own functions and variables. */
export interface KernelNames {
  address(name: string): bigint | undefined;
  /** The name of what begins at an address. */
  name(address: bigint): string | undefined;
}

/** Names that the same code has for other reasons: not the one that people know. */
const ALIAS = /^(__pfx_|__pi_|__se_|__do_)/;

/** Parses /proc/kallsyms: `ffffffff81000000 T _text`. Programs and modules are not of the kernel. */
export function parseKallsyms(text: string): KernelNames {
  const addresses = new Map<string, bigint>();
  const names = new Map<bigint, string>();
  for (const [, digits, name] of text.matchAll(/^([0-9a-f]+) [A-Za-z] (\S+)$/gm)) {
    const address = BigInt(`0x${digits}`);
    if (address === 0n) continue;
    if (!addresses.has(name!)) addresses.set(name!, address);
    const known = names.get(address);
    if (known === undefined || (ALIAS.test(known) && !ALIAS.test(name!))) names.set(address, name!);
  }
  return { address: (name) => addresses.get(name), name: (address) => names.get(address) };
}

let running: KernelNames | undefined;

/** Those of the running kernel; none where it shows no addresses. */
export function kernelNames(): KernelNames {
  try {
    running ??= parseKallsyms(readFileSync('/proc/kallsyms', 'latin1'));
  } catch {
    running = parseKallsyms('');
  }
  return running;
}
