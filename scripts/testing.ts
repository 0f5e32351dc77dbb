import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The checkout. */
export const ROOT = resolve(__dirname, '..');
const PRIVSTACK = join(ROOT, 'scripts', 'privstack');

/** What a run of the command line did. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Call {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Stop reading after the first bytes, as `| head` does. */
  readonly hangUp?: boolean;
}

/** How many run at once. */
const WORKERS = 2;
let running = 0;
const waiting: (() => void)[] = [];

async function turn(): Promise<void> {
  if (running >= WORKERS) await new Promise<void>((go) => waiting.push(go));
  else running++;
}

function done(): void {
  const next = waiting.shift();
  if (next) next();
  else running--;
}

/** Runs `privstack` as a user does: a process of its own, no terminal, no colours. */
export async function privstack(args: readonly string[], call: Call = {}): Promise<Outcome> {
  await turn();
  try {
    return await new Promise((settle, fail) => {
      const env = { ...process.env, ...call.env };
      const child = spawn(process.execPath, [PRIVSTACK, ...args], { cwd: call.cwd ?? ROOT, env });
      let out = '';
      let err = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        if (call.hangUp) child.stdout.destroy();
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text;
      });
      child.on('error', fail);
      child.on('close', (code) => settle({ code, out, err }));
      // A process that is done before it has read everything is no error of the test's.
      child.stdin.on('error', () => {});
      child.stdin.end(call.input ?? '');
    });
  } finally {
    done();
  }
}

/** A folder for one test file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'privstack-'));

  /** Writes a file, folders above it included. @returns its path */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
