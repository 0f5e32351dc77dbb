import { bytes, integer, word } from './args';
import { EmuError } from './errors';

/** What a callback wants to happen next. */
export const Action = {
  /** Return from the helper: the return address is popped into rip. */
  RETURN: 0,
  /** Go on at `regs[REG.rip]`, which must differ from where the processor is. */
  RESUME: 1,
  /** End the run, as `stopped`. */
  STOP: 2,
  /** Execute the instruction that is there. */
  CONTINUE: 3,
  /** Let the helper's policy do the rest. Only of a helper that has one. */
  POLICY: 4,
} as const;
export type HelperAction = (typeof Action)[keyof typeof Action];

/** What a helper without a callback does to its caller: it destroys all that the ABI lets it destroy. */
export interface HelperPolicy {
  /** rax. */
  readonly ret: bigint;
  /** rcx rdx rsi rdi r8 r9 r10 r11, in this order. */
  readonly poison: readonly bigint[];
  /** Bytes, a multiple of 8, below the rsp that the caller sees again, which are overwritten with junk. */
  readonly belowRsp: number;
  /** Seed of that junk (default 0): each word depends on it and on its address only. */
  readonly junk?: bigint;
  /** Status flags afterwards; left alone by default. TF, NT, VM and the system flags are ignored. */
  readonly rflags?: bigint;
}

const POISONED = 8;
const MOST_BELOW = 1 << 20;

/** The policy as the words that the addon takes: see `POLICY_*` in src/addon.c. */
export function policyWords(policy: HelperPolicy): BigUint64Array {
  if (!Array.isArray(policy?.poison) || policy.poison.length !== POISONED) {
    throw new EmuError('bad-argument', `poison must be ${POISONED} words`);
  }
  const below = integer(policy.belowRsp, 'belowRsp', 0, MOST_BELOW);
  if (below % 8 !== 0) throw new EmuError('bad-argument', `belowRsp must be a multiple of 8, not ${below}`);
  return BigUint64Array.from([
    ...policy.poison.map((value, i) => word(value, `poison[${i}]`)),
    word(policy.ret, 'ret'),
    BigInt(below),
    word(policy.junk ?? 0n, 'junk'),
    word(policy.rflags ?? 0n, 'rflags'),
    policy.rflags === undefined ? 0n : 1n,
  ]);
}

/** The helper table as the addon takes it. */
export function helperTable(addresses: readonly bigint[], js: readonly boolean[] = []): [BigUint64Array, Uint8Array] {
  if (!Array.isArray(addresses) || !Array.isArray(js) || js.length > addresses.length) {
    throw new EmuError('bad-argument', 'hookHelpers takes a list of addresses, and as many flags at most');
  }
  const words = BigUint64Array.from(addresses, (address, i) => word(address, `helper ${i}`));
  return [
    words,
    bytes(
      Uint8Array.from(words, (_, i) => (js[i] ? 1 : 0)),
      'js',
    ),
  ];
}
