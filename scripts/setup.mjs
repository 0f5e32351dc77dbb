// Makes a fresh clone ready: npm packages, the native addon, the replayer, libunicorn. Run by prestart and pretest.
//
// Plain JavaScript, because it runs before anything is installed. When there is nothing to do it takes a few
// milliseconds and prints nothing. Progress and errors go to stderr. Exit 3: something is missing that it may not
// install; the message says what, and the command that does. With --check it changes nothing and only reports.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 20;
const EXIT_MISSING = 3;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const checkOnly = process.argv.includes('--check');

class Missing extends Error {}

const say = (text) => process.stderr.write(`setup: ${text}\n`);
const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

function hash(...parts) {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex');
}

/** Runs a command quietly. Whether it succeeded, and what it printed. */
function run(command, args, env = {}) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
  return { ok: done.status === 0, output: done.error ? `${done.error}\n` : `${done.stdout}${done.stderr}` };
}

/** The end of what a failed command printed. */
const tail = (output) => output.trimEnd().split('\n').slice(-20).join('\n');

const works = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

// 1. npm packages

const packagesStamp = at('node_modules', '.privstack-setup');

/** Whether npm's own record of what it installed agrees with the lockfile. */
function installedAsLocked(lockText) {
  const record = readText(at('node_modules', '.package-lock.json'));
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  return Object.entries(JSON.parse(lockText).packages).every(
    ([path, { version, optional, peer }]) => path === '' || optional || peer || installed[path]?.version === version,
  );
}

const packages = {
  what: 'npm packages',
  ready() {
    const lockText = readText(at('package-lock.json'));
    return readText(packagesStamp) === hash(lockText) || installedAsLocked(lockText);
  },
  make() {
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    const attempt = (...args) =>
      run(npm[0], [...npm.slice(1), ...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    let done = attempt('ci');
    // npm ci also refuses a lockfile for lacking packages of other platforms, which npm may not have been able to record.
    // The second form takes the locked versions too, and leaves the lockfile alone.
    if (!done.ok) done = attempt('install', '--no-save');
    const lockText = readText(at('package-lock.json'));
    if (!done.ok || !installedAsLocked(lockText)) {
      throw new Missing(`npm could not install the packages of package-lock.json:\n${tail(done.output)}`);
    }
    writeFileSync(packagesStamp, hash(lockText));
  },
};

// 2. the addon

const sources = at('harness', 'native', 'src');
const addonFile = at('build', 'privstack.node');
const addonStamp = at('build', 'privstack.stamp');

function addonHash() {
  const files = readdirSync(sources).sort();
  const headers = readText(at('node_modules', 'node-api-headers', 'package.json'));
  const { modules } = process.versions;
  return hash(
    process.platform,
    process.arch,
    modules,
    headers,
    ...files.flatMap((f) => [f, readText(join(sources, f))]),
  );
}

function compiler() {
  const found = [process.env.CC, 'cc', 'gcc', 'clang'].find((name) => name && works(name));
  if (found) return found;
  const install = process.platform === 'darwin' ? 'xcode-select --install' : 'sudo apt-get install -y gcc libc6-dev';
  throw new Missing(`a C compiler is needed, and neither cc nor gcc nor clang runs here. Install one with: ${install}`);
}

const loadAddon = () => createRequire(import.meta.url)(addonFile);

/** Why the addon of this build cannot be loaded, if so: it may have been built in another container. */
function addonProblem() {
  try {
    loadAddon();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const addon = {
  what: 'native addon',
  ready: () => existsSync(addonFile) && readText(addonStamp) === addonHash() && !addonProblem(),
  make() {
    mkdirSync(at('build'), { recursive: true });
    const fresh = `${addonFile}.${process.pid}`;
    const platform = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-lpthread', '-ldl'];
    const args = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fPIC', '-fvisibility=hidden', '-shared'];
    args.push('-I', at('node_modules', 'node-api-headers', 'include'), '-o', fresh);
    args.push(...readdirSync(sources).flatMap((f) => (f.endsWith('.c') ? [join(sources, f)] : [])));
    const done = run(compiler(), [...args, ...platform]);
    if (!done.ok) throw new Missing(`the native addon does not compile:\n${tail(done.output)}`);
    // A process that has the old file loaded keeps it: the name is moved to the new one.
    renameSync(fresh, addonFile);
    const problem = addonProblem();
    if (problem) throw new Missing(`the native addon was built, but cannot be loaded: ${problem}`);
    writeFileSync(addonStamp, addonHash());
  },
};

// 3. the replayer, a program that runs machine code on this computer's CPU

const replaySource = at('harness', 'replay', 'src', 'replay.c');
const replayFile = at('build', 'replay');
const replayStamp = at('build', 'replay.stamp');
const replayHash = () => hash(process.platform, process.arch, readText(replaySource));

const replayer = {
  what: 'replayer',
  // It is for Linux on x86-64; elsewhere what needs it says so.
  ready: () =>
    process.platform !== 'linux' ||
    process.arch !== 'x64' ||
    (existsSync(replayFile) && readText(replayStamp) === replayHash()),
  make() {
    mkdirSync(at('build'), { recursive: true });
    const fresh = `${replayFile}.${process.pid}`;
    const done = run(compiler(), ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', fresh, replaySource]);
    if (!done.ok) throw new Missing(`the replayer does not compile:\n${tail(done.output)}`);
    renameSync(fresh, replayFile);
    writeFileSync(replayStamp, replayHash());
  },
};

// 4. libunicorn

const platforms = JSON.parse(readText(at('harness', 'native', 'library-names.json')));
const usual = process.platform === 'darwin' ? platforms.darwin : platforms.linux;

/** Why no libunicorn can be loaded, a line for each name tried; nothing when one can. */
function libraryProblems() {
  const { loadLibrary } = loadAddon();
  const problems = [];
  for (const name of process.env.UNICORN_LIB ? [process.env.UNICORN_LIB] : usual.names) {
    const found = loadLibrary(name);
    if (typeof found === 'object') return [];
    problems.push(`  ${name}: ${found}`);
  }
  return problems;
}

/** Installs the Debian package where that is possible. What was tried, as text. */
function installLibrary() {
  if (process.env.UNICORN_LIB) return 'UNICORN_LIB names it, so nothing was installed.';
  if (process.platform !== 'linux' || !works('apt-get')) return 'No apt-get here, so nothing was installed.';
  if (process.getuid() !== 0) return 'Not root, so nothing was installed.';
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const update = run('apt-get', ['update', '-q'], env);
  const install = run('apt-get', ['install', '-y', '-q', '--no-install-recommends', usual.package], env);
  if (install.ok) return `apt-get installed ${usual.package}.`;
  return `apt-get could not install ${usual.package}:\n${tail(update.ok ? install.output : update.output + install.output)}`;
}

const library = {
  what: 'libunicorn',
  ready: () => libraryProblems().length === 0,
  make() {
    const tried = installLibrary();
    const problems = libraryProblems();
    if (problems.length === 0) return;
    const lines = ['libunicorn cannot be loaded:', ...problems, tried, `Install it with: ${usual.install}`];
    throw new Missing([...lines, 'or name the file in the environment variable UNICORN_LIB.'].join('\n'));
  },
};

// All steps, once at a time

const lock = at('build', 'setup.lock');

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Waits until no other setup of this clone is at work. The lock is a file that names its owner, linked into place. */
async function takeLock() {
  mkdirSync(dirname(lock), { recursive: true });
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; ; told = true) {
      try {
        return linkSync(mine, lock);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const owner = Number(readText(lock));
      if (owner && !isAlive(owner)) rmSync(lock, { force: true });
      else if (!told) say(`waiting for another setup (process ${owner})`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

async function setUp() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new Missing(`Node ${OLDEST_NODE} or newer is needed, and this is ${process.version}`);
  }
  const steps = [packages, addon, replayer, library];
  if (steps.every((step) => step.ready())) return;
  if (checkOnly) throw new Missing(`not ready: ${steps.find((step) => !step.ready()).what}`);
  await takeLock();
  try {
    for (const step of steps) {
      if (step.ready()) continue;
      say(`${step.what} ...`);
      step.make();
    }
  } finally {
    rmSync(lock, { force: true });
  }
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  say(error.message);
  process.exitCode = EXIT_MISSING;
}
