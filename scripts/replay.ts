import { replay as replayCases, replayText } from '../harness';
import { POLICIES } from '../jit';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';
import { policyOption } from './options';

export interface ReplayCommand {
  readonly cases: number;
  readonly seed: number;
  readonly policy?: readonly string[];
}

/** `privstack replay`: 0 when the CPU and the emulator agree on every case, 1 when not, 3 where the CPU cannot be asked. */
export function replay({ cases, seed, policy: names }: ReplayCommand): void {
  if (cases < 1) throw new UsageError('--cases must be at least 1');
  const policies = names ? names.map(policyOption) : POLICIES;
  const outcome = replayCases({ cases, seed, policies });
  if (!outcome.ok) {
    process.stderr.write(`privstack: programs cannot be run on this computer's CPU: ${outcome.reason}\n`);
    process.exitCode = EXIT.environment;
    return;
  }
  const command = [calledAs(), 'replay', ...(names ?? []).map((name) => `--policy ${name}`)].join(' ');
  process.stdout.write(replayText(outcome.figures, command));
  process.exitCode = outcome.figures.different.length === 0 ? EXIT.ok : EXIT.deviation;
}
