import { type Insn, slots, suggest } from '../../jit';
import { INSTRUCTIONS, type Instruction } from './instructions';
import { type Distance, type Draft, OPERANDS } from './operands';
import { type DataError, type SourceLine, type Word, wordsOf } from './position';

/** Instructions as they are handed to a loader: calls of functions are distances. */
export interface Assembled {
  readonly insns: readonly Insn[];
  /** Line of each instruction. */
  readonly lines: readonly number[];
  readonly errors: readonly DataError[];
}

const BY_HEAD = new Map<string, Instruction>();
for (const instruction of INSTRUCTIONS) if (instruction.head !== null) BY_HEAD.set(instruction.head, instruction);

/** No head has more words: `lock fetch add`. */
const HEAD_WORDS = 3;

const LABEL = /^[A-Za-z_.$][\w.$]*$/;

/** An instruction of the text and where it begins. */
interface Statement {
  readonly row: Instruction;
  readonly head: Word;
  readonly operands: readonly Word[];
  readonly pc: number;
}

interface Laid {
  readonly statements: Statement[];
  readonly labels: Map<string, number>;
  /** The suite's rule: the first exit can be jumped to by its own name. */
  firstExit: number | undefined;
  readonly errors: DataError[];
}

/** The row whose words a statement begins with, the longest first. */
function findRow(words: readonly Word[]): { row: Instruction; count: number } | undefined {
  for (let count = Math.min(HEAD_WORDS, words.length); count > 0; count--) {
    const row = BY_HEAD.get(
      words
        .slice(0, count)
        .map(({ text }) => text)
        .join(' '),
    );
    if (row) return { row, count };
  }
  return undefined;
}

function unknown(words: readonly Word[]): DataError {
  const [first, second] = words;
  const known = [...BY_HEAD.keys()];
  const begins = second !== undefined && known.some((head) => head.startsWith(`${first!.text} `));
  const text = begins ? `${first!.text} ${second.text}` : first!.text;
  const near = suggest(text, known);
  const { line, column } = first!;
  return { line, column, message: `unknown instruction \`${text}\`${near === undefined ? '' : `; \`${near}\`?`}` };
}

/** Splits the text into labels and instructions, and gives each its slot. */
function layOut(lines: readonly SourceLine[]): Laid {
  const laid: Laid = { statements: [], labels: new Map(), firstExit: undefined, errors: [] };
  let pc = 0;
  for (const source of lines) {
    let words = wordsOf(source);
    while (words[0]?.text.endsWith(':')) {
      declare(words[0], pc, laid);
      words = words.slice(1);
    }
    if (words.length === 0) continue;
    const found = findRow(words);
    if (!found) {
      laid.errors.push(unknown(words));
      continue;
    }
    const { row, count } = found;
    if (row.head === 'exit') laid.firstExit ??= pc;
    laid.statements.push({ row, head: words[0]!, operands: words.slice(count), pc });
    pc += slots(row.insn);
  }
  return laid;
}

function declare(word: Word, pc: number, { labels, errors }: Laid): void {
  const name = word.text.slice(0, -1);
  const { line, column } = word;
  if (!LABEL.test(name)) errors.push({ line, column, message: `\`${name}\` cannot be a label` });
  else if (labels.has(name)) errors.push({ line, column, message: `there are two labels \`${name}\`` });
  else labels.set(name, pc);
}

const usage = ({ head, operands }: Instruction): string =>
  `${head} ${operands.map((name) => OPERANDS[name].usage).join(', ')}`.trim();

function read({ row, head, operands }: Statement, distance: Distance, errors: DataError[]): Insn {
  const draft: Draft = { dst: 0, src: 0, off: 0, imm: 0, ...row.insn };
  const extra = operands[row.operands.length];
  if (operands.length !== row.operands.length) {
    const { line, column } = extra ?? head;
    errors.push({ line, column, message: `\`${row.head}\` takes ${row.operands.length} operands: ${usage(row)}` });
    return draft;
  }
  row.operands.forEach((name, i) => {
    const { text, line, column } = operands[i]!;
    const message = OPERANDS[name].read(text, draft, distance);
    if (message !== undefined) errors.push({ line, column, message });
  });
  return draft;
}

/**
 * Reads the assembly of the bpf_conformance suite: one instruction a line, operands separated by commas, destination
 * first; `name:` is a label. Comments are gone already.
 */
export function assemble(lines: readonly SourceLine[]): Assembled {
  const { statements, labels, firstExit, errors } = layOut(lines);
  const insns = statements.map((statement) => {
    const next = statement.pc + slots(statement.row.insn);
    const distance = (label: string) => {
      const target = labels.get(label) ?? (label === 'exit' ? firstExit : undefined);
      return target === undefined ? undefined : target - next;
    };
    return read(statement, distance, errors);
  });
  errors.sort((a, b) => a.line - b.line || a.column - b.column);
  return { insns, lines: statements.map(({ head }) => head.line), errors };
}
