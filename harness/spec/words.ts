/** `a, b or c`, cut after two dozen. */
export function oneOf(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, 24);
  if (all.length > shown.length) return `one of ${shown.join(', ')} and ${all.length - shown.length} more`;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} or ${shown[shown.length - 1]}`;
}
