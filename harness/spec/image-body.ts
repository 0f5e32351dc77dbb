import type { LoweredBody } from './bodies';
import type { LowerContext } from './context';
import type { Path } from './issues';
import type { Program } from './jit';
import type { ProgramType } from './names';
import type { Spec } from './schema';
import { BODY_KEYS, type ProgramSpec } from './schema-program';

/** The policy under which images run: there is nothing to choose, a kernel has compiled the program. */
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

type Programs = Pick<Spec, 'programs'>;

export const hasImage = ({ programs }: Programs): boolean =>
  Object.values(programs).some(({ image }) => image !== undefined);

const isImageOnly = (written: ProgramSpec): boolean =>
  written.image !== undefined && BODY_KEYS.every((key) => written[key] === undefined);

/** Whether nothing but images can run: of one of its programs there is no body to compile. */
export const onlyImages = ({ programs }: Programs): boolean => Object.values(programs).some(isImageOnly);

/** `captures.ndjson#name`: the capture of that name; without one, the only capture of the file. */
export function readImageBody(text: string, path: Path, context: LowerContext): ImageBody | undefined {
  if (!context.images)
    return context.reportKey(path, 'an image is run, not compiled', { expected: 'tree, asm, hex or file' });
  const [file, ...rest] = text.split('#');
  const read = context.images(context.source.file, file!, rest.length > 0 ? rest.join('#') : undefined);
  if (!read.ok)
    return context.report(path, read.message, read.expected === undefined ? {} : { expected: read.expected });
  return read.image;
}

/** The body of a program of which there is nothing but an image. */
export function imageOnly(image: ImageBody, path: Path, context: LowerContext): LoweredBody {
  const position = context.position(path);
  const sources = image.program.subprogs.map(({ insns }) => insns.map(() => position));
  return {
    ...{ program: image.program, image, sources, text: '' },
    ...{ labels: [], ownMaps: [], throws: [], flagged: { asyncCallbacks: [] } },
  };
}

/** Keys of programs without a body that say of themselves what the image says of them. */
export const IMAGE_KEYS = [
  'exception_callback',
  'async_callbacks',
  'attach_type',
  'eligible_as',
  'verifier_insns',
] as const;
