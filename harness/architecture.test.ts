import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { EMITTING, INNOCENT, LONG, PACKAGES, RULES } from './architecture.fixture';

const ROOT = join(__dirname, '..');
const FOLDERS = ['jit', 'harness', 'scripts'];

const sourceFiles = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).map((name) => `${folder}/${String(name)}`),
).filter((name) => /\.(ts|mjs|[ch])$/.test(name));

type Sources = ReadonlyMap<string, string>;
const sources: Sources = new Map(sourceFiles.map((name) => [name, readFileSync(join(ROOT, name), 'utf8')]));

const isTypeScript = (file: string): boolean => file.endsWith('.ts') && !file.endsWith('.d.ts');
const isTest = (file: string): boolean => /\.(test|fixture)\.ts$|\/testing(\.ts$|\/)/.test(file);

interface Import {
  readonly module: string;
  readonly typeOnly: boolean;
  /** `*` for all. */
  readonly names: readonly string[];
}

/** Everything that a file imports: statements, re-exports, `require`, `import()` and types written as `import('...')`. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const literal = (node: ts.Node | undefined): string | undefined =>
    node && ts.isStringLiteralLike(node) ? node.text : undefined;
  const add = (module: string | undefined, typeOnly: boolean, names: readonly string[]) => {
    if (module !== undefined) found.push({ module, typeOnly, names });
  };
  const listed = (elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]) => ({
    names: elements.map(({ name, propertyName }) => (propertyName ?? name).text),
    typeOnly: elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly),
  });
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const { importClause: clause } = node;
      const bindings = clause?.namedBindings;
      const { names, typeOnly } = listed(bindings && ts.isNamedImports(bindings) ? bindings.elements : []);
      const whole = bindings === undefined || ts.isNamespaceImport(bindings);
      const typed = (clause?.isTypeOnly ?? false) || (typeOnly && !clause?.name);
      add(literal(node.moduleSpecifier), typed, whole ? ['*'] : names);
    } else if (ts.isExportDeclaration(node)) {
      const clause = node.exportClause;
      const { names, typeOnly } = listed(clause && ts.isNamedExports(clause) ? clause.elements : []);
      add(literal(node.moduleSpecifier), node.isTypeOnly || typeOnly, clause ? names : ['*']);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : undefined, true, ['*']);
    } else if (ts.isCallExpression(node)) {
      const { expression, arguments: args } = node;
      const loads = expression.kind === ts.SyntaxKind.ImportKeyword || expression.getText() === 'require';
      if (loads) add(literal(args[0]), false, ['*']);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true));
  return found;
}

/** The file that a relative import names. */
function resolve(file: string, module: string, known: Sources): string {
  const base = join(dirname(file), module);
  const found = [`${base}.ts`, `${base}/index.ts`, `${base}.d.ts`, base].find(
    (path) => known.has(path) || existsSync(join(ROOT, path)),
  );
  return found ?? base;
}

const SPECIAL = new Set(RULES.map(({ of }) => of));

function areaOf(file: string): string {
  const [top, second, third] = file.split('/');
  if (second === undefined) return top!;
  const own = `${top}/${second.replace(/\.ts$/, '')}`;
  if (top === 'scripts') return SPECIAL.has(own) ? own : top;
  return third !== undefined || top === 'jit' || SPECIAL.has(own) ? own : 'harness';
}

/** What `harness/index` is to scripts: the file, while the area is all of the composition. */
const named = (file: string): string => (file === 'harness/index.ts' ? 'harness/index' : areaOf(file));

const publicNames = (known: Sources): Set<string> =>
  new Set(
    importsOf('jit/index.ts', known.get('jit/index.ts') ?? '')
      .filter(({ module }) => EMITTING.includes(module))
      .flatMap(({ names }) => names),
  );

const quote = (name: string): string => `\`${name}\``;

function packageProblem(area: string, { module }: Import): string | undefined {
  const name = module.split('/', module.startsWith('@') ? 2 : 1).join('/');
  const isNode = module.startsWith('node:') || builtinModules.includes(name);
  if (area.startsWith('jit/')) return 'the JIT is pure: no node built-ins, no npm packages';
  if (isNode || PACKAGES[name]?.includes(area)) return undefined;
  const home = PACKAGES[name]?.join(', ');
  return home ? `that package's home is ${home}` : 'no part of the project is its home (PACKAGES)';
}

function importProblem(file: string, each: Import, known: Sources): string | undefined {
  const area = areaOf(file);
  const test = isTest(file);
  if (!each.module.startsWith('.')) return test ? undefined : packageProblem(area, each);
  const target = resolve(file, each.module, known);
  const other = named(target);
  // Tests may look into anything of their own half of the house, and tests of the harness into the JIT.
  if (test) return file.startsWith('jit/') && !target.startsWith('jit/') ? 'the JIT knows nothing of it' : undefined;
  if (isTest(target)) return 'it is there for tests';
  if (areaOf(target) === area) return undefined;
  const rule = RULES.find(({ of }) => of === area);
  if (!rule) return `there is no rule for ${quote(area)} yet`;
  const areas = area === 'harness' || area === 'harness/fuzz' ? [other, areaOf(target)] : [other];
  const mine = area === 'harness' && areaOf(target) === 'harness/doctor';
  const allowed =
    mine || areas.some((name) => rule.may.includes(name) || (each.typeOnly && rule.types?.includes(name)));
  if (!allowed) return rule.because;
  if (!INNOCENT.includes(area) || target !== 'jit/index.ts') return undefined;
  const emitting = publicNames(known);
  const wrong = each.names.filter((name) => name === '*' || emitting.has(name));
  return wrong.length > 0 ? `${wrong.map(quote).join(', ')}: ${rule.because}` : undefined;
}

/** Every import that breaks a rule, with the sentence that explains it. */
function violations(files: Sources, known: Sources = files): string[] {
  return [...files]
    .filter(([file]) => isTypeScript(file))
    .flatMap(([file, text]) =>
      importsOf(file, text).flatMap((each) => {
        const problem = importProblem(file, each, known);
        return problem === undefined ? [] : [`${file} imports ${quote(each.module)}: ${problem}`];
      }),
    );
}

/** Circles of imports that are there when the program runs; types are erased. */
function circles(files: Sources): string[] {
  const graph = new Map<string, string[]>();
  for (const [file, text] of files) {
    if (!isTypeScript(file)) continue;
    const running = importsOf(file, text).filter(({ typeOnly, module }) => !typeOnly && module.startsWith('.'));
    graph.set(
      file,
      running.map(({ module }) => resolve(file, module, files)),
    );
  }
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return found;
}

/** Globals that would make the JIT's output depend on where and when it runs. */
const AMBIENT = /(?<![\w.'"`])(process\.|Date\b[.(]|performance\.|Math\.random|globalThis\b|Buffer\.)/;

describe('who may import whom', () => {
  test('every import keeps the rules', () => {
    expect(violations(sources)).toEqual([]);
  });

  test('every area has one rule', () => {
    const areas = [...sources.keys()].filter((file) => isTypeScript(file) && !isTest(file)).map(areaOf);
    expect([...new Set(areas)].filter((area) => !SPECIAL.has(area))).toEqual([]);
    expect(SPECIAL.size).toBe(RULES.length);
  });

  test.each([
    ['jit/x86/nops.ts', "import type { Insn } from '../bpf';"],
    ['jit/bpf/wire.ts', "import { readFileSync } from 'node:fs';"],
    ['jit/bpf/wire.ts', "const { z } = require('zod');"],
    ['jit/bpf/wire.test.ts', "import { runSpecs } from '../../harness';"],
    ['jit/policy/compute.ts', "import { analyse } from '../analysis';"],
    ['jit/emit/call.ts', "import type { JitImage } from '../image';"],
    ['harness/machine/machine.ts', "import { emitCall } from '../../jit/emit/call';"],
    ['harness/run/runner.ts', "import { compile } from '../../jit';"],
    ['harness/check/guards.ts', "import { policyNamed } from '../../jit';"],
    ['harness/check/guards.ts', "import * as jit from '../../jit';"],
    ['harness/check/guards.ts', "import { Emu } from '../native';"],
    ['harness/check/guards.ts', "type Policy = import('../../jit').StackPolicy;"],
    ['harness/spec/load.ts', "import { parseAsm } from '../../jit/bpf';"],
    ['harness/spec/load.ts', "import { REPORTERS } from '../report';"],
    ['harness/report/text.ts', "import type { Finding } from '../check';"],
    ['harness/report/text.ts', "import { z } from 'zod';"],
    ['harness/judge.ts', "import { Emu } from './native';"],
    ['harness/judge.ts', "import { reportOf } from './report/testing';"],
    ['scripts/run.ts', "import { MACHINE_CPUS } from '../harness/spec';"],
    ['scripts/run.ts', "const { x } = await import('../harness/judge');"],
  ])('%s: %s breaks one', (file, line) => {
    expect(violations(new Map([[file, line]]), sources)).toHaveLength(1);
  });

  test('no imports go round in a circle', () => {
    expect(circles(sources)).toEqual([]);
    const round = new Map([
      ['jit/a.ts', "export * from './b';"],
      ['jit/b.ts', "import { a } from './a';"],
    ]);
    expect(circles(round)).toEqual(['jit/a.ts -> jit/b.ts -> jit/a.ts']);
  });

  test('what the judging parts must not see is the policies and the compiler', () => {
    const names = [...publicNames(sources)];
    expect(names).toEqual(expect.arrayContaining(['compile', 'combine', 'POLICIES', 'policyNamed', 'StackPolicy']));
  });
});

describe('files', () => {
  const lines = [...sources].map(([file, text]) => ({ file, count: text.split('\n').length - 1 }));

  test('are short: over 400 lines only with a reason', () => {
    const long = lines.filter(({ file, count }) => count > 400 && LONG[file] === undefined);
    expect(long.map(({ file }) => file)).toEqual([]);
  });

  test('are named for what they hold: there is no drawer for the rest', () => {
    const drawers = [...sources.keys()].filter((file) =>
      /(^|\/)(utils?|common|helpers?|misc|lib)\/|\/types\.ts$/.test(file),
    );
    expect(drawers).toEqual([]);
  });

  test('of the JIT read nothing of their surroundings', () => {
    const pure = [...sources].filter(([file]) => file.startsWith('jit/') && isTypeScript(file) && !isTest(file));
    expect(pure.filter(([, text]) => AMBIENT.test(text)).map(([file]) => file)).toEqual([]);
  });

  test('of the JIT do not know that faults are put into it', () => {
    const told = [...sources].filter(([file, text]) => file.startsWith('jit/') && /mutation|mutant/i.test(text));
    expect(told.map(([file]) => file)).toEqual([]);
  });
});
