import { CHECKS, FAULTS } from '../harness';
import { POLICIES } from '../jit';
import { UsageError } from './exit-codes';

/** `privstack explain`: what an id means; without one, all ids. */
export function explain(id: string | undefined): void {
  const rows = [
    ...CHECKS.map((check) => ({ id: check.id, text: `check: ${check.title}` })),
    ...POLICIES.map(({ name, block, compute, preserve, boundary, callback, mayGoto }) => ({
      id: name,
      text: `policy: block ${block}, compute ${compute.name}, preserve ${preserve.name}, boundary ${boundary.name}, callback ${callback.name}, may_goto ${mayGoto}`,
    })),
    ...FAULTS.map(({ id, story, check }) => ({ id, text: `fault: ${story} (${check})` })),
  ];
  const chosen = id === undefined ? rows : rows.filter((row) => row.id === id);
  if (chosen.length === 0) throw new UsageError(`nothing has the id \`${id}\`: \`privstack explain\` lists all`);
  for (const row of chosen) process.stdout.write(`${row.id.padEnd(16)} ${row.text}\n`);
}
