/** What a command's exit code says. */
export const EXIT = {
  /** All verdicts are as declared. */
  ok: 0,
  /** Some are not, or there are findings where nothing is declared. */
  deviation: 1,
  /** Wrong usage or invalid input. */
  usage: 2,
  /** The environment lacks something. */
  environment: 3,
} as const;

/** A mistake in the command line: its message is all that the user sees. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
