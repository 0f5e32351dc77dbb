import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addon } from './addon';
import { bytes, integer } from './args';
import { EmuError } from './errors';

const BPF_PROG_LOAD = 5;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const MOST_ATTR = 4096;

/**
 * bpf(2): the kernel's result, or -errno; -ENOSYS on other systems than Linux. `attr` is `union bpf_attr`; the addresses
 * in it must be those of live memory, see {@link addressOf}.
 */
export function bpf(cmd: number, attr: Uint8Array): number {
  integer(cmd, 'cmd', 0, 0xffff);
  if (bytes(attr, 'attr').length > MOST_ATTR) throw new EmuError('bad-argument', `attr is over ${MOST_ATTR} bytes`);
  return addon().bpf(cmd, attr)!;
}

/** Where the bytes lie in this process. They stay there as long as the caller keeps the buffer alive. */
export function addressOf(buffer: Uint8Array): bigint {
  return addon().addressOf(bytes(buffer, 'buffer'))!;
}

/** `r0 = 0; exit`, as struct bpf_insn. */
const RETURN_ZERO = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/**
 * Whether this process may load BPF programs: it loads a socket filter of two instructions, which is attached to nothing
 * and gone again at once. Never throws but for a missing addon.
 */
export function bpfAllowed(): { readonly allowed: boolean; readonly reason: string } {
  const insns = Uint8Array.from(RETURN_ZERO);
  const license = Uint8Array.from(Buffer.from('GPL\0'));
  const attr = new Uint8Array(128);
  const fields = new DataView(attr.buffer);
  fields.setUint32(0, BPF_PROG_TYPE_SOCKET_FILTER, true);
  fields.setUint32(4, insns.length / 8, true);
  fields.setBigUint64(8, addressOf(insns), true);
  fields.setBigUint64(16, addressOf(license), true);

  const fd = bpf(BPF_PROG_LOAD, attr);
  if (fd >= 0) {
    closeSync(fd);
    return { allowed: true, reason: 'the kernel accepted a program of two instructions' };
  }
  return { allowed: false, reason: `the kernel refused a program of two instructions: ${getSystemErrorName(fd)}` };
}
