import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { Emu, EmuError, Prot } from './index';
import { CODE, Guest, RET, STACK, STOP } from './testing';

const TSX = ['--require', 'tsx/cjs'];
const TESTING = JSON.stringify(join(__dirname, 'testing.ts'));
const INDEX = JSON.stringify(join(__dirname, 'index.ts'));

/** Runs a script of its own process, and gives what it printed; fails when a signal ended it. */
function child(script: string, ...flags: string[]): string {
  const prelude = `const { Guest, CODE, RET, STACK } = require(${TESTING}); const { Emu, Action } = require(${INDEX});`;
  const done = spawnSync(process.execPath, [...TSX, ...flags, '-e', prelude + script], { encoding: 'utf8' });
  expect({ signal: done.signal, stderr: done.stderr }).toEqual({ signal: null, stderr: '' });
  return `${done.stdout.trim()} exit ${done.status}`;
}

describe('a closed engine', () => {
  test('refuses everything, and closes again', () => {
    const { emu } = new Guest();
    emu.close();
    emu.close();
    const attempts = [
      () => emu.run(CODE),
      () => emu.map(0x1000n, 0x1000, Prot.RW),
      () => emu.protect(STACK, 0x1000, Prot.R),
      () => emu.readBytes(STACK, 1),
      () => emu.writeBytes(STACK, Uint8Array.of(1)),
      () => emu.hookHelpers([1n]),
      () => emu.setHelperPolicy(0, { ret: 0n, poison: [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n], belowRsp: 0 }),
      () => emu.watchMemory(0n, 1n),
      () => emu.seal({ stop: STOP }),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  test('leaves arrays that are empty and harmless', () => {
    const guest = new Guest((emu) => emu.traceCode(CODE, CODE));
    guest.run([RET]);
    guest.emu.close();
    guest.stack[0] = 1;
    expect(() => guest.stack.fill(5)).toThrow(/detached/);
    guest.emu.regs[0] = 1n;
    expect([guest.stack.length, guest.code.length, guest.emu.regs.length]).toEqual([0, 0, 0]);
    expect([guest.stack[0], guest.emu.regs[0], guest.emu.eventCount, guest.emu.eventsLost]).toEqual([
      undefined,
      undefined,
      0,
      false,
    ]);
  });
});

test('an array that was dropped or moved elsewhere leaves the guest its memory', () => {
  const guest = new Guest();
  const bytes = guest.emu.map(0x10000n, 0x1000, Prot.RW);
  let moved: Uint8Array | undefined;
  try {
    moved = structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  } catch {
    // Node may refuse to move memory that is not its own.
  }
  // mov byte [rdi], 7; ret
  expect(guest.run([0xc6, 0x07, 0x07, RET], { rdi: 0x10000n }).kind).toBe('ok');
  expect(guest.emu.readBytes(0x10000n, 1)).toEqual(Uint8Array.of(7));
  guest.emu.close();
  if (moved) moved.fill(1);
});

test('opening and closing leaves nothing behind, without ever returning to the event loop', () => {
  const rss = () => process.memoryUsage.rss() / 2 ** 20;
  const once = () => {
    const guest = new Guest((emu) => emu.traceCode(CODE, CODE + 0xffn));
    guest.stack.fill(1);
    guest.run([RET]);
    guest.emu.map(0x100000n, 1 << 20, Prot.RW).fill(1);
    guest.emu.close();
  };
  for (let i = 0; i < 20; i++) once();
  const before = rss();
  for (let i = 0; i < 200; i++) once();
  expect(rss() - before).toBeLessThan(50);
});

test('there is a limit to open engines, and it is an error', () => {
  const open: Emu[] = [];
  expect(() => {
    for (let i = 0; i < 1000; i++) open.push(Emu.open({ eventCapacity: 1 }));
  }).toThrow(expect.objectContaining({ code: 'too-big' }));
  expect(open.length).toBeGreaterThan(100);
  for (const emu of open) emu.close();
  Emu.open().close();
});

test('an engine that nobody closes is freed as garbage, and arrays of it stay good', async () => {
  const printed = child(
    `
    const kept = [];
    (async () => {
      for (let i = 0; i < 300; i++) {
        const guest = new Guest();
        guest.stack[5] = 7;
        if (i % 100 === 0) kept.push(guest.stack);
        if (i % 50 === 49) { gc(); await new Promise((done) => setTimeout(done, 5)); }
      }
      console.log(kept.map((bytes) => bytes[5]).join());
    })();`,
    '--expose-gc',
  );
  expect(printed).toBe('7,7,7 exit 0');
});

describe('a process may end', () => {
  test('with engines open', () => {
    expect(child('const guest = new Guest(); guest.run([RET]); console.log(1)')).toBe('1 exit 0');
  });

  test('from within a callback', () => {
    const script = `
      const guest = new Guest((emu) => emu.onCode(CODE, CODE, () => process.exit(5)));
      console.log(2);
      guest.run([RET]);`;
    expect(child(script)).toBe('2 exit 5');
  });

  test('with an exception from within a callback', () => {
    const script = `
      const guest = new Guest((emu) => emu.onCode(CODE, CODE, () => { throw 3; }));
      try { guest.run([RET]); } catch (error) { console.log(error); }`;
    expect(child(script)).toBe('3 exit 0');
  });

  test('and endless recursion in a callback is an ordinary error', () => {
    const script = `
      const deeper = () => deeper() + 1;
      const guest = new Guest((emu) => emu.onCode(CODE, CODE, deeper));
      try { guest.run([RET]); } catch (error) { console.log(error.name); }
      guest.emu.close();`;
    expect(child(script)).toBe('RangeError exit 0');
  });
});

describe('a worker', () => {
  const start = (script: string) =>
    new Worker(`const { Guest, CODE, RET, call, HELPERS } = require(${TESTING}); ${script}`, {
      eval: true,
      execArgv: TSX,
    });

  test('has engines of its own, and may end with them open', async () => {
    const guest = new Guest();
    const worker = start(`
      const guest = new Guest();
      guest.run([0x48, 0x8d, 0x47, 1, RET], { rdi: 1n });
      require('node:worker_threads').parentPort.postMessage(guest.reg('rax'));`);
    const answer = new Promise((resolve) => worker.once('message', resolve));
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    expect(guest.run([0x48, 0x8d, 0x47, 1, RET], { rdi: 2n }).kind).toBe('ok');
    expect([await answer, await exit, guest.reg('rax')]).toEqual([2n, 0, 3n]);
    guest.emu.close();
  });

  test('can be terminated while its callbacks loop without end', async () => {
    const worker = start(`
      let told = false;
      const guest = new Guest((emu) => {
        emu.hookHelpers([HELPERS], { js: [true] });
        emu.onHelper(() => {
          if (!told) require('node:worker_threads').parentPort.postMessage(told = true);
          return 0;
        });
      }, { blockBudget: Number.MAX_SAFE_INTEGER, stopWhenFull: false });
      guest.run([...call(CODE, HELPERS), 0xeb, 0xf9]);`);
    await new Promise((resolve) => worker.once('message', resolve));
    expect(await worker.terminate()).toBe(1);
  });
});

test('errors are errors of this realm', () => {
  expect(() => Emu.open({ lib: '/nowhere/libunicorn.so' })).toThrow(EmuError);
});
