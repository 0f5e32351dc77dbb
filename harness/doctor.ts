import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { loadedVersion } from './machine/assembly';
import { bpfAllowed, Emu } from './native';

/** One thing that is there or not. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly text: string;
  /** Nothing works without it. */
  readonly needed: boolean;
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function attempt(what: string, needed: boolean, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, text: await look(), needed };
  } catch (error) {
    return { what, ok: false, text: firstLine(error), needed };
  }
}

/** What this machine has and lacks. */
export function examine(): Promise<Finding[]> {
  const bpf = async (): Promise<Finding> => {
    const { allowed, reason } = bpfAllowed();
    return { what: 'bpf(2)', ok: allowed, text: allowed ? 'allowed' : reason, needed: false };
  };
  return Promise.all([
    attempt('Node', true, () => `${process.version}, ${process.platform} ${process.arch}`),
    attempt('compiler', false, () => {
      const output = execFileSync('cc', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return output.split('\n')[0]!;
    }),
    attempt('libunicorn', true, () => {
      const { version, path } = Emu.library();
      return `${version}, ${path}`;
    }),
    attempt('Keystone', false, loadedVersion),
    bpf(),
    attempt('kernel', false, () => release()),
  ]);
}
