/** What is wrong at a place of a body; line and column count from 1. */
export interface AssemblyError {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected?: string;
}

/** How many bytes a body may hold as text: a helper is some instructions, not a file. */
export const MAX_BODY_TEXT = 65_536;

/** How many statements a body may have. */
export const MAX_STATEMENTS = 1_000;

/** Ends the work on one statement; {@link attempt} turns it back into a value. */
class Refusal extends Error {
  constructor(
    readonly column: number,
    message: string,
    readonly expected?: string,
  ) {
    super(message);
  }
}

/** Refuses the statement at hand. */
export function refuse(column: number, message: string, expected?: string): never {
  throw new Refusal(column, message, expected);
}

/** The work's value, or undefined and its refusal noted; any other exception passes. */
export function attempt<T>(line: number, errors: AssemblyError[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { column, message, expected } = error;
    errors.push({ line, column, message, ...(expected === undefined ? {} : { expected }) });
    return undefined;
  }
}
