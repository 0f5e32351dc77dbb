import { writeFileSync } from 'node:fs';
import { formatIssue, MACHINE_CPUS, REPORTERS, type Report, type ReporterName, runSpecs } from '../harness';
import { POLICIES } from '../jit';
import { calledAs } from './called-as';
import { EXIT, UsageError } from './exit-codes';

export interface RunCommand {
  readonly policy?: readonly string[];
  readonly cpu?: readonly string[];
  readonly name?: string;
  readonly scenario?: string;
  readonly point?: string;
  readonly seed?: number;
  readonly trace?: boolean;
  readonly reporter?: readonly string[];
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly section?: string;
  readonly btf?: string;
}

interface Output {
  readonly kind: ReporterName;
  readonly file: string | undefined;
}

/** `text`, `junit=report.xml`: at most one without a file. */
function outputs({ reporter = [], json }: RunCommand): Output[] {
  const wanted = json ? [...reporter, 'json'] : reporter;
  const parsed = (wanted.length > 0 ? wanted : ['text']).map((each): Output => {
    const [kind, ...rest] = each.split('=');
    if (!Object.hasOwn(REPORTERS, kind!)) {
      throw new UsageError(`unknown reporter \`${kind}\`, expected ${Object.keys(REPORTERS).join(', ')}`);
    }
    const file = rest.length > 0 ? rest.join('=') : undefined;
    if (file === '') throw new UsageError(`no file after \`${each}\`, expected \`${kind}=FILE\``);
    return { kind: kind as ReporterName, file };
  });
  if (parsed.filter(({ file }) => file === undefined).length > 1) {
    throw new UsageError('two reporters without a file: only one can print here');
  }
  return parsed;
}

function write(report: Report, { kind, file }: Output, command: RunCommand): void {
  const color = file === undefined && process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const text = REPORTERS[kind](report, { color, verbose: command.verbose ?? false });
  if (file === undefined) process.stdout.write(text);
  else {
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw new UsageError(`cannot write ${file}: ${(error as Error).message}`);
    }
  }
}

function cpus(names: readonly string[] | undefined): number[] | undefined {
  return names?.map((name) => {
    const cpu = Number(name);
    if (!/^\d+$/.test(name) || !MACHINE_CPUS.some((each) => each === cpu)) {
      throw new UsageError(`there is no CPU \`${name}\`, expected ${MACHINE_CPUS.join(' or ')}`);
    }
    return cpu;
  });
}

/** Why nothing ran. */
function nothing({ name, scenario, point, policy }: RunCommand): string {
  const wanted = [
    ...(name === undefined ? [] : [`a name that contains \`${name}\``]),
    ...(scenario === undefined ? [] : [`the scenario \`${scenario}\``]),
    ...(point === undefined ? [] : [`the point \`${point}\``]),
    ...(policy === undefined ? [] : [`the policy ${policy.map((each) => `\`${each}\``).join(' or ')}`]),
  ];
  return wanted.length === 0 ? 'no spec has anything to run' : `no spec has ${wanted.join(' and ')}`;
}

/** `privstack run`: 0 when every verdict is as declared, 1 when some are not, 2 when a spec is invalid. */
export async function run(paths: readonly string[], command: RunCommand): Promise<void> {
  const wanted = outputs(command);
  const on = cpus(command.cpu);
  const { report, issues, unknownPolicies } = await runSpecs(paths.length > 0 ? paths : ['specs'], {
    ...(command.policy && { policies: command.policy }),
    ...(on && { cpus: on }),
    ...(command.name !== undefined && { name: command.name }),
    ...(command.scenario !== undefined && { scenario: command.scenario }),
    ...(command.point !== undefined && { point: command.point }),
    ...(command.seed !== undefined && { seed: command.seed }),
    object: { section: command.section, btf: command.btf },
    trace: command.trace ?? false,
    command: calledAs(),
  });
  for (const issue of issues) process.stderr.write(`${formatIssue(issue)}\n`);
  if (issues.length > 0) {
    process.exitCode = EXIT.usage;
    return;
  }
  if (unknownPolicies.length > 0) {
    const expected = `${POLICIES.map(({ name }) => name).join(', ')}, or one that a spec writes out`;
    throw new UsageError(`unknown policy \`${unknownPolicies[0]}\`, expected ${expected}`);
  }
  if (report.results.length === 0) {
    throw new UsageError(nothing(command));
  }
  for (const output of wanted) write(report, output, command);
  process.exitCode = report.results.every(({ asDeclared }) => asDeclared) ? EXIT.ok : EXIT.deviation;
}
