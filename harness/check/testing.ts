import { POLICIES, programErrors, type Role } from '../../jit';
import type { Built, HelperBodies } from '../build';
import { judgeCase } from '../judge';
import { percpuOffset } from '../machine/layout';
import type { CaseReport, FindingReport } from '../report/model';
import type { PlacedProgram, World } from '../run/run';
import { formatIssue, type LoweredSpec, lowerSpec, parseSpecText, type SpecCase } from '../spec';

/** A spec's text as it runs, at every point of its sweep. */
export function lowered(text: string): LoweredSpec[] {
  const { specs, issues } = parseSpecText(text, 'test.yaml');
  if (issues.length > 0) throw new Error(issues.map(formatIssue).join('\n'));
  const result = lowerSpec(specs[0]!, {
    policies: POLICIES.map(({ name }) => name),
    analyse: ({ program }) => programErrors(program),
  });
  if (!result.ok) throw new Error(result.issues.map(formatIssue).join('\n'));
  return result.value;
}

export interface JudgeCaseOptions {
  readonly cpu?: number;
  readonly scenario?: string;
  readonly fault?: Fault;
  readonly bodies?: HelperBodies;
  readonly trace?: boolean;
}

const policyName = ({ policy }: SpecCase): string => (typeof policy === 'string' ? policy : policy.name);

/** Judges one case of a spec. */
export function judge(spec: string | LoweredSpec, policy: string, options: JudgeCaseOptions = {}): CaseReport {
  const one = typeof spec === 'string' ? lowered(spec)[0]! : spec;
  const { cpu = 0, scenario = one.cases[0]!.scenario.name, fault, bodies = new Map(), trace = false } = options;
  const specCase = one.cases.find((each) => policyName(each) === policy && each.scenario.name === scenario);
  if (!specCase) throw new Error(`no case of ${scenario} under ${policy}`);
  const judged = judgeCase(one, specCase, cpu, { replay: () => '', bodies, trace, ...(fault && { alter: fault }) });
  if (!judged.ok) throw new Error(formatIssue(judged.issue));
  return judged.report;
}

/** A spec of one kprobe program, under all four policies, with more of the spec behind it. */
const spec = (kind: 'asm' | 'tree', text: string, rest: string): string => `name: test
policies: [kernel-stack, linux-6.18, subtree, unsaved]
programs:
  prog:
    type: kprobe
    ${kind}: |
${text
  .trimEnd()
  .replace(/^\n/, '')
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
${rest}
`;

export const asm = (text: string, rest = ''): string => spec('asm', text, rest);
export const tree = (text: string, rest = ''): string => spec('tree', text, rest);

/** A program of {@link scene}. */
export interface SceneProgram {
  readonly type?: string;
  readonly tree?: string;
  readonly asm?: string;
}

/** A spec of several programs, and what happens in its one scenario; more of the spec behind it. */
export function scene(programs: Readonly<Record<string, SceneProgram>>, doing: string, rest = ''): string {
  const bodies = Object.entries(programs).map(([name, { type = 'kprobe', tree: body, asm: text }]) => {
    const lines = (body ?? text)!.trim().split('\n');
    return `  ${name}:\n    type: ${type}\n    ${body ? 'tree' : 'asm'}: |\n${lines.map((line) => `      ${line}\n`).join('')}`;
  });
  return `name: test
policies: all
programs:
${bodies.join('')}scenarios: { s: { do: [${doing}] } }
${rest}
`;
}

/** What was found, in few words: `frame-address main pc 3`. */
export const shown = ({ findings }: Pick<CaseReport, 'findings'>): string[] => findings.map(findingShown);

export function findingShown({ check, subprog, bpfPc }: FindingReport): string {
  if (subprog === null) return check;
  return bpfPc === null ? `${check} ${subprog}` : `${check} ${subprog} pc ${bpfPc}`;
}

/** A change of what was built. */
export type Fault = (built: Built) => Built;

export const faults =
  (...all: readonly Fault[]): Fault =>
  (built) =>
    all.reduce((changed, fault) => fault(changed), built);

/** Which machine instruction of a subprog: by what it prints or is there for, the first or the `nth` one. */
export interface Selector {
  readonly in: string;
  readonly text?: RegExp;
  readonly role?: Role;
  readonly nth?: number;
}

/** Overwrites an instruction: with nops where it is shorter. It must be there. */
export const patch =
  (selector: Selector, bytes: readonly number[] = []): Fault =>
  (built) => {
    const { code, row } = find(built, selector);
    if (bytes.length > row.size) throw new RangeError(`${bytes.length} bytes for ${row.size}`);
    code.fill(NOP, row.offset, row.offset + row.size).set(bytes, row.offset);
    return built;
  };

/** Adds to the 8, 32 or 64 bits that an instruction ends with, or that so many bytes of it follow. */
export const shift =
  (selector: Selector, bytes: 1 | 4 | 8, by: number | bigint, behind = 0): Fault =>
  (built) => {
    const { code, row } = find(built, selector);
    const view = new DataView(code.buffer, code.byteOffset + row.offset + row.size - behind - bytes, bytes);
    if (bytes === 1) view.setInt8(0, view.getInt8(0) + Number(by));
    else if (bytes === 4) view.setInt32(0, view.getInt32(0, true) + Number(by), true);
    else view.setBigInt64(0, view.getBigInt64(0, true) + BigInt(by), true);
    return built;
  };

const NOP = 0x90;

function find({ world }: Built, { in: name, text, role, nth = 1 }: Selector) {
  for (const { functions, code } of world.programs) {
    const index = functions.findIndex((fn) => fn.name === name);
    if (index < 0) continue;
    const rows = functions[index]!.rows().filter(
      (row) => (text === undefined || text.test(row.text)) && (role === undefined || row.role === role),
    );
    const row = rows[nth - 1];
    if (row) return { code: code[index]!, row };
  }
  throw new Error(`no such instruction: ${nth} of ${text ?? role} in ${name}`);
}

/** Changes the first program of the world. */
export const program =
  (change: (placed: PlacedProgram) => Partial<PlacedProgram>): Fault =>
  (built) => {
    const [first, ...others] = built.world.programs;
    const world: World = { ...built.world, programs: [{ ...first!, ...change(first!) }, ...others] };
    return { ...built, world };
  };

/** The analysis believes that a private frame is elsewhere. */
export const planned = (subprog: string, move: (offset: number) => number, block?: number): Fault =>
  program(({ program: { subprogs }, analysis }) => ({
    analysis: {
      ...analysis,
      subprogs: analysis.subprogs.map((facts, i) => {
        if (subprogs[i]!.name !== subprog || facts.private === null) return facts;
        const { offset, role } = facts.private;
        return { ...facts, private: { block: block ?? facts.private.block, offset: move(offset), role } };
      }),
    },
  }));

/** From a CPU's memory to the same place of the next one. */
export const NEXT_CPU = percpuOffset(1) - percpuOffset(0);

/** `push r9`, `pop r9` and the load of r9 in the prologue, as they print. */
export const PUSH = /^push r9$/;
export const POP = /^pop r9$/;
export const LOAD = /^mov(abs)? r9, ?/;
