import type { LowerContext } from './context';
import { lowerFile } from './file-body';
import { parseHexText } from './hex-text';
import { type ImageBody, imageOnly, readImageBody } from './image-body';
import type { Path, SourcePosition, TextError } from './issues';
import { type AsmError, type Program, parseAsm, printProgram } from './jit';
import type { BodyMap } from './maps';
import { BODY_KEYS, type ProgramSpec } from './schema-program';
import { type ParsedTree, parseTree, type TreeFlag, type TreeSubprog } from './tree';
import { generateBodies } from './tree-body';
import { GOES_OVER_MAP } from './tree-callbacks';
import { oneOf } from './words';

/** A program's body, as the JIT takes it. */
export interface LoweredBody {
  /** What a kernel made of it, which runs as it is. */
  readonly image?: ImageBody;
  readonly program: Program;
  /** Per subprog, per instruction. */
  readonly sources: readonly (readonly SourcePosition[])[];
  /** Per subprog the labels inside it, to their pc; none but those of assembly that was written. */
  readonly labels: readonly ReadonlyMap<string, number>[];
  /** Maps that a generated or compiled body brings along. */
  readonly ownMaps: readonly BodyMap[];
  /** Where a generated body throws when a scenario says so. */
  readonly throws: readonly ThrowSite[];
  /** Callbacks that a tree or an object flags as such, by name. */
  readonly flagged: { readonly exceptionCallback?: string; readonly asyncCallbacks: readonly string[] };
  /** The assembly; generated unless the body was written as such. */
  readonly text: string;
  /** What an object says that its program is attached to. */
  readonly attachType?: string | undefined;
}

/**
 * A `bpf_throw` in a generated body. It looks at two words of the map: how many more times it comes by until it throws (0:
 * never), and the cookie. A subprog has one, whichever of its lines control comes to.
 */
export interface ThrowSite {
  /** Index of the subprog. */
  readonly subprog: number;
  readonly map: string;
  /** Of the two words, in the map's value. */
  readonly offset: number;
}

/** What only generated bodies have. */
const WRITTEN = { labels: [], ownMaps: [], throws: [], flagged: { asyncCallbacks: [] } } as const;

/** Names that a body may use, and what a sweep changes. */
export interface BodyScope {
  readonly name: string;
  /** Which of the spec's programs it is. */
  readonly index: number;
  readonly kfuncs: readonly string[];
  /** Those that the spec declares itself, in order. */
  readonly declaredKfuncs: readonly string[];
  readonly maps: readonly string[];
  /** Those of the maps that hold a value. */
  readonly valueMaps: readonly string[];
  readonly kernelNames: ReadonlySet<string>;
  readonly verifierMade: boolean;
  readonly depths: ReadonlyMap<string, number>;
  /** Of a body in a file: which of its programs, of what type unless it says so, and the kernel's types. */
  readonly section?: string | undefined;
  readonly type: ProgramSpec['type'];
  readonly btf?: string | undefined;
}

type BodyKey = (typeof BODY_KEYS)[number];

type LowerBody = (text: string, path: Path, scope: BodyScope, context: LowerContext) => LoweredBody | undefined;

const BODIES: Readonly<Record<BodyKey, LowerBody>> = {
  tree: lowerTree,
  asm: lowerAsm,
  hex: lowerHex,
  file: (...body) => withThrows(lowerFile(...body)),
};

/** The one body key that a program has, none where it is an image; reports when it has none or several. */
function bodyKey(written: ProgramSpec, path: Path, context: LowerContext): BodyKey | undefined {
  const keys = BODY_KEYS.filter((key) => written[key] !== undefined);
  if (keys.length === 1 || (keys.length === 0 && written.image !== undefined)) return keys[0];
  if (keys.length === 0) {
    return context.report(path, 'the program has no body', { expected: oneOf([...BODY_KEYS, 'image']) });
  }
  return context.reportKey([...path, keys[1]!], `a second body beside \`${keys[0]}\``, { expected: 'one body' });
}

/** Keys about a body in a file. */
const OF_FILES = ['section', 'btf'] as const;

/** Turns a program's body into instructions. */
export function lowerBody(
  written: ProgramSpec,
  path: Path,
  scope: BodyScope,
  context: LowerContext,
): LoweredBody | undefined {
  const key = bodyKey(written, path, context);
  for (const of of OF_FILES) {
    if (key === undefined || key === 'file' || written[of] === undefined) continue;
    context.reportKey([...path, of], 'a body that is no file', { expected: '`file`' });
  }
  const body = key && BODIES[key](written[key]!, [...path, key], scope, context);
  // Who compiles the body has no use for its image.
  if (written.image === undefined || (key && !context.images)) return body;
  const imagePath = [...path, 'image'];
  const image = readImageBody(written.image, imagePath, context);
  if (key === undefined) return image && imageOnly(image, imagePath, context);
  return body && image && { ...body, image };
}

function lowerAsm(text: string, path: Path, scope: BodyScope, context: LowerContext): LoweredBody | undefined {
  const parsed = parseAsm(text, scope);
  if (!parsed.ok) return context.reportText(path, parsed.errors.map(textError));
  const { program, source } = parsed;
  const sources = source.subprogs.map(({ insns }) =>
    insns.map(({ line, column }) => context.source.inText(path, line, column)),
  );
  return { ...WRITTEN, program, sources, labels: source.subprogs.map(({ labels }) => labels), text };
}

function lowerTree(text: string, path: Path, scope: BodyScope, context: LowerContext): LoweredBody | undefined {
  const tree: ParsedTree = parseTree(text, scope);
  if (!tree.ok) return context.reportText(path, tree.errors);
  const first = scope.valueMaps[0];
  const goingOver = tree.subprogs.flatMap(({ calls }) => calls).find(({ callee }) => callee === GOES_OVER_MAP);
  if (goingOver && first === undefined) {
    return context.reportText(path, [
      { ...goingOver, message: 'there is no map to go over', expected: 'one in `maps`' },
    ]);
  }
  const generated = generateBodies(tree.subprogs, scope.index, { program: scope.name, first });
  const own = generated.maps.map(({ name }) => name);
  const taken = own.find((name) => scope.maps.includes(name));
  if (taken !== undefined) {
    const hints = { expected: 'another name' };
    return context.reportKey(['maps', taken], `a tree needs a map \`${taken}\` for itself`, hints);
  }
  const parsed = parseAsm(generated.text, {
    ...scope,
    maps: [...scope.maps, ...own],
  });
  const origin = (line: number) => generated.lines[line - 1] ?? { line: 1, column: 1 };
  if (!parsed.ok) {
    return context.reportText(
      path,
      parsed.errors.map((error) => ({ ...textError(error), ...origin(error.line) })),
    );
  }
  const sources = parsed.source.subprogs.map(({ insns }) =>
    insns.map((insn) => {
      const { line, column } = origin(insn.line);
      return context.source.inText(path, line, column);
    }),
  );
  return {
    program: parsed.program,
    sources,
    labels: [],
    ownMaps: generated.maps,
    throws: generated.throws,
    flagged: flaggedOf(tree.subprogs),
    text: generated.text,
  };
}

function flaggedOf(subprogs: readonly TreeSubprog[]): LoweredBody['flagged'] {
  const flagged = (flag: TreeFlag): string[] => subprogs.filter(({ flags }) => flags.has(flag)).map(({ name }) => name);
  const [exceptionCallback] = flagged('exception_callback');
  return { ...(exceptionCallback !== undefined && { exceptionCallback }), asyncCallbacks: flagged('async') };
}

// A call of a kfunc holds its index in the spec's `kfuncs`, a load of a map the map's index.
function lowerHex(text: string, path: Path, scope: BodyScope, context: LowerContext): LoweredBody | undefined {
  const { name, declaredKfuncs: kfuncs, maps, verifierMade } = scope;
  const parsed = parseHexText(text, { name, kfuncs, maps, verifierMade });
  if (!parsed.ok) return context.reportText(path, parsed.errors);
  const sources = parsed.places.map((places) =>
    places.map(({ line, column }) => context.source.inText(path, line, column)),
  );
  return { ...WRITTEN, program: parsed.program, sources, text: printProgram(parsed.program) };
}

const withThrows = (body: Omit<LoweredBody, 'throws'> | undefined): LoweredBody | undefined =>
  body && { ...body, throws: [] };

// Messages of the assembler say themselves what they expected, where that is short enough to be read.
function textError({ line, column, message, expected, suggestion }: AsmError): TextError {
  const told = message.includes('expected') || expected === undefined || expected.length > 8;
  return {
    line,
    column,
    message,
    expected: told ? undefined : oneOf(expected),
    suggestion: message.includes('did you mean') ? undefined : suggestion,
  };
}
