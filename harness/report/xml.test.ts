import { expect, test } from '@jest/globals';
import { element, xmlAttribute, xmlText } from './xml';

test.each([
  ['a < b && c > "d"', 'a &lt; b &amp;&amp; c &gt; &quot;d&quot;'],
  [']]>', ']]&gt;'],
  ['tab\tline\n', 'tab\tline\n'],
  ['\r', '&#13;'],
  ['\u0000\u001b\u007f\u0085', '\\x00\\x1b\\x7f\\x85'],
  ['\ud800 \ufffe \uffff', '\\u{d800} \\u{fffe} \\u{ffff}'],
  ['ü 栈 🙂', 'ü 栈 🙂'],
])('text %j', (text, written) => {
  expect(xmlText(text)).toBe(written);
});

test('lines and tabs of an attribute are not normalised away', () => {
  expect(xmlAttribute('a\nb\tc')).toBe('a&#10;b&#9;c');
});

test('elements', () => {
  expect(element('a', { b: 1, c: '"' })).toEqual(['<a b="1" c="&quot;"/>']);
  expect(element('a', {}, 'x & y')).toEqual(['<a>x &amp; y</a>']);
  expect(element('a', {}, element('b', {}))).toEqual(['<a>', '<b/>', '</a>']);
});
