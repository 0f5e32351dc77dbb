import { type Program, policyNamed, printProgram, roundUp } from '../../jit';
import type { InterpreterResult } from '../oracle';
import { isCalled } from './helpers';
import type { FuzzInput } from './input';
import type { Prepared } from './prepare';

/** What a spec of a case is called, and says besides what runs. */
export interface SpecWords {
  readonly name: string;
  readonly description: string;
  readonly policy: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const quoted = (value: bigint): string => `"0x${value.toString(16)}"`;
const yamlText = (text: string): string => JSON.stringify(text);

/** Context without the zeroes at its end, 8 bytes at least: what the program does not read was made zero by shrinking. */
function contextText(context: Uint8Array): string {
  let end = context.length;
  while (end > 0 && context[end - 1] === 0) end--;
  return end === 0 ? String(context.length) : `"${hex(context)}"`;
}

const globalised = (program: Program, name: string | undefined): Program => ({
  ...program,
  subprogs: program.subprogs.map((each) => (each.name === name ? { ...each, isGlobal: true } : each)),
});

/** Where the private frames of subprogs that have a block each must be: above the guard. */
function framePointers({ program, verified }: Prepared, policy: string): string[] {
  const { blocks, subprogs } = verified.analysis;
  if (blocks.length === 0 || policyNamed(policy)?.block !== 'function') return [];
  const terms = program.subprogs.flatMap(({ name }, i) => {
    const { private: own, stackDepth } = subprogs[i]!;
    return own ? [`${name}: block(${name}) + 8 + ${roundUp(stackDepth, 8)}`] : [];
  });
  return terms.length === 0 ? [] : [`  frame_pointers: { ${policy}: { ${terms.join(', ')} } }`];
}

/** A case as a spec that anyone can run. It says what the interpreter says; where that is wrong, running it fails. */
export function specText(prepared: Prepared, input: FuzzInput, want: InterpreterResult, words: SpecWords): string {
  const { program, fuzz, callees } = prepared;
  const { type, exceptionCallback } = fuzz;
  const { around } = input;
  const own = want.kind === 'exit' ? want.r0 : null;
  const result = around?.result === undefined ? own : around.result;
  const plain = callees.flatMap((name, i) => (isCalled(name) ? [] : [{ name, i }]));
  const lines = [
    `name: ${yamlText(words.name)}`,
    `description: ${yamlText(words.description)}`,
    `policies: [${words.policy}]`,
    ...(input.cpu === 0 ? [] : [`cpus: [${input.cpu}]`]),
    ...(input.seed === 1 ? [] : [`seed: ${input.seed}`]),
    'programs:',
    '  prog:',
    `    type: ${type}`,
    ...(exceptionCallback === undefined
      ? []
      : [`    exception_callback: ${program.subprogs[exceptionCallback]!.name}`]),
    ...(around?.async === undefined ? [] : [`    async_callbacks: [${around.async}]`]),
    '    asm: |',
    ...printProgram(globalised(program, around?.global))
      .trimEnd()
      .split('\n')
      .map((line) => `      ${line}`),
    ...(around?.programs ?? []).flatMap(({ name, lines }) => [`  ${name}:`, ...lines]),
    ...(around?.maps ? ['maps:', ...around.maps.map((line) => `  ${line}`)] : []),
    ...(plain.length === 0 ? [] : ['helpers:']),
    ...plain.map(({ name, i }) => `  ${name}: { returns: ${quoted(input.returns[i] ?? 0n)} }`),
    ...(input.r9 === 'junk' || plain.length === 0 ? [] : ['clobbers:']),
    ...(input.r9 === 'junk'
      ? []
      : plain.map(({ name }) => {
          const { subprog, cpu } = input.r9 as Exclude<FuzzInput['r9'], 'junk'>;
          return `  ${name}: [{ r9: "fp(${program.subprogs[subprog]!.name}, cpu ${cpu})" }]`;
        })),
    `context: ${contextText(input.context)}`,
    ...(around
      ? ['scenarios:', `  not alone: { do: [${around.events.map((event) => `{ ${event} }`).join(', ')}] }`]
      : []),
    'expect:',
    '  verdict: holds',
    ...(result === null ? [] : [`  retval: ${quoted(result)}`]),
    // What C code may call later is planned otherwise where main calls it, too.
    ...(around?.async === undefined ? framePointers(prepared, words.policy) : []),
  ];
  return `${lines.join('\n')}\n`;
}
