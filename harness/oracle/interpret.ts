import type { Program } from '../../jit';
import { Interpreter } from './interpreter';
import type { InterpretOptions } from './options';
import type { InterpreterResult } from './outcome';

/**
 * Runs a program once, in an {@link Interpreter} of its own.
 * @returns how the program ended, the memory that it leaves, and whom it called
 */
export function interpret(program: Program, options: InterpretOptions = {}): InterpreterResult {
  const interpreter = new Interpreter(options);
  return { ...interpreter.run(program), regions: interpreter.memory };
}
