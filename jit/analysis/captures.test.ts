import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { decodeInsns, decodeProgram, type Insn, type Program } from '../bpf';
import { analyse, factsFromRequest, isProgramType } from './index';

interface Capture { name: string; prog_type: string; request: any; exec?: { insns: string[] } }
const DATA = join(__dirname, '..', 'testdata', 'kernel');
const captures: Capture[] = gunzipSync(readFileSync(join(DATA, 'captures.ndjson.gz'))).toString().trim().split('\n').map((l) => JSON.parse(l));
const machine = JSON.parse(readFileSync(join(DATA, 'machine.json')).toString());
const base = BigInt(machine.symbols.__bpf_call_base);
const helperAt = new Map<bigint, number>(Object.entries<any>(machine.helpers).filter(([, h]) => h.addr).map(([id, h]) => [BigInt(h.addr), Number(id)]));
const kfuncs = ['bpf_throw', 'other'];
function programOf(c: Capture): Program {
  const ks: bigint[] = c.request.ksyms.map((k: string) => BigInt(k));
  const subprogs = c.request.funcs.map((f: any, i: number) => {
    const d = decodeInsns(f.insns); if (!d.ok) throw new Error('x');
    const insns = d.insns.map((insn): Insn => {
      if (insn.code === 0x85 && insn.src === 0) {
        const id = insn.imm === 12 ? 12 : helperAt.get(base + BigInt(insn.imm));
        if (id===undefined) console.log(c.name, 'helper?', insn);
        return { ...insn, imm: id ?? insn.imm };
      }
      if (insn.code === 0x85 && insn.src === 2) return { ...insn, imm: base + BigInt(insn.imm) === BigInt(machine.symbols.bpf_throw) ? 0 : 1 };
      if (insn.code === 0x18 && insn.src === 4) return { ...insn, imm64: BigInt(ks.indexOf(insn.imm64!)) };
      return insn;
    });
    return { name: `f${i}`, insns };
  });
  return { name: 'prog', subprogs, kfuncs, maps: [] };
}
test('x', () => {
  const out: string[] = [];
  for (const c of captures) {
    const type = c.prog_type.toLowerCase();
    if (!isProgramType(type)) throw new Error(type);
    const eat = c.request.expected_attach_type?.toLowerCase().replace('trace_', '');
    const want = factsFromRequest(c.request);
    const cb = want.facts.subprogs.findIndex((s) => s.exceptionCallback);
    const arena = want.facts.subprogs[0]!.arena ?? undefined;
    const run = (p: Program, what: string) => {
      const a = analyse(p, 'function', { type, attachType: eat, exceptionCallback: cb < 0 ? undefined : cb, arena });
      const diff: string[] = [];
      if (a.refusal) diff.push(a.refusal);
      if (a.subprogs.length !== want.facts.subprogs.length) diff.push(`subprogs ${a.subprogs.length} ${want.facts.subprogs.length}`);
      else a.subprogs.forEach((s, i) => {
        const w = want.facts.subprogs[i]!;
        for (const k of ['isSubprog', 'stackDepth', 'tailCallReachable', 'exceptionBoundary', 'exceptionCallback'] as const) if (s[k] !== w[k]) diff.push(`${i} ${k} ${s[k]} != ${w[k]}`);
        if (JSON.stringify(s.tailCalls) !== JSON.stringify(w.tailCalls)) diff.push(`${i} tc ${s.tailCalls} ${w.tailCalls}`);
        if (JSON.stringify(s.private) !== JSON.stringify(w.private)) diff.push(`${i} priv ${JSON.stringify(s.private)} ${JSON.stringify(w.private)}`);
      });
      if (diff.length) out.push(`${what} ${c.name}: ${diff.join('; ')}`);
    };
    if (c.exec) { const d = decodeProgram(Buffer.from(c.exec.insns.join(''), 'hex')); if (!d.ok) throw new Error('d'); run(d.program, 'exec'); }
    run(programOf(c), 'req');
  }
  console.log(out.length + '\n' + out.join('\n'));
  expect(1).toBe(1);
});
