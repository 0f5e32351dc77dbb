import { addon } from './addon';
import { EmuError } from './errors';
import platforms from './library-names.json';

export interface Library {
  /** Number that the addon knows it by. */
  readonly id: number;
  /** The file that the dynamic linker found. */
  readonly path: string;
  /** As the library says, e.g. `2.0.1`. */
  readonly version: string;
}

const usual = process.platform === 'darwin' ? platforms.darwin : platforms.linux;

/** The command that installs libunicorn here. */
export const installCommand: string = usual.install;

const versionText = (packed: number): string =>
  [packed >>> 24, (packed >>> 16) & 0xff, (packed >>> 8) & 0xff].join('.');

/**
 * Loads libunicorn: `lib`, or else what the environment variable UNICORN_LIB names, or else the usual names. One that is
 * named is the only one tried: a wrong name should not go unnoticed.
 * Errors: `library-missing` when no file was found, `library-bad` when the file named is none or too old.
 */
export function loadLibrary(lib?: string): Library {
  const named = lib ?? process.env.UNICORN_LIB;
  const reasons: string[] = [];
  for (const name of named ? [named] : usual.names) {
    const found = addon().loadLibrary(name);
    if (typeof found === 'object') return { id: found.id, path: found.path, version: versionText(found.version) };
    reasons.push(`  ${name}: ${found}`);
  }
  const missing = reasons.every((reason) => /no such file|image not found/i.test(reason));
  const message = [
    missing ? 'libunicorn was not found. Tried:' : 'libunicorn cannot be used. Tried:',
    ...reasons,
    `Install it with: ${installCommand}`,
    'or name the file in UNICORN_LIB.',
  ];
  throw new EmuError(missing ? 'library-missing' : 'library-bad', message.join('\n'));
}
