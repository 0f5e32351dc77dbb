import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Folder, privstack, ROOT } from './testing';

const folder = new Folder();
afterAll(() => folder.remove());

const REVIEW_TREE = 'specs/private-stack/review-tree.yaml';
const SUBPROGS = ['subtree_root', 'subprog1', 'subprog2', 'subprog3'];
/** Takes long only when both processors are busy. */
const SLOW = 30_000;

interface Json {
  readonly version: number;
  readonly results: readonly {
    readonly spec: string;
    readonly file: string;
    readonly policy: string;
    readonly verdict: string;
    readonly declared: string;
    readonly findings: readonly { readonly check: string; readonly yaml: { readonly line: number } | null }[];
    readonly framePointers: readonly {
      readonly subprog: string;
      readonly cpu: number;
      readonly expected: string;
      readonly seen: string;
      readonly offset: number | null;
    }[];
  }[];
}

const parse = (text: string): Json => JSON.parse(text) as Json;

describe('the review tree', () => {
  test(
    'a line for each policy, and a table of expected and seen frame pointers',
    async () => {
      const { code, out, err } = await privstack(['run', REVIEW_TREE]);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      for (const policy of ['kernel-stack', 'linux-6.18', 'subtree']) {
        expect(out).toMatch(new RegExp(`^✓ review tree +${policy.replace('.', '\\.')} +holds$`, 'm'));
      }
      const table = out.split('\n').filter((line) => /^ {4}.*0x[0-9a-f]{16} +0x[0-9a-f]{16}/.test(line));
      expect(table).toHaveLength(12);
      for (const rows of [table.slice(4, 8), table.slice(8, 12)]) {
        rows.forEach((row, at) => {
          expect(row).toContain(` ${SUBPROGS[at]} `);
          const [expected, seen] = row.match(/0x[0-9a-f]{16}/g)!;
          expect(seen).toBe(expected);
        });
      }
      expect(table[4]).toMatch(/^ {4}linux-6\.18 /);
      expect(table[8]).toMatch(/^ {4}subtree .* private_stack_ptr \+ 120 /);
    },
    SLOW,
  );

  test(
    '--json: the offsets into the block, and the same bytes each time',
    async () => {
      const [first, second] = await Promise.all([1, 2].map(() => privstack(['run', REVIEW_TREE, '--json'])));
      expect(first!.code).toBe(0);
      expect(second!.out).toBe(first!.out);
      const { version, results } = parse(first!.out);
      expect(version).toBe(1);
      const offsets = (policy: string) =>
        results.find((each) => each.policy === policy)!.framePointers.map(({ subprog, offset }) => [subprog, offset]);
      const named = (values: (number | null)[]) => values.map((value, at) => [SUBPROGS[at], value]);
      expect(offsets('subtree')).toEqual(named([120, 200, 240, 280]));
      expect(offsets('linux-6.18')).toEqual(named([128, 88, null, 168]));
      expect(offsets('kernel-stack')).toEqual(named([null, null, null, null]));
      for (const { framePointers } of results) {
        for (const { expected, seen } of framePointers) {
          expect(seen).toMatch(/^0x[0-9a-f]{16}$/);
          expect(seen).toBe(expected);
        }
      }
    },
    SLOW,
  );

  test(
    'under unsaved: exit 1, and the call that lost r9',
    async () => {
      const { code, out } = await privstack(['run', REVIEW_TREE, '--policy', 'unsaved', '--trace']);
      expect(code).toBe(1);
      expect(out).toMatch(/^✗ review tree +unsaved +fails frame-address/m);
      expect(out).toContain('culprit  `call bpf_get_prandom_u32` at subprog2 pc 5');
      expect(out).toMatch(/^ +where +prog\.subprog1 pc 12: r1 = \*\(u64 \*\)\(r10 - 8\)$/m);
      expect(out).toMatch(/^ +machine +prog\.subprog1\+0x[0-9a-f]+: mov rdi, qword ptr \[r9-0x8\]$/m);
      expect(out).toMatch(/^ +spec +specs\/private-stack\/review-tree\.yaml:\d+:\d+$/m);
      // The trace: BPF and machine instruction, r9, what the helper destroyed.
      expect(out).toMatch(/^ +subtree_root pc 0: \*\(u64 \*\)\(r10 - 8\) = \d+$/m);
      expect(out).toMatch(/subtree_root prologue \+0x\w+ +add r9, qword ptr gs:\[0x\w+\] +r9=0x[0-9a-f]{16}$/m);
      expect(out).toMatch(/-> bpf_get_prandom_u32\(.*\): destroys .*r9/);
      // The command that shows it again does.
      const replay = /replay +(.*)$/m.exec(out)![1]!;
      expect(replay).toBe(`./scripts/privstack run ${REVIEW_TREE} -t 'review tree' --policy unsaved --cpu 0 --trace`);
    },
    SLOW,
  );
});

describe('verdicts', () => {
  test(
    'endless loops and faults are findings, never a hang or a crash',
    async () => {
      const { code, out } = await privstack([
        'run',
        'specs/calls/endless-loop.yaml',
        'specs/calls/faults.yaml',
        '--json',
      ]);
      expect(code).toBe(0);
      const first = new Map(parse(out).results.map(({ spec, findings }) => [spec, findings[0]!.check]));
      expect(Object.fromEntries(first)).toEqual({
        'a program that loops forever': 'termination',
        'a program that calls a helper forever': 'termination',
        'a helper that loops forever': 'termination',
        'a helper that jumps into a guard page': 'fault',
        'a helper that writes into a guard page': 'fault',
        'a helper that overflows the stack': 'fault',
        'a helper that divides by zero': 'fault',
        'a helper that executes garbage': 'fault',
        'a helper that stops at a breakpoint': 'fault',
        'a program that follows a null pointer': 'frame-bounds',
      });
    },
    SLOW,
  );

  test(
    'other than declared is exit 1, in both directions',
    async () => {
      const spec = (name: string, policy: string, expectation: string): string =>
        `---\nname: ${name}\npolicies: [${policy}]\nprograms:\n  prog:\n    type: kprobe\n    tree: |\n      main 512\n` +
        `        sub 256\n          bpf_ktime_get_ns\nexpect: { ${expectation} }\n`;
      const file = folder.write(
        'declared.yaml',
        spec('a', 'linux-6.18', 'fails: frame-address') +
          spec('b', 'unsaved', 'verdict: holds') +
          spec('c', 'unsaved', 'fails: guards') +
          spec('d', 'unsaved', 'fails: frame-address, first: main pc 0') +
          spec('e', 'unsaved', 'fails: frame-address, first: main, regs: { rbx: 7 }') +
          spec('f', 'kernel-stack', 'verdict: holds') +
          spec('g', 'kernel-stack', 'refused: for another reason') +
          spec('h', 'linux-6.18', 'refused: combined') +
          spec('i', 'linux-6.18', 'retval: 1') +
          spec('j', 'linux-6.18', 'stack_depth: "512+256 max 768"') +
          spec('k', 'linux-6.18', 'frame_pointers: { linux-6.18: { sub: block(sub) } }') +
          spec('l', 'linux-6.18', 'jited: { linux-6.18: subq }'),
      );
      const { code, out } = await privstack(['run', file]);
      expect(code).toBe(1);
      expect(out).toContain('0 cases as declared, 12 not');
    },
    SLOW,
  );

  test(
    'a policy that a spec writes out can be asked for by name, as its replay command does',
    async () => {
      const file = 'specs/private-stack/helpers-only.yaml';
      const { code, out } = await privstack(['run', file, REVIEW_TREE, '--policy', 'only helpers', '--json']);
      expect(code).toBe(0);
      expect(parse(out).results.map(({ policy, verdict }) => [policy, verdict])).toEqual([
        ['only helpers', 'fails'],
        ['only helpers', 'fails'],
      ]);
    },
    SLOW,
  );

  test(
    'a spec whose expectations name a policy that it writes out runs under another one',
    async () => {
      const file = 'specs/private-stack/helpers-only.yaml';
      const { code, out } = await privstack(['run', file, '--policy', 'spill-slot', '--json']);
      expect(code).toBe(0);
      expect(parse(out).results.map(({ policy, verdict }) => [policy, verdict])).toEqual([
        ['spill-slot', 'holds'],
        ['spill-slot', 'holds'],
      ]);
    },
    SLOW,
  );

  test(
    'the replay command of a point and a scenario shows that case alone',
    async () => {
      const file = folder.write(
        'points.yaml',
        'name: it is\nprograms: { prog: { type: kprobe, tree: main 64 } }\nsweep: { depth(main): 63..65, seed: [1, 2] }\n' +
          'scenarios: { once: {}, "two times": { do: [{ run: prog, times: 2 }] } }\nexpect: { retval: 1 }\n',
      );
      const { out } = await privstack(['run', file, '--json']);
      const { results } = JSON.parse(out) as { results: { findings: { replay: string }[] }[] };
      expect(results).toHaveLength(36);
      const { replay } = results[35]!.findings[0]!;
      expect(replay).toContain(
        ` run ${file} -t 'it is' --policy subtree --cpu 0 --scenario 'two times' --point 'depth(main)=65, seed=2' --trace`,
      );
      const words = [...replay.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
      const again = await privstack([...words.slice(1, -1), '--json']);
      expect(again.code).toBe(1);
      expect(parse(again.out).results).toEqual([results[35]]);
    },
    SLOW,
  );

  test(
    'options that say a thing twice say it once',
    async () => {
      const options = [
        '-p',
        'subtree',
        '-p',
        'subtree,subtree',
        '--cpu',
        '1,1',
        '--seed',
        '7',
        '-t',
        'review',
        '--json',
      ];
      const { code, out } = await privstack(['run', REVIEW_TREE, REVIEW_TREE, ...options]);
      expect(code).toBe(0);
      const { results } = parse(out);
      expect(results).toHaveLength(1);
      expect(results[0]!.framePointers.map(({ cpu, offset }) => [cpu, offset])).toEqual([
        [1, 120],
        [1, 200],
        [1, 240],
        [1, 280],
      ]);
    },
    SLOW,
  );
});

describe('where output goes', () => {
  test(
    'several reporters at once, to files and here',
    async () => {
      const files = ['report.json', 'report.xml', 'report.txt'].map((name) => join(folder.path, name));
      const { code, out, err } = await privstack([
        ...['run', REVIEW_TREE, '--policy', 'unsaved', '-r', 'github'],
        ...['-r', `json=${files[0]}`, '-r', `junit=${files[1]}`, '-r', `text=${files[2]}`],
      ]);
      expect({ code, err }).toEqual({ code: 1, err: '' });
      expect(out).toMatch(/^::error file=specs\/private-stack\/review-tree\.yaml,line=\d+,/m);
      const [json, junit, text] = files.map((file) => readFileSync(file, 'utf8'));
      expect(parse(json!).results[0]).toMatchObject({ spec: 'review tree', verdict: 'fails', declared: 'holds' });
      expect(junit).toMatch(/^<\?xml [\s\S]*<testsuites [^>]*failures="1"[\s\S]*<\/testsuites>\n$/);
      expect(text).toMatch(/^✗ review tree +unsaved/m);
    },
    SLOW,
  );

  test(
    'a file that cannot be written',
    async () => {
      const file = join(folder.path, 'no', 'such', 'folder', 'report.json');
      const { code, out, err } = await privstack(['run', REVIEW_TREE, '-p', 'subtree', '-r', `json=${file}`]);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(/^privstack: cannot write .*report\.json: ENOENT.*\n$/);
      expect(existsSync(file)).toBe(false);
    },
    SLOW,
  );

  test(
    'a reader that goes away is no error',
    async () => {
      const options = ['--json', '--trace', '-v'];
      const { code, err } = await privstack(['run', REVIEW_TREE, 'specs/calls', ...options], { hangUp: true });
      expect({ code, err }).toEqual({ code: 0, err: '' });
    },
    SLOW,
  );

  test(
    'from another folder',
    async () => {
      const { code, out } = await privstack(['run', join(ROOT, REVIEW_TREE), '-p', 'unsaved'], { cwd: folder.path });
      expect(code).toBe(1);
      expect(out).toContain(`replay   ${join(ROOT, 'scripts', 'privstack')} run ${join(ROOT, REVIEW_TREE)} -t`);
      const nothing = await privstack(['run'], { cwd: folder.path });
      expect(nothing).toEqual({ code: 2, out: '', err: 'specs:1:1  no such file or directory\n' });
    },
    SLOW,
  );
});

test(
  'without libunicorn: one message with the command to run, exit 3',
  async () => {
    const env = { UNICORN_LIB: '/nonexistent' };
    const { code, out, err } = await privstack(['run', REVIEW_TREE], { env });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/^libunicorn was not found\. Tried:\n {2}\/nonexistent: /);
    expect(err).toMatch(/^Install it with: .*libunicorn/m);
    expect(err).not.toMatch(/^ +at /m);
  },
  SLOW,
);
