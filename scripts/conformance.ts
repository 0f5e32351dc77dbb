import { readFileSync } from 'node:fs';
import { runConformance, runPlugin } from '../harness';
import { EXIT } from './exit-codes';

/** `privstack conformance`: 0 when every case passes, 1 when some do not, 2 when files cannot be read. */
export function conformance(path: string): void {
  const { results, opcodes, errors } = runConformance(path);
  for (const { file, pass, detail } of results) {
    process.stdout.write(pass ? `✓ ${file}\n` : `✗ ${file}\n    ${detail}\n`);
  }
  if (results.length > 0) {
    const failed = results.filter(({ pass }) => !pass).length;
    process.stdout.write(`\n${opcodes}\n\n${results.length - failed} passed, ${failed} failed\n`);
    process.exitCode = failed === 0 ? EXIT.ok : EXIT.deviation;
  }
  for (const error of errors) process.stderr.write(`${error}\n`);
  if (errors.length > 0) process.exitCode = EXIT.usage;
}

/** `privstack plugin`: memory as a hex argument, the program as hex on the standard input, r0 in hex as the answer. */
export function plugin(args: readonly string[]): void {
  const answer = runPlugin(args, readFileSync(0, 'utf8'));
  if (answer.ok) process.stdout.write(`${answer.text}\n`);
  else {
    process.stderr.write(`${answer.error}\n`);
    process.exitCode = EXIT.deviation;
  }
}
