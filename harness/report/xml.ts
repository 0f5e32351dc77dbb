import { escapeCharacter } from './visible';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};
// A parser turns these into spaces in an attribute, unless they are written so.
const IN_ATTRIBUTE: Readonly<Record<string, string>> = { '\n': '&#10;', '\t': '&#9;' };

export type Attributes = Readonly<Record<string, string | number>>;

/** Text of an element. XML 1.0 has no way to write most control characters: they become `\x1b`. */
export function xmlText(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff]/gu, escapeCharacter)
    .replace(/[&<>"\r]/g, (character) => ENTITIES[character]!);
}

export function xmlAttribute(value: string | number): string {
  return xmlText(String(value)).replace(/[\n\t]/g, (character) => IN_ATTRIBUTE[character]!);
}

/** An element as lines. Children are lines already escaped; a string is text, in which every space counts. */
export function element(name: string, attributes: Attributes, content: string | readonly string[] = []): string[] {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${xmlAttribute(value)}"`);
  const start = `<${name}${pairs.join('')}`;
  if (content.length === 0) return [`${start}/>`];
  if (typeof content === 'string') return [`${start}>${xmlText(content)}</${name}>`];
  return [`${start}>`, ...content, `</${name}>`];
}
