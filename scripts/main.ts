import { availableParallelism } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { EXIT, UsageError } from './exit-codes';

// Commands are required when they run: `--help` loads none of them.

const collect = (value: string, previous: string[] = []): string[] => [...previous, ...value.split(',')];
const collectWhole = (value: string, previous: string[] = []): string[] => [...previous, value];

/** A natural number, as options take it. */
function natural(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`\`${value}\` is not a number, expected 0, 1, 2, ...`);
  return Number(value);
}

/** As many processes as were asked for, or as there are CPUs. */
const workersOf = ({ workers }: { readonly workers?: number }): number =>
  workers || Math.min(availableParallelism(), 16);

function build(): Command {
  const program = new Command('privstack')
    .description('Executes what a BPF JIT emits, and proves that every frame pointer and every register survives.')
    .version((require('../package.json') as { version: string }).version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'privstack: ')) });
  program
    .command('run')
    .description('run specs and judge them')
    .argument('[paths...]', 'specs, folders of them, and BPF objects (default: specs/)')
    .option('-p, --policy <name>', 'run these policies instead of those that the specs list (repeatable)', collect)
    .option('--cpu <n>', 'run on these CPUs (repeatable)', collect)
    .option('-t, --name <text>', 'only specs whose name contains this')
    .option('--scenario <name>', 'only this scenario')
    .option('--point <values>', 'only this point of sweeps, as `depth(main)=49, seed=2`')
    .addOption(new Option('--seed <n>', 'seed of all junk').argParser(natural))
    .option('--trace', 'print every event: BPF and machine instruction, r9, memory')
    .option('-r, --reporter <kind[=file]>', 'text, json, junit or github (repeatable)', collectWhole)
    .option('--json', 'the same as --reporter json')
    .option('-v, --verbose', 'leave nothing out')
    .option('--section <name>', 'of a BPF object only the programs of this section, or this program')
    .option('--btf <file>', 'BTF of the kernel that objects adapt to (default: the running one)')
    .action((paths, options) => (require('./run') as typeof import('./run')).run(paths, options));
  program
    .command('matrix')
    .description('claims by policies: which property holds under which; what policies cost')
    .argument('[paths...]', 'files and folders (default: specs/claims)')
    .option('-p, --policy <name>', 'only these policies (repeatable)', collect)
    .option('--claim <id>', 'only these claims (repeatable)', collect)
    .option('--designs', 'all combinations of choices: which are sound, which is the cheapest, what breaks the others')
    .option('--long', 'properties, sources and reasons; with --designs the name of every design')
    .option('--json', 'as JSON')
    .action((paths, options) => (require('./matrix') as typeof import('./matrix')).matrix(paths, options));
  program
    .command('jit')
    .description('compile a program and print its machine code')
    .argument('[file]', 'assembly, hex, a spec or a BPF object; `-` reads the standard input')
    .option('--type <type>', 'program type', 'kprobe')
    .option('-p, --policy <name>', 'stack policy', 'linux-6.18')
    .option('--ndjson', 'answer requests on the standard input, one a line')
    .option('--section <name>', 'of a BPF object only the programs of this section, or this program')
    .option('--btf <file>', 'BTF of the kernel that objects adapt to (default: the running one)')
    .action((file, options) => (require('./jit') as typeof import('./jit')).jit(file, options));
  program
    .command('exec')
    .description('run one program on a context, with every check on')
    .argument('[file]', 'assembly, hex, a spec or a BPF object; `-` reads the standard input')
    .option('--type <type>', 'program type', 'kprobe')
    .option('-p, --policy <name>', 'stack policy', 'linux-6.18')
    .option('--ctx <hex>', 'what r1 points to: hex, or a number of zero bytes', '256')
    .option('--scenario <name>', 'only this scenario')
    .option('--point <values>', 'only this point of sweeps, as `depth(main)=49, seed=2`')
    .addOption(new Option('--seed <n>', 'seed of all junk').argParser(natural))
    .option('--ndjson', 'answer requests on the standard input, one a line')
    .option('--section <name>', 'of a BPF object only the programs of this section, or this program')
    .option('--btf <file>', 'BTF of the kernel that objects adapt to (default: the running one)')
    .action((file, options) => (require('./exec') as typeof import('./exec')).exec(file, options));
  program
    .command('capture')
    .description('load programs into the running kernel, and write down what its JIT makes of them')
    .argument('[files...]', 'assembly, hex, specs or BPF objects; `-` reads the standard input')
    .option('--type <type>', 'program type of files that name none', 'raw_tracepoint')
    .option(
      '--run <ctx>',
      'also run them there on this context, where that is safe: hex, or a number of zero bytes (repeatable)',
      collectWhole,
    )
    .option('--section <name>', 'of a BPF object only the programs of this section, or this program')
    .option('--xlated <file>', 'make a capture of what `bpftool prog dump xlated ... opcodes -j` printed elsewhere')
    .option('--jited <file>', 'with it: what `bpftool prog dump jited ... opcodes -j` printed')
    .option('--kallsyms <file>', "with it: that machine's /proc/kallsyms")
    .option('--id <n>', 'a program that is loaded already, by its id; it is not run')
    .option('-o, --out <file>', 'where to write (default: the standard output)')
    .action((files, options) => (require('./capture') as typeof import('./capture')).capture(files, options));
  program
    .command('compare')
    .description('what two kernels, or two configurations of one, made of the same programs')
    .argument('<before>', 'captures')
    .argument('<after>', 'captures of the same names')
    .option('--ctx <hex>', 'run those without inputs, too: what r1 points to, hex or a number of zero bytes')
    .option('--json', 'differences as JSON')
    .action((before, after, options) =>
      (require('./compare') as typeof import('./compare')).compare(before, after, options),
    );
  program
    .command('import')
    .description(
      "run captured images of a kernel in the emulator, every check on, and compare with the kernel's results",
    )
    .argument('<files...>', 'captures, as `privstack capture` writes them; plain or gzip, `-` is the standard input')
    .option(
      '--machine <file>',
      'description of the machine (default: what the captures say, then machine.json beside them)',
    )
    .option('--ctx <hex>', 'run those without inputs, too: what r1 points to, hex or a number of zero bytes')
    .option('-t, --name <text>', 'only captures whose name contains this')
    .addOption(new Option('--seed <n>', 'seed of all junk').argParser(natural))
    .addOption(
      new Option('--schedules <n>', 'run each under so many ways for helpers to leave registers behind').argParser(
        natural,
      ),
    )
    .option('--json', 'results as JSON')
    .option('-v, --verbose', 'also those that are as they should be')
    .action((files, options) => (require('./import') as typeof import('./import')).importFiles(files, options));
  program
    .command('fuzz')
    .description('look for programs that break a policy; what is found becomes a spec')
    .option('-p, --policy <name>', 'stack policy', 'linux-6.18-fixed')
    .addOption(new Option('--runs <n>', 'programs (default: 100000, without --time)').argParser(natural))
    .addOption(new Option('--time <seconds>', 'no more programs after so long').argParser(natural))
    .addOption(new Option('--seed <n>', 'the same seed gives the same programs').argParser(natural).default(1))
    .addOption(new Option('--workers <n>', 'processes (default: as many as there are CPUs)').argParser(natural))
    .addOption(new Option('--inputs <n>', 'runs of each program').argParser(natural).default(4))
    .option(
      '--path <path>',
      'only this case, with every check (repeatable): 17, @FILE of the corpus, 17~3',
      collectWhole,
    )
    .option('--shard <i/n>', 'only this part of the programs')
    .option('--guided', 'change programs that reached something new of the emitter')
    .option('--corpus <folder>', 'programs from elsewhere first; what reaches something new is added to them')
    .option('--unguarded', "interrupt in spite of the kernel's recursion guard")
    .option('--out <folder>', 'where specs are written', 'specs/regressions')
    .option('--results <file>', 'add what was seen and found to this file, a line of JSON each')
    .option('--merge <files...>', 'put results of shards together, instead of a search')
    .addOption(new Option('--enough <n>', 'end after so many closer looks').argParser(natural).default(10))
    .option(
      '--ask-kernel',
      'hand one program in 64, and finds, to the running kernel: whether it takes them, and its bytes',
    )
    .action((options) => {
      // While this process loads its own part, workers load theirs.
      if (!options.merge)
        (require('../harness/fuzz/crew') as typeof import('../harness/fuzz/crew')).prefork(workersOf(options));
      return (require('./fuzz') as typeof import('./fuzz')).fuzz({ ...options, workers: workersOf(options) });
    });
  program
    .command('conformance')
    .description('run bpf_conformance data files under every sound policy, and in the interpreter')
    .argument('<path>', 'a .data file, or a folder of them')
    .action((path) => (require('./conformance') as typeof import('./conformance')).conformance(path));
  program
    .command('plugin')
    .description("the plugin protocol of the conformance suite's runner")
    .argument('[words...]', 'memory in hex; --elf, --program HEX')
    .allowUnknownOption()
    .action((_words, _options, { args }) => (require('./conformance') as typeof import('./conformance')).plugin(args));
  program
    .command('faults')
    .description('the kill matrix: every known bug, put in from outside, and the check that finds it')
    .argument('[id]', 'explain this one: story, finding, the code with and without')
    .option('--json', 'as JSON')
    .option('--whole', 'every mutant in every case of its policy, whoever kills it (minutes)')
    .option('--page', 'print docs/faults.md')
    .option('--images', "delete, double and swap each instruction of a kernel's images instead (minutes)")
    .addOption(new Option('--sample <n>', 'of these only so many').argParser(natural))
    .addOption(new Option('--seed <n>', 'which ones').argParser(natural))
    .action((id, options) => (require('./faults') as typeof import('./faults')).faults(id, options));
  program
    .command('teeth')
    .description('how many generated programs it takes to find each known bug; minutes to hours, and it can be resumed')
    .argument('<file>', 'results, a line of JSON each: what is in there already is not done again')
    .option('--fault <ids>', 'only these, with commas between them')
    .option('--page', 'print the section of docs/fuzzing.md')
    .action((file, options) => (require('./teeth') as typeof import('./teeth')).teeth(file, options));
  program
    .command('schema')
    .description('print the JSON Schema of specs')
    .action(() => (require('./schema') as typeof import('./schema')).schema());
  program
    .command('bench')
    .description('how fast the JIT is on this machine, or fuzzing beside a loop in C that only runs programs')
    .argument('<what>', 'jit or fuzz')
    .addOption(
      new Option('--runs <n>', 'rounds, of which the medians count (default: 100 of jit, 9 of fuzz)').argParser(
        natural,
      ),
    )
    .option('--json', 'figures as JSON')
    .action((what, options) => (require('./bench') as typeof import('./bench')).bench(what, options));
  program
    .command('replay')
    .description("random programs on this computer's CPU and in the emulator: do they leave the same")
    .addOption(new Option('--cases <n>', 'runs; each program has four').argParser(natural).default(10_000))
    .addOption(new Option('--seed <n>', 'seed of the first program').argParser(natural).default(1))
    .option('-p, --policy <name>', 'compile under these policies instead of all (repeatable)', collect)
    .action((options) => (require('./replay') as typeof import('./replay')).replay(options));
  program
    .command('doctor')
    .description('what this machine has, and what it lacks')
    .action(() => (require('./doctor') as typeof import('./doctor')).doctor());
  program
    .command('explain')
    .description('what the id of a check, a policy or a fault means')
    .argument('[id]')
    .action((id) => (require('./explain') as typeof import('./explain')).explain(id));
  return program;
}

/** Errors that the environment causes, by their code; anything else unexpected is a bug, and shows its stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (error instanceof UsageError) {
    process.stderr.write(`privstack: ${message}\n`);
    return EXIT.usage;
  }
  if (code === 'library-missing' || code === 'library-bad' || code === 'addon-missing') {
    process.stderr.write(`${message}\n`);
    return EXIT.environment;
  }
  process.stderr.write(`privstack: internal error, please report it\n${stack ?? String(error)}\n`);
  return EXIT.environment;
}

/** Runs the command line. The exit code is set, not forced, so that all output is written. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that goes away (`| head`) is no error.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
      throw error;
    });
  }
  try {
    const code = await build()
      .parseAsync([...argv])
      .then(() => process.exitCode);
    process.exitCode = code ?? EXIT.ok;
  } catch (error) {
    process.exitCode = report(error);
  }
}
