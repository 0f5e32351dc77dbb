import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, JitError, type Program, printInsn, type Subprog } from '../jit';
import type { CapturedProgram } from './capture/placed';
import type { Verified } from './request-program';
import type { MapSpec } from './spec';

/** Instructions by names. Of a call of a subprog, a kernel leaves the distance in a field that its JIT does not look at. */
const printed = ({ kfuncs, maps }: Program, { insns }: Subprog, subprogs: readonly string[]): string[] =>
  insns.map((insn) => {
    const calls = insn.code === (BPF_JMP | BPF_CALL) && insn.src === BPF_PSEUDO_CALL;
    return printInsn(calls ? { ...insn, off: 0 } : insn, { subprogs, kfuncs, maps });
  });

/**
 * Gives an image the names and the places of the body that it was made of, as our rewrites leave it: they have to leave the
 * instructions that the kernel handed to its JIT.
 * @throws JitError at the first instruction that the kernel's JIT was not given, by its pc in the body as it was written
 */
export function imagedBody(
  captured: CapturedProgram,
  own: Verified,
): Verified & { readonly captured: CapturedProgram } {
  const names = own.program.subprogs.map(({ name }) => name);
  const theirs = captured.program.subprogs;
  own.program.subprogs.forEach((subprog, i) => {
    const ours = printed(own.program, subprog, names);
    const kernel = theirs[i] ? printed(captured.program, theirs[i]!, names) : [];
    const at = ours.findIndex((text, j) => text !== kernel[j]);
    if (at < 0 && kernel.length === ours.length) return;
    const [expected, got] = at < 0 ? ['the end', kernel[ours.length]] : [ours[at], kernel[at] ?? 'the end'];
    const message = `the image is of another body: the kernel's JIT was given \`${got}\`, not \`${expected}\``;
    throw new JitError(message, i, own.origins[i]?.[at] ?? 0);
  });
  if (theirs.length > names.length) throw new JitError('the image is of a body with more subprogs', 0, 0);
  const program = { ...captured.program, subprogs: theirs.map((each, i) => ({ ...each, name: names[i]! })) };
  const functions = captured.functions.map((fn, i) => ({ ...fn, name: names[i]!, rows: () => fn.rows() }));
  const { origins, hidden } = own;
  return { program, analysis: captured.analysis, origins, hidden, captured: { ...captured, functions } };
}

const addresses = ({ config }: CapturedProgram): string =>
  JSON.stringify(config, (_, value) => (typeof value === 'bigint' ? `${value}` : value));

/** Why images cannot run beside each other, or with the maps of a spec: they have the addresses of their kernels. */
export function unfitImages(images: readonly CapturedProgram[], maps: readonly MapSpec[]): string | null {
  if (new Set(images.map(addresses)).size > 1) {
    return 'the images are from different machines, which have different addresses';
  }
  for (const { name } of maps) {
    const places = images.flatMap((image) => image.maps.filter((map) => map.name === name));
    if (new Set(places.map(({ values }) => values)).size > 1) {
      return `the images have the map \`${name}\` at different addresses: each was captured with a map of its own`;
    }
  }
  return null;
}
