import {
  CONTEXT_BASE,
  CPUS,
  entryRsp,
  HELPER_BASE,
  HELPER_STRIDE,
  IMAGE_BASE,
  PERCPU_POINTER_BASE,
  percpuOffset,
  STOP,
  stackBase,
  u64,
} from '../machine/layout';
import { Action, type HelperAction, INTERRUPTS_ON, REG, type RunStatus } from '../machine/machine';
import { HELPER_PLACES, PLAIN_HELPERS, ReusedMachine, STACK_USED } from '../machine/reused-machine';
import { CaseFile, type Surroundings } from './case-file';

const GPRS = 16;
const WORD = 8;

/** Where memory has changed, neighbours together. */
function changes(before: Uint8Array, after: Uint8Array): { readonly at: number; readonly bytes: Uint8Array }[] {
  const differs = (at: number): boolean =>
    at < before.length && Buffer.compare(before.subarray(at, at + WORD), after.subarray(at, at + WORD)) !== 0;
  const found: { at: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < before.length; at += WORD) {
    let end = at;
    while (differs(end)) end += WORD;
    if (end > at) found.push({ at, bytes: after.slice(at, end) });
    at = end;
  }
  return found;
}

/** A machine that writes its runs down, for a loop in which helpers have nobody to ask what to do. */
export class RecordingMachine extends ReusedMachine {
  /** The last run; null where it cannot be repeated like that. */
  recorded: CaseFile | null = null;

  override run(entry: bigint, cpu: number): RunStatus {
    const { regs, onCall, policy } = this;
    const context = this.context.slice();
    const before = regs.slice(0, GPRS);
    before[REG.rsp] = entryRsp(cpu);
    const exchanges: (CaseFile | null)[] = [];
    this.onCall = (index) => {
      const memory = this.changing.map((each) => each.memory.slice());
      const action = onCall(index);
      exchanges.push(this.exchange(action, memory));
      return action;
    };
    const status = super.run(entry, cpu);
    this.onCall = onCall;
    const file = CaseFile.part().word(cpu).word(this.junkFrom);
    file
      .list(before)
      .word(INTERRUPTS_ON)
      .word(u64(percpuOffset(cpu)));
    file.list(regs.subarray(0, GPRS)).bytes(context);
    file.list(policy.poison).word(policy.belowRsp).word(policy.junk).list(policy.returns.subarray(0, PLAIN_HELPERS));
    file.word(exchanges.length);
    for (const each of exchanges) if (each) file.append(each);
    this.recorded = status.kind === 'ok' && !exchanges.includes(null) ? file : null;
    return status;
  }

  /** All that may have changed while somebody modelled a helper. */
  private get changing() {
    return this.regions.filter(({ address }) => this.changeable.has(address));
  }

  private readonly changeable = new Set([
    CONTEXT_BASE,
    ...Array.from({ length: CPUS }, (_, cpu) => stackBase(cpu)),
    ...Array.from({ length: CPUS }, (_, cpu) => u64(PERCPU_POINTER_BASE + percpuOffset(cpu))),
  ]);

  private exchange(action: HelperAction, memory: readonly Uint8Array[]): CaseFile | null {
    if (action !== Action.RETURN && action !== Action.RESUME) return null;
    const { regs } = this;
    const after = regs.slice(0, GPRS);
    let rip = regs[REG.rip]!;
    if (action === Action.RETURN) {
      rip = this.read64(after[REG.rsp]!);
      after[REG.rsp]! += 8n;
    }
    const patches = this.changing.flatMap(({ address, memory: now }, i) =>
      changes(memory[i]!, now).map(({ at, bytes }) => ({ address: address + BigInt(at), bytes })),
    );
    const file = CaseFile.part().list(after).word(regs[REG.rflags]!).word(rip).word(patches.length);
    for (const { address, bytes } of patches) file.word(address).word(bytes.length).bytes(bytes);
    return file;
  }

  /** The code that was loaded, from its start on. */
  get loaded(): Uint8Array {
    return this.code.slice(0, this.codeUsed);
  }

  /** What all programs have in common. */
  get surroundings(): Surroundings {
    const area = (cpu: number): bigint => u64(PERCPU_POINTER_BASE + percpuOffset(cpu));
    return {
      stop: STOP,
      image: IMAGE_BASE,
      helpers: HELPER_BASE,
      stride: HELPER_STRIDE,
      plain: PLAIN_HELPERS,
      helperBytes: Number(HELPER_STRIDE) * HELPER_PLACES,
      context: CONTEXT_BASE,
      contextBytes: this.context.length,
      stackUsed: STACK_USED,
      junk: this.junk,
      regions: this.regions.map(({ address, memory, prot }) => ({ address, bytes: memory, prot })),
      cpus: Array.from({ length: CPUS }, (_, cpu) => {
        return { stack: stackBase(cpu), entryRsp: entryRsp(cpu), area: area(cpu) };
      }),
    };
  }
}
