import type { Options } from '../../testing/program';
import type { StackPolicy } from '../policy';

/** A call of each kind from a frame, and a call from the frame below. */
export const ASM = `
  main:
    r6 = r1
    *(u64 *)(r10 - 128) = 1
    call bpf_ktime_get_ns
    call bpf_rcu_read_lock
    call sub
    r0 = *(u64 *)(r10 - 128)
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    call bpf_get_prandom_u32
    exit`;

/** A throw below the boundary, and a callback with a frame that is big enough for any layout. */
export const THROWING = `
  main:
    *(u64 *)(r10 - 128) = 1
    call sub
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    call bpf_throw
    exit
  .func caught
  caught:
    *(u64 *)(r10 - 136) = 3
    r0 = r1
    exit`;

/** How {@link THROWING} is compiled. */
export const thrown = (policy: string | StackPolicy): Options => ({ policy, type: 'tracepoint', exceptionCallback: 2 });
