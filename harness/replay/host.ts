import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ANSWER_BYTES, decode, died, encode } from './protocol';
import type { ReplayCase, ReplayResult } from './run';

/** Exit codes of the replayer that are about itself, not about what it ran; in step with src/replay.c. */
const NOT_HERE = 3;
const PROTOCOL = 4;
const PROBE_MS = 10_000;
/** A run ends after 0.3 s of its own: the rest is for a computer that is busy. */
const RUN_MS = 10_000;

function replayer(): string | undefined {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'build', 'replay');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

/** What this computer's CPU has, or why its CPU cannot be asked. */
export type Host = { readonly ok: true; readonly bmi2: boolean } | { readonly ok: false; readonly reason: string };

/** Tries whether machine code can be run on this computer's CPU. */
export function probeHost(): Host {
  const { platform, arch } = process;
  if (platform !== 'linux' || arch !== 'x64') {
    return { ok: false, reason: `only Linux on x86-64 can, and this is ${platform} on ${arch}` };
  }
  const path = replayer();
  if (path === undefined) return { ok: false, reason: 'build/replay is missing. Build it with: npm run setup' };
  const { status, stdout, stderr, error } = spawnSync(path, ['probe'], { encoding: 'utf8', timeout: PROBE_MS });
  if (status === 0) return { ok: true, bmi2: stdout.split('\n').includes('bmi2') };
  return { ok: false, reason: stderr?.trim() || String(error ?? `build/replay ended with ${status}`) };
}

/** Why a process ended before it had answered everything. @throws Error when that says nothing about the code */
function ending({ status, signal, error, stderr }: SpawnSyncReturns<Buffer>): string {
  if (status === NOT_HERE || status === PROTOCOL) throw new Error(`build/replay: ${String(stderr).trim()}`);
  if (error && signal === null) throw error;
  return signal ?? `exit ${status}`;
}

/**
 * Runs machine code on this computer's CPU, in a child process. Where a run takes the process along, that is its result,
 * and the others go on in another one. @throws Error when the process cannot work here, see {@link probeHost}
 */
export function runOnHost(cases: readonly ReplayCase[]): ReplayResult[] {
  const path = replayer();
  if (path === undefined) throw new Error('build/replay is missing. Build it with: npm run setup');
  const results: ReplayResult[] = [];
  while (results.length < cases.length) {
    const rest = cases.slice(results.length);
    const maxBuffer = (rest.length + 1) * ANSWER_BYTES;
    const done = spawnSync(path, [], { input: encode(rest), maxBuffer, timeout: RUN_MS * rest.length });
    const answers = decode(done.stdout);
    results.push(...answers);
    if (answers.length < rest.length) results.push(died(ending(done)));
  }
  return results;
}
