const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `\x1b` for U+001B, `\u{202e}` for U+202E. */
export function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return ESCAPES[character] ?? (code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`);
}

/**
 * Text on one line of a terminal. Names and messages come from spec files, which others may have written: they must
 * not move the cursor or turn the direction of writing.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/gu, escapeCharacter);
}

/** The same for text that may have several lines. */
export function visibleLines(text: string): string[] {
  return text.trimEnd().split(/\r?\n/).map(visible);
}
