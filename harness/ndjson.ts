import { JitError, LinkError, RequestError } from '../jit';
import { type Request, RequestProblem } from './request-program';

/** Errors that are a request's own fault; anything else is a bug, and must not look like an answer. */
const EXPECTED = [RequestProblem, RequestError, JitError, LinkError];

function parse(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RequestProblem(`no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestProblem('expected an object');
  return value as Request;
}

/** Answers one line of NDJSON; undefined for a blank one. A request that fails gets `{name, error}`. */
export function answerLine(line: string, answer: (request: Request) => object): string | undefined {
  if (line.trim() === '') return undefined;
  let name: unknown = null;
  try {
    const request = parse(line);
    name = request.name ?? null;
    return JSON.stringify(answer(request));
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    return JSON.stringify({ name, error: (error as Error).message });
  }
}
