import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Emu, EmuError } from '../native';

const SOURCES = [
  'harness/bench/src/bare.c',
  'harness/bench/src/bare-file.c',
  'harness/bench/src/bare.h',
  'harness/native/src/library.c',
  'harness/native/src/library.h',
];
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra'];
const LIBRARIES = process.platform === 'darwin' ? [] : ['-lpthread', '-ldl'];
const INSTALL = process.platform === 'darwin' ? 'xcode-select --install' : 'sudo apt-get install -y gcc libc6-dev';

/** What the bare loop says of one pass over a file; times in nanoseconds. */
export interface Bare {
  readonly programs: number;
  readonly runs: number;
  /** Runs that did not end as the file says. */
  readonly wrong: number;
  readonly wall: number;
  readonly cpu: number;
}

function root(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new EmuError('addon-missing', 'the sources of the bare loop are missing');
  }
}

const works = (compiler: string): boolean => spawnSync(compiler, ['--version']).status === 0;

function compiler(): string {
  const found = [process.env.CC, 'cc', 'gcc', 'clang'].find((name) => name && works(name));
  if (found !== undefined) return found;
  const missing = 'the bare loop is compiled, and neither cc nor gcc nor clang runs here';
  throw new EmuError('addon-missing', `${missing}. Install one with: ${INSTALL}`);
}

/** Builds the loop where that was not done already, and returns its path. @throws EmuError without a compiler */
function build(): string {
  const base = root();
  const sources = SOURCES.map((name) => join(base, name));
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const path = join(base, 'build', `bare-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  const files = sources.filter((name) => name.endsWith('.c'));
  const { status, stderr } = spawnSync(compiler(), [...FLAGS, '-o', fresh, ...files, ...LIBRARIES], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new EmuError('addon-missing', `the bare loop does not compile:\n${stderr.trim()}`);
  renameSync(fresh, path);
  return path;
}

/** The C program that only runs what is in a file. @throws EmuError where it or libunicorn cannot be had */
export class BareLoop {
  private readonly path = build();
  private readonly library = Emu.library().path;

  /** One pass over a file. @throws Error when it does not do what the file says */
  run(file: string): Bare {
    const { status, stdout, stderr } = spawnSync(this.path, [this.library, file], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr.trim() || `the bare loop ended with ${status}`);
    const bare = JSON.parse(stdout) as Bare;
    if (bare.wrong > 0) throw new Error(`the bare loop: ${bare.wrong} of ${bare.runs} runs ended otherwise`);
    return bare;
  }
}
