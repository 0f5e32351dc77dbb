import type { LoweredBody } from './bodies';
import type { LowerContext } from './context';
import type { Path } from './issues';
import type { Program } from './jit';
import type { ProgramType } from './names';
import type { Spec } from './schema';

/** The policy of a spec with an image: there is nothing to choose, a kernel has compiled the program. */
export const CAPTURED = 'captured';

/** A captured program, as far as a spec looks into it. */
export interface ImageBody {
  readonly program: Program;
  readonly type: ProgramType;
}

/** Finds a capture: of a file beside the spec, by its name. */
export type ImageReader = (
  spec: string,
  file: string,
  name: string | undefined,
) =>
  | { readonly ok: true; readonly image: ImageBody }
  | { readonly ok: false; readonly message: string; readonly expected?: string };

export const hasImage = ({ programs }: Pick<Spec, 'programs'>): boolean =>
  Object.values(programs).some(({ image }) => image !== undefined);

/** `captures.ndjson#name`: the capture of that name; without one, the only capture of the file. */
export function lowerImage(text: string, path: Path, context: LowerContext): LoweredBody | undefined {
  if (!context.images)
    return context.reportKey(path, 'an image is run, not compiled', { expected: 'tree, asm, hex or file' });
  const [file, ...rest] = text.split('#');
  const read = context.images(context.source.file, file!, rest.length > 0 ? rest.join('#') : undefined);
  if (!read.ok)
    return context.report(path, read.message, read.expected === undefined ? {} : { expected: read.expected });
  const position = context.position(path);
  const { image } = read;
  const sources = image.program.subprogs.map(({ insns }) => insns.map(() => position));
  return {
    ...{ program: image.program, image, sources, text: '' },
    ...{ labels: [], ownMaps: [], throws: [], flagged: { asyncCallbacks: [] } },
  };
}

/** Programs beside an image that say of themselves what the image says of them. */
export const IMAGE_KEYS = [
  'exception_callback',
  'async_callbacks',
  'attach_type',
  'eligible_as',
  'verifier_insns',
] as const;
