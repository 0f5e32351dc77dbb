import type { ProgramType } from '../../jit';

/** Whom a running program keeps from running on its CPU: every other one of the kind, itself only, or nobody. */
export type GuardScope = 'cpu' | 'program' | 'none';

/**
 * What keeps a program from running inside itself. kprobe, tracepoint and perf_event programs count in bpf_prog_active,
 * one counter a CPU (trace_call_bpf()); raw tracepoints and trampolines count in the program's own (prog->active).
 * Others are not entered again in ways that are modelled.
 */
const SCOPES: Partial<Readonly<Record<ProgramType, GuardScope>>> = {
  kprobe: 'cpu',
  tracepoint: 'cpu',
  perf_event: 'cpu',
  raw_tracepoint: 'program',
  raw_tracepoint_writable: 'program',
  tracing: 'program',
  lsm: 'program',
  struct_ops: 'program',
};

export const guardScope = (type: ProgramType): GuardScope => SCOPES[type] ?? 'none';

/** The counters against recursion, of all CPUs. */
export class RecursionGuard {
  private readonly active = new Map<string, number>();

  constructor(private readonly scopeOf: (type: ProgramType) => GuardScope = guardScope) {}

  private key(name: string, type: ProgramType, cpu: number): string | null {
    const scope = this.scopeOf(type);
    return scope === 'none' ? null : scope === 'cpu' ? `${cpu}` : `${cpu} ${name}`;
  }

  /** Whether the kernel would skip a program now. */
  blocks(name: string, type: ProgramType, cpu: number): boolean {
    const key = this.key(name, type, cpu);
    return key !== null && (this.active.get(key) ?? 0) > 0;
  }

  enter(name: string, type: ProgramType, cpu: number): void {
    this.add(this.key(name, type, cpu), 1);
  }

  leave(name: string, type: ProgramType, cpu: number): void {
    this.add(this.key(name, type, cpu), -1);
  }

  private add(key: string | null, by: number): void {
    if (key !== null) this.active.set(key, (this.active.get(key) ?? 0) + by);
  }
}
