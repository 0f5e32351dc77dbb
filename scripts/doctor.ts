import { examine } from '../harness';
import { EXIT } from './exit-codes';

/** `privstack doctor`: a line for each thing; 3 when something is missing that nothing works without. */
export async function doctor(): Promise<void> {
  const found = await examine();
  for (const { what, ok, text } of found) {
    const lines = text.split('\n').join(`\n${' '.repeat(16)}`);
    process.stdout.write(`${ok ? '✓' : '✗'} ${what.padEnd(13)} ${lines}\n`);
  }
  process.exitCode = found.every(({ ok, needed }) => ok || !needed) ? EXIT.ok : EXIT.environment;
}
