import { expect, test } from '@jest/globals';
import { junit } from './junit';
import { bareFinding, failed, finding, held, reportOf, sweep } from './testing';

const print = (...results: Parameters<typeof reportOf>) => junit(reportOf(...results), { color: true });

test('a suite per file, a case per case', () => {
  const other = held({ file: 'specs/b.yaml', spec: 'b', verdict: 'not-applicable', declared: 'not-applicable' });
  expect(print(held(), { ...other, reason: 'no tail call' }, held({ policy: 'linux-6.18' }))).toBe(
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="privstack" tests="3" failures="0" errors="0" skipped="1" time="0.007">
<testsuite name="specs/private-stack/review-tree.yaml" tests="2" failures="0" errors="0" skipped="0" time="0.005">
<testcase classname="review tree" name="review tree · subtree" file="specs/private-stack/review-tree.yaml" time="0.003"/>
<testcase classname="review tree" name="review tree · linux-6.18" file="specs/private-stack/review-tree.yaml" time="0.003"/>
</testsuite>
<testsuite name="specs/b.yaml" tests="1" failures="0" errors="0" skipped="1" time="0.003">
<testcase classname="b" name="b · subtree" file="specs/b.yaml" time="0.003">
<skipped message="no tail call"/>
</testcase>
</testsuite>
</testsuites>
`,
  );
});

test('an empty report', () => {
  expect(print()).toContain(
    '<testsuites name="privstack" tests="0" failures="0" errors="0" skipped="0" time="0.000"/>',
  );
});

test('a failure has the finding as text', () => {
  const printed = print(failed({ trace: ['main pc 0: r1 = 42 <r9>'] }));
  expect(printed).toContain(
    '<failure message="A store through r10 - 120 does not go to the frame of this activation of subtree_root."' +
      ' type="frame-address">fails frame-address, declared holds\nframe-address: A store',
  );
  expect(printed).toContain('prog.subtree_root pc 7: *(u64 *)(r10 - 120) = r1\n');
  expect(printed).toContain('<system-out>main pc 0: r1 = 42 &lt;r9&gt;</system-out>');
});

test('a failure without findings', () => {
  const printed = print(held({ declared: 'fails', asDeclared: false, reason: 'expected a failure of guards' }));
  const message = 'holds, declared fails: expected a failure of guards';
  expect(printed).toContain(`<failure message="${message}" type="verdict">${message}</failure>`);
});

test('a refusal that is declared passes', () => {
  expect(print(held({ verdict: 'refused', declared: 'refused', reason: 'too deep' }))).not.toMatch(/<failure|<skipped/);
});

test('metacharacters stay text', () => {
  const message = '</failure><x a="1">&\u0000\u001b[31m';
  const printed = print(failed({ spec: '<&">', file: 'a<b>.yaml', findings: [bareFinding({ message })] }));
  expect(printed).toContain('&lt;/failure&gt;&lt;x a=&quot;1&quot;&gt;&amp;\\x00\\x1b[31m');
  expect(printed).toContain('<testsuite name="a&lt;b&gt;.yaml"');
  expect(printed.match(/<[/\w?]+/g)).toHaveLength(9);
});

test('names are unique, with scenario, point and CPU where they differ', () => {
  const cases = [0, 1].flatMap((cpu) => sweep(500, () => ({ cpu, scenario: 'throw' })));
  const names = print(...cases, failed({ findings: [finding()] })).match(/ name="[^"]*· [^"]*"/g)!;
  expect(new Set(names).size).toBe(1001);
  expect(names[501]).toBe(' name="depth sweep · throw · depth(main)=1 · subtree · cpu 1"');
});
