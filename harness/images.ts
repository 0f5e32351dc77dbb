import { dirname, isAbsolute, join } from 'node:path';
import { DecodeError } from './capture/decode';
import { type CapturedProgram, placeCapture } from './capture/placed';
import { type ReadCaptures, readCaptureFile } from './capture/read';
import type { ImageBody, ImageReader } from './spec';

/** A captured program as a body of a spec. */
class CapturedBody implements ImageBody {
  constructor(readonly captured: CapturedProgram) {}

  get program() {
    return this.captured.program;
  }

  get type() {
    return this.captured.located.type;
  }
}

/** The captured program behind a body; undefined for any other. */
export const capturedOf = (image: ImageBody | undefined): CapturedProgram | undefined =>
  image instanceof CapturedBody ? image.captured : undefined;

const files = new Map<string, ReadCaptures>();

/**
 * Reads captures for specs, each file once. Files are relative to the spec. Of `folder/spec.yaml/program`, as `capture` names it,
 * the end will do.
 */
export const readImage: ImageReader = (spec, file, name) => {
  const path = isAbsolute(file) ? file : join(dirname(spec), file);
  const read = files.get(path) ?? readCaptureFile(path);
  files.set(path, read);
  if (read.problems.length > 0) return { ok: false, message: read.problems[0]! };
  const names = read.captures.map(({ capture }) => capture.name);
  const exact = read.captures.filter(({ capture }) => name === undefined || capture.name === name);
  const found = exact.length > 0 ? exact : read.captures.filter(({ capture }) => capture.name.endsWith(`/${name}`));
  if (found.length !== 1) {
    const which =
      name === undefined
        ? `${file} has ${names.length} captures`
        : `${file} has ${found.length} captures of the name \`${name}\``;
    const near = names.slice(0, 5).join(', ');
    return { ok: false, message: which, expected: `FILE#NAME, as ${near}${names.length > 5 ? ', ...' : ''}` };
  }
  try {
    return { ok: true, image: new CapturedBody(placeCapture(found[0]!)) };
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, message: `${file}: ${error.message}` };
    throw error;
  }
};
