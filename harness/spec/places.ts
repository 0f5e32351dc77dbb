import type { Hints } from './issues';
import type { SubprogNames, SubprogRef } from './subprogs';

/** Where in a program something is expected: at a pc, after a call, or anywhere in a subprog. */
export type Place =
  | { readonly kind: 'pc'; readonly subprog: SubprogRef; readonly pc: number }
  | { readonly kind: 'after-call'; readonly callee: string; readonly nth?: number; readonly subprog: SubprogRef }
  | { readonly kind: 'subprog'; readonly subprog: SubprogRef };

export type ParsedPlace =
  | { readonly ok: true; readonly place: Place }
  | ({ readonly ok: false; message: string } & Hints);

interface Form {
  readonly pattern: RegExp;
  place(groups: Readonly<Record<string, string>>, subprog: SubprogRef): Place;
}

const NAME = '[A-Za-z_$.][\\w$.]*';

const FORMS: readonly Form[] = [
  {
    pattern: new RegExp(`^(?<subprog>${NAME}) pc (?<pc>\\d{1,6})$`),
    place: ({ pc }, subprog) => ({ kind: 'pc', subprog, pc: Number(pc) }),
  },
  {
    pattern: new RegExp(`^after call( (?<nth>[1-9]\\d{0,5}) of)? (?<callee>${NAME}) in (?<subprog>${NAME})$`),
    place: ({ nth, callee }, subprog) => {
      const which = nth === undefined ? {} : { nth: Number(nth) };
      return { kind: 'after-call', callee: callee!, ...which, subprog };
    },
  },
  {
    pattern: new RegExp(`^(?<subprog>${NAME})$`),
    place: (_, subprog) => ({ kind: 'subprog', subprog }),
  },
];

/** Parses `sub pc 2`, `after call X in f`, `after call 2 of X in f`, or the bare name of a subprog. */
export function parsePlace(text: string, names: SubprogNames): ParsedPlace {
  const words = text.trim().replace(/\s+/g, ' ');
  for (const form of FORMS) {
    const groups = form.pattern.exec(words)?.groups;
    if (!groups) continue;
    const found = names.resolve(groups.subprog!);
    return found.ok ? { ok: true, place: form.place(groups as Record<string, string>, found.ref) } : found;
  }
  const expected = '`sub pc 2`, `after call X in f`, `after call 2 of X in f` or the name of a subprog';
  return { ok: false, message: `${JSON.stringify(text)} is no place`, expected };
}
