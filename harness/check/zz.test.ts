import { test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { judge, lowered, shown } from './testing';
import { SCENES } from './testing-scenes';
test('x', () => {
  const out: string[] = [];
  for (const [name, spec] of Object.entries(SCENES)) {
    for (const { policy } of lowered(spec)[0]!.cases) for (const cpu of [0, 1]) {
      let r; try { r = judge(spec, policy as string, { cpu }); } catch (e) { out.push(`${name} ${policy} ${cpu} ERR ${(e as Error).message}`); continue; }
      out.push(`${name} | ${policy} ${cpu} | ${r.verdict} ${r.reason ?? ''} | ${shown(r).slice(0, 3)} | ${r.findings[0]?.message ?? ''} | ${r.findings[0]?.got ?? ''}`);
    }
  }
  writeFileSync('/tmp/w/checks-matrix.txt', out.join('\n'));
});
