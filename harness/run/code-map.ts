import { type Insn, PROLOGUE_PC, pcsOf } from '../../jit';
import type { CodeFunction, CodeRow } from './code';
import type { PlacedHelper, PlacedProgram } from './run';

/** A machine instruction of a program, found by its address. */
export interface CodePlace {
  readonly program: number;
  readonly subprog: number;
  readonly fn: CodeFunction;
  readonly row: CodeRow;
  /** Slot number, or PROLOGUE_PC. */
  readonly pc: number;
  /** The BPF instruction; null in the prologue. */
  readonly insn: Insn | null;
  /** Whether it is the first machine instruction of its BPF instruction. */
  readonly first: boolean;
}

interface PlacedFunction {
  readonly program: number;
  readonly subprog: number;
  readonly lo: bigint;
  readonly hi: bigint;
}

/** Which instruction stands at an address. */
export class CodeMap {
  /** Of each function, made when somebody asks for one of its instructions. */
  private readonly places = new Map<bigint, ReadonlyMap<bigint, CodePlace>>();
  /** Made when somebody asks for an address: of most programs nobody does. */
  private functions: readonly PlacedFunction[] | null = null;

  constructor(
    private readonly programs: readonly PlacedProgram[],
    private readonly helpers: readonly PlacedHelper[],
  ) {}

  private all(): readonly PlacedFunction[] {
    this.functions ??= this.programs.flatMap(({ functions, addresses }, program) =>
      functions.map(({ size }, subprog) => {
        const lo = addresses[subprog]!;
        return { program, subprog, lo, hi: lo + BigInt(size) };
      }),
    );
    return this.functions;
  }

  private placesOf(program: number, subprog: number): ReadonlyMap<bigint, CodePlace> {
    const { functions, program: written, addresses } = this.programs[program]!;
    const fn = functions[subprog]!;
    const { insns } = written.subprogs[subprog]!;
    const byPc = new Map(pcsOf(insns).map((pc, i) => [pc, insns[i]]));
    const places = new Map<bigint, CodePlace>();
    let last = PROLOGUE_PC - 1;
    for (const row of fn.rows()) {
      const { pc } = row;
      const place = { program, subprog, fn, row, pc, insn: byPc.get(pc) ?? null, first: pc !== last };
      places.set(addresses[subprog]! + BigInt(row.offset), place);
      last = pc;
    }
    return places;
  }

  /** The program's instruction that starts at an address. */
  at(address: bigint): CodePlace | undefined {
    const inside = this.all().find(({ lo, hi }) => address >= lo && address < hi);
    if (!inside) return undefined;
    let places = this.places.get(inside.lo);
    if (!places) {
      places = this.placesOf(inside.program, inside.subprog);
      this.places.set(inside.lo, places);
    }
    return places.get(address);
  }

  /** The function in which an address lies; its end counts, a call may be its last instruction. */
  functionAt(address: bigint): { readonly program: number; readonly subprog: number; readonly lo: bigint } | undefined {
    return this.all().find(({ lo, hi }) => address >= lo && address <= hi);
  }

  /** The helper in whose assembly body an address lies. */
  bodyAt(address: bigint): string | undefined {
    const isIn = ({ address: lo, body }: PlacedHelper) =>
      body && address >= lo && address < lo + BigInt(body.bytes.length);
    return this.helpers.find(isIn)?.name;
  }
}
