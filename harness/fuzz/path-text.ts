/** Where a path starts: a number, or a program of the corpus; then changes, each by its number. */
const PATH = /^(?<start>\d+|@[^~]+)(?<changes>(~\d+)*)$/;

/** Whether a text is the path of a case: `17`, `@name`, and either with `~n` behind it, any number of times. */
export const isPath = (text: string): boolean => PATH.test(text);

/** Where a path starts, and the numbers of the changes. */
export function partsOfPath(path: string): { readonly start: string; readonly changes: readonly number[] } {
  if (!path.includes('~')) return { start: path, changes: [] };
  const { start, changes } = PATH.exec(path)!.groups!;
  return { start: start!, changes: changes!.split('~').slice(1).map(Number) };
}
