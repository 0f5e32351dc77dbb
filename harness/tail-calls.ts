import type { KernelConfig, Role } from '../jit';
import { bpfProg, bpfProgArray } from './kernel/prog-array';
import { branch, JMP, NOP5 } from './kernel/text-poke';
import type { Segment } from './machine/machine';
import type { DataArea, PlacedProgram, ProgramArray } from './run/run';

/** An array of programs as a spec has it: the program at each index that holds one, by name. */
export interface NamedSlots {
  readonly entries: number;
  readonly slots: ReadonlyMap<number, string>;
}

/** Arrays of programs at their addresses. */
export interface ProgramArrays {
  readonly byMap: ReadonlyMap<string, ProgramArray>;
  /** The arrays themselves, and the struct bpf_prog of every program that is in one. */
  readonly memory: readonly Segment[];
}

/** Places arrays of programs, once the programs have their addresses. */
export function placeProgramArrays(
  maps: readonly { readonly name: string; readonly programs?: NamedSlots }[],
  data: readonly DataArea[],
  programs: readonly PlacedProgram[],
  { offsets }: KernelConfig,
): ProgramArrays {
  if (maps.length === 0) return { byMap: new Map(), memory: [] };
  const byMap = new Map(
    maps.flatMap(({ name, programs: written }): [string, ProgramArray][] => {
      if (!written) return [];
      const pointer = data.find((area) => area.name === name)!.pointer!;
      const slots = [...written.slots].map(([index, held]): [number, number] => [
        index,
        programs.findIndex((each) => each.name === held),
      ]);
      return [[name, { pointer, entries: written.entries, slots: new Map(slots) }]];
    }),
  );
  const arrays = [...byMap.values()];
  const held = new Set(arrays.flatMap(({ slots }) => [...slots.values()]));
  const memory = [
    ...arrays.map(({ pointer, entries, slots }) => bpfProgArray(pointer, entries, slots, offsets)),
    ...[...held].map((program) => bpfProg(program, programs[program]!.addresses[0]!, offsets)),
  ];
  return { byMap, memory };
}

/**
 * Patches direct tail calls whose slot is filled, as the kernel does when it is, or when the program is loaded later
 * (prog_array_map_poke_run(), bpf_tail_call_direct_fixup()): the nop at the end becomes a jump past the frame set-up of
 * the program in the slot, and the jump that leads around it all becomes a nop.
 */
export function pokeTailCalls(programs: readonly PlacedProgram[], { byMap }: ProgramArrays): PlacedProgram[] {
  return programs.map((placed) => {
    if (placed.analysis.pokes.every((pokes) => pokes.length === 0)) return placed;
    const code = placed.functions.map((fn, subprog) => {
      const bytes = placed.code[subprog]!.slice();
      const sites = (role: Role) => fn.rows().filter((row) => row.role === role);
      const [bypasses, targets] = [sites('tail-call-bypass'), sites('tail-call-target')];
      placed.analysis.pokes[subprog]!.forEach(({ map, index }, at) => {
        const held = byMap.get(placed.program.maps[map]!)?.slots.get(index);
        if (held === undefined) return;
        const { addresses, functions } = programs[held]!;
        const { offset } = targets[at]!;
        const landing = addresses[0]! + BigInt(functions[0]!.landing);
        bytes.set(branch(JMP, placed.addresses[subprog]! + BigInt(offset), landing), offset);
        bytes.set(NOP5, bypasses[at]!.offset);
      });
      return bytes;
    });
    return { ...placed, code };
  });
}
