import { createInterface } from 'node:readline';
import { answerLine, type Request } from '../harness';

/** Answers requests on the standard input, a line each, as they come. */
export async function answerAll(answer: (request: Request) => object): Promise<void> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const text = answerLine(line, answer);
    if (text === undefined) continue;
    // A reader that is slower than we are must not make the answers pile up.
    if (!process.stdout.write(`${text}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}
