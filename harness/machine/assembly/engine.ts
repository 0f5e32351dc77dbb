import type MKeystone from '@alexaltea/keystone-js';

type Module = Awaited<ReturnType<typeof MKeystone>>;

/** What Keystone makes of one statement. */
export type Encoding =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string }
  /** It died on the statement; the next one gets a new engine. */
  | { readonly kind: 'trapped' };

interface Engine {
  readonly version: string;
  encode(text: string): Encoding;
}

/** Known without starting anything; {@link loadedVersion} is what runs. */
export function keystoneVersion(): string {
  return (require('@alexaltea/keystone-js/package.json') as { version: string }).version;
}

/** Starts Keystone and asks it; rejects when it cannot start. */
export async function loadedVersion(): Promise<string> {
  return (await running()).version;
}

/** Assembles one statement. Rejects only when Keystone cannot start. */
export async function encodeOne(text: string): Promise<Encoding> {
  const engine = await running();
  const { exitCode } = process;
  try {
    return engine.encode(text);
  } catch {
    // A trap leaves the module's heap in any state: never use that one again. Its run-time also takes the trap for the end
    // of the process, and says so in the exit code.
    current = undefined;
    process.exitCode = exitCode;
    return { kind: 'trapped' };
  }
}

let current: Promise<Engine> | undefined;

function running(): Promise<Engine> {
  current ??= start().catch((error: unknown) => {
    current = undefined;
    throw error;
  });
  return current;
}

async function start(): Promise<Engine> {
  const load = require('@alexaltea/keystone-js') as typeof MKeystone;
  const silent = () => {};
  const module = await load({ print: silent, printErr: silent });
  const handle = open(module);
  const version = `${module.VERSION_MAJOR}.${module.VERSION_MINOR}.${module.VERSION_EXTRA}`;
  const out = module._malloc(12);
  return { version, encode: (text) => encode(module, handle, out, text) };
}

function open(module: Module): number {
  const place = module._malloc(4);
  const opened = module.ccall(
    'ks_open',
    'number',
    ['number', 'number', 'pointer'],
    [module.ARCH_X86, module.MODE_64, place],
  );
  if (opened !== module.ERR_OK) throw new Error(`Keystone does not open: ${module.strerror(opened)}`);
  const handle = module.getValue(place, '*');
  module.ccall(
    'ks_option',
    'number',
    ['pointer', 'number', 'number'],
    [handle, module.OPT_SYNTAX, module.OPT_SYNTAX_INTEL],
  );
  return handle;
}

/** The package's own `asm()` reads the result's size from memory that nobody wrote when a statement fails. */
function encode(module: Module, handle: number, out: number, text: string): Encoding {
  for (const offset of [0, 4, 8]) module.setValue(out + offset, 0, 'i32');
  const failed = module.ccall(
    'ks_asm',
    'number',
    ['pointer', 'string', 'number', 'pointer', 'pointer', 'pointer'],
    [handle, text, 0n, out, out + 4, out + 8],
  );
  if (failed !== module.ERR_OK) {
    const code = module.ccall('ks_errno', 'number', ['pointer'], [handle]);
    return { kind: 'refused', code, reason: module.strerror(code).replace(/ \(KS_\w+\)$/, '') };
  }
  const from = module.getValue(out, 'i32');
  const bytes = Uint8Array.from({ length: module.getValue(out + 4, 'i32') }, (_, at) =>
    module.getValue(from + at, 'i8'),
  );
  module.ccall('ks_free', 'void', ['pointer'], [from]);
  return { kind: 'bytes', bytes };
}
