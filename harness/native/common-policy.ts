const POISONED = 8;
const BELOW = 8;
const JUNK = 9;
const RETURNS = 10;

/** The policy that helpers of an engine share, as `HelperPolicy` has it, but for what each returns. */
export class CommonPolicy {
  /** rcx rdx rsi rdi r8 r9 r10 r11. */
  readonly poison: BigUint64Array;
  /** What each helper returns, by index. */
  readonly returns: BigUint64Array;

  constructor(private readonly words: BigUint64Array) {
    this.poison = words.subarray(0, POISONED);
    this.returns = words.subarray(RETURNS);
  }

  /** Bytes, a multiple of 8, below the rsp that the caller sees again, which are overwritten with junk. */
  set belowRsp(bytes: number) {
    this.words[BELOW] = BigInt(bytes & ~7);
  }

  get belowRsp(): number {
    return Number(this.words[BELOW]);
  }

  /** Seed of that junk. */
  set junk(seed: bigint) {
    this.words[JUNK] = seed;
  }

  get junk(): bigint {
    return this.words[JUNK]!;
  }
}
