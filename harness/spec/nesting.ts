import { Lexer } from 'yaml';

/** Deepest nesting of values that is read. The YAML parser is recursive; specs need fewer than ten levels. */
export const MAX_NESTING = 100;

/** Tokens of the lexer that open a level on the line on which they stand, and those that open and close a flow. */
const BLOCK = new Set(['-', '?', ':']);
const OPEN = new Set(['[', '{']);
const CLOSE = new Set([']', '}']);

/**
 * How deep a text may nest, at most: flow collections, indentation, and `- - -` on one line. Told from the tokens alone,
 * before anything recursive sees the text.
 */
export function nesting(text: string): number {
  let deepest = 0;
  let flow = 0;
  let onLine = 0;
  const indents: number[] = [];
  for (const token of new Lexer().lex(text)) {
    if (OPEN.has(token)) flow++;
    else if (CLOSE.has(token)) flow--;
    else if (BLOCK.has(token)) onLine++;
    else if (token.startsWith('\n')) onLine = 0;
    else if (/^ +$/.test(token)) {
      while (indents.length > 0 && indents[indents.length - 1]! >= token.length) indents.pop();
      indents.push(token.length);
    }
    deepest = Math.max(deepest, flow + onLine + indents.length);
    if (deepest > MAX_NESTING) break;
  }
  return deepest;
}
