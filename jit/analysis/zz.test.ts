import { test } from '@jest/globals';
import { bpf, type Insn } from '../bpf';
import { analyse, programErrors } from './index';

const p = (main: Insn[]) => ({ name: 'p', subprogs: [{ name: 'main', insns: main }], kfuncs: [], maps: [] });
test('speed', () => {
  const mk: Record<string, Insn[]> = { alu: [], jumps: [], loops: [], diamonds: [], nest: [], calls: [] };
  for (let i = 0; i < 100000; i++) mk.alu!.push(bpf.add64('r1', 1));
  for (let i = 0; i < 100000; i++) mk.jumps!.push(bpf.jeq64('r1', 0, 0));
  for (let i = 0; i < 33000; i++) mk.loops!.push(bpf.mov64('r1', 'r10'), bpf.add64('r1', -8), bpf.jeq64('r2', 0, -3));
  mk.diamonds!.push(bpf.mov64('r1', 'r10'));
  for (let i = 0; i < 50000; i++) mk.diamonds!.push(bpf.jeq64('r2', 0, 1), bpf.add64('r1', -(1 << (i % 20))));
  for (let r = 0; r < 10; r++) mk.nest!.push(bpf.mov64(`r${r}` as 'r1', 'r10'));
  for (let i = 0; i < 49990; i++) mk.nest!.push(bpf.add64('r1', i % 10));
  for (let i = 0; i < 49990; i++) mk.nest!.push(bpf.jeq64('r2', 0, -Math.min(2 * i + 2, 32768)));
  for (let i = 0; i < 100000; i++) mk.calls!.push(bpf.callHelper(5));
  for (const [k, v] of Object.entries(mk)) {
    const q = p([...v, bpf.exit()]);
    const ts = [];
    for (let i = 0; i < 5; i++) {
      const t = performance.now();
      analyse(q, 'function', { type: 'kprobe' });
      ts.push(performance.now() - t);
    }
    const t1 = performance.now();
    programErrors(q);
    console.log(k, ts.join(' '), performance.now() - t1);
  }
});
