/** Why a call to the emulator was refused. A fault of the guest is never an error but a `RunStatus`. */
export type EmuErrorCode =
  | 'library-missing'
  | 'library-bad'
  | 'addon-missing'
  | 'closed'
  | 'bad-argument'
  | 'overlap'
  | 'too-big'
  | 'sealed'
  | 'not-sealed'
  | 'busy'
  | 'unicorn';

/** The one error of `harness/native`. Made in TypeScript, so that `instanceof` holds under Jest too. */
export class EmuError extends Error {
  override readonly name = 'EmuError';

  constructor(
    readonly code: EmuErrorCode,
    message: string,
  ) {
    super(message);
  }
}
