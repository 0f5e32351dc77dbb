import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { POLICIES } from '../../jit';
import { costLines, matrixText } from '../report';
import { formatIssue } from '../spec';
import { policyCosts } from './costs';
import { claimMatrix } from './matrix';

const ROOT = join(__dirname, '../..');
const README = join(ROOT, 'README.md');
const CLAIMS = join(ROOT, 'specs/claims');

const BLOCK = /(?<=\n## Claims\n[^#]*?```console\n)[\s\S]*?(?=^```$)/m;

/** What the command prints; as long as there are no claims, of that what policies cost. */
async function printed(): Promise<string> {
  if (!existsSync(CLAIMS)) return `${costLines(POLICIES.map(policyCosts)).join('\n')}\n`;
  const result = await claimMatrix([relative(process.cwd(), CLAIMS)]);
  if (!result.ok) throw new Error(result.issues.map(formatIssue).join('\n'));
  return `$ ./scripts/privstack matrix\n${matrixText(result.matrix, { color: false })}`;
}

test('the README shows the matrix as it is: BLESS=1 writes it', async () => {
  const text = await printed();
  const readme = readFileSync(README, 'utf8');
  if (process.env.BLESS === '1')
    writeFileSync(
      README,
      readme.replace(BLOCK, () => text),
    );
  else expect(BLOCK.exec(readme)?.[0]).toBe(text);
}, 120_000);
