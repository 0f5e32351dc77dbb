import { closeSync, openSync, writeSync } from 'node:fs';
import { policyNamed } from '../../jit';
import type { Answer, Order, Start } from './orders';
import { emptyTally } from './tally';
import { Work } from './work';

/**
 * The process in which programs run: libunicorn may end it, and then its parent reads in the file which case it was. Started by a
 * `Crew`, which tells it a `Start` first.
 */
function main(start: Start): void {
  const fd = openSync(start.file, 'w');
  const written = new BigInt64Array(1);
  const work = new Work(policyNamed(start.policy)!, start.plan);
  const say = (answer: Answer): void => void process.send!(answer);
  const note = (index: number): void => {
    written[0] = BigInt(index);
    writeSync(fd, written, 0, 8, 0);
  };

  /** What cases here have reached, and the parent knows of. */
  const known = new Set<string>();
  let lastBlock = 0;

  const answer = (order: Order): Answer => {
    if (order.kind === 'explain') {
      note(order.wanted.index);
      return { kind: 'explained', find: work.explain(order.wanted, order.deadly) };
    }
    const tally = emptyTally();
    // Blocks in front of this one are counted before it, unless somebody has died over this one.
    if (order.block.number < lastBlock) known.clear();
    lastBlock = order.block.number;
    const reached: [string, string[]][] = [];
    const refusals: [string, string][] = [];
    const places = order.block.paths
      .map((path, i) => ({ index: order.block.from + i, path }))
      .filter(({ index }) => !order.skip.includes(index));
    const seen = work.run(places, tally, {
      begins: ({ index }) => note(index),
      reached({ path }, features) {
        const fresh = [...features].filter((each) => !known.has(each));
        for (const each of fresh) known.add(each);
        if (fresh.length > 0) reached.push([path, fresh]);
      },
      refused: ({ path }, reason) => void refusals.push([path, reason]),
    });
    return { kind: 'ran', seen, tally, refusals, reached };
  };

  process.on('message', (order: Order) => {
    try {
      say(answer(order));
    } catch (error) {
      const { message = String(error), stack, code } = error as NodeJS.ErrnoException;
      say({ kind: 'failed', message, ...(stack && { stack }), ...(code && { code }) });
    }
  });
  // The parent is gone, or has no more to do.
  process.on('disconnect', () => {
    work.close();
    closeSync(fd);
    process.exit(0);
  });
  // Ctrl-C in a terminal reaches the whole group; the parent decides when it ends.
  process.on('SIGINT', () => {});
  say({ kind: 'ready' });
}

process.once('message', (start: Start) => main(start));
// Whoever has started it wanted nothing in the end.
process.once('disconnect', () => process.exit(0));
