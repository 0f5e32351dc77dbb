import { Btf } from './btf';
import { isElf, sectionOf } from './file';
import { Part } from './part';
import { ElfProblem } from './problem';

const NAME = "the kernel's BTF";

function readKernelBtf(bytes: Uint8Array): Btf {
  if (!isElf(bytes)) return new Btf(new Part(NAME, bytes));
  const part = sectionOf(bytes, '.BTF');
  if (!part) throw new ElfProblem('the sections', 'there is no .BTF');
  return new Btf(new Part(NAME, part.bytes));
}

/** The types of a file that several programs adapt to, indexed once. */
const known = new WeakMap<Uint8Array, Btf>();

/** The types in a file of BTF, or of an ELF file's `.BTF`. @throws ElfProblem */
export function kernelBtf(bytes: Uint8Array): Btf {
  const found = known.get(bytes);
  if (found) return found;
  try {
    const btf = readKernelBtf(bytes);
    known.set(bytes, btf);
    return btf;
  } catch (error) {
    if (!(error instanceof ElfProblem) || error.issue.place.startsWith(NAME)) throw error;
    const { place, message, ...hints } = error.issue;
    throw new ElfProblem(`${NAME}, ${place}`, message, hints);
  }
}
