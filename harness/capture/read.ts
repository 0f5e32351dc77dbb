import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CaptureError, captureOf, captureType, type LocatedCapture } from './capture';
import { type MachineDescription, MachineError, machineDescription } from './machine';

/** The captures of a file, or what is wrong with it, as `file:line: field: problem`. */
export interface ReadCaptures {
  readonly captures: readonly LocatedCapture[];
  readonly problems: readonly string[];
}

export interface ReadOptions {
  /** File that describes the machine. Default: what the captures say themselves, then `machine.json` beside them. */
  readonly machine?: string;
}

/** More problems of one file are not told. */
const MOST_PROBLEMS = 10;
const MAX_BYTES = 256 << 20;

class Problem extends Error {}

function textOf(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new Problem('a directory, expected a file of captures');
    throw new Problem(code === 'ENOENT' ? 'no such file' : `cannot be read: ${message}`);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString();
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES }).toString();
  } catch (error) {
    throw new Problem(`cannot be unpacked: ${(error as Error).message}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CaptureError(`no JSON: ${(error as Error).message}`);
  }
}

function readMachine(file: string): MachineDescription {
  const said = (problem: string) => new Problem(`${file}: ${problem}`);
  let text: string;
  try {
    text = textOf(file);
  } catch (error) {
    throw error instanceof Problem ? said(error.message) : error;
  }
  try {
    return machineDescription(parse(text));
  } catch (error) {
    throw error instanceof MachineError || error instanceof CaptureError ? said(error.message) : error;
  }
}

/** The machine of captures that do not bring along theirs. */
function machineBeside(file: string, { machine }: ReadOptions): MachineDescription | null {
  if (machine !== undefined) return readMachine(machine);
  const beside = join(dirname(file), 'machine.json');
  return file !== '-' && existsSync(beside) ? readMachine(beside) : null;
}

const isMachine = (value: unknown): value is { readonly machine: unknown } =>
  typeof value === 'object' && value !== null && 'machine' in value && !('request' in value);

/** Reads a file of captures, plain or packed with gzip; `-` is the standard input. */
export function readCaptureFile(file: string, options: ReadOptions = {}): ReadCaptures {
  const shown = file === '-' ? '<stdin>' : file;
  const captures: LocatedCapture[] = [];
  const problems: string[] = [];
  try {
    const lines = textOf(file).split('\n');
    let machine = machineBeside(file, options);
    for (const [index, text] of lines.entries()) {
      if (text.trim() === '') continue;
      const line = index + 1;
      try {
        const value = parse(text);
        if (isMachine(value)) {
          const own = machineDescription(value.machine);
          machine = options.machine === undefined ? own : machine;
          continue;
        }
        const capture = captureOf(value);
        if (machine === null) {
          throw new Problem(
            `nothing says which machine these are from: expected a first line {"machine": ...}, or machine.json beside the file`,
          );
        }
        captures.push({ capture, type: captureType(capture.prog_type), file: shown, line, machine });
      } catch (error) {
        if (!(error instanceof CaptureError || error instanceof MachineError)) throw error;
        if (problems.length < MOST_PROBLEMS) problems.push(`${shown}:${line}: ${error.message}`);
      }
    }
    if (captures.length === 0 && problems.length === 0) throw new Problem('there is no capture in it');
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { captures: [], problems: [`${shown}: ${error.message}`] };
  }
  return { captures, problems };
}
