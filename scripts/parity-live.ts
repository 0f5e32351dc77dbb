import { parseArgs } from 'node:util';
import { answerJit } from '../harness';
import { resolver } from '../harness/build';
import {
  compareSeed,
  type Generated,
  type JitUnderTest,
  type KernelSymbols,
  kernelSymbols,
  parityLines,
  whyNot,
} from '../harness/kernel-image';
import { verify, wholeProgram } from '../harness/request-program';
import { compile, type KernelConfig, LINUX_6_18, pcsOf, policyNamed } from '../jit';
import { EXIT } from './exit-codes';

/**
 * `npm run parity:live -- [--runs 300] [--seed 1]`: random programs through the running kernel's JIT and ours. 0 when all
 * are equal or the kernel cannot be asked, 1 when one is not.
 */

const LD_IMM64 = 0x18;
const policy = policyNamed('linux-6.18')!;
const requestOf = ({ type, insns }: Generated) => ({ prog_type: type, insns });
const hex = (address: bigint): string => `0x${address.toString(16)}`;

/** Our JIT, told the addresses of the running kernel. */
function jitFor(symbols: KernelSymbols): JitUnderTest {
  const config: KernelConfig = { ...LINUX_6_18, symbols: { ...LINUX_6_18.symbols, ...symbols } };
  const verified = (program: Generated) => verify(wholeProgram(requestOf(program)), policy, config, true);
  return {
    symbols: Object.values(symbols),
    compile(program, ksyms, frames) {
      const priv_frame_ptrs = frames.map((frame) => frame && hex(frame));
      const request = { ...requestOf(program), ksyms: ksyms.map(hex), priv_frame_ptrs };
      const { funcs, relocs } = answerJit(request, policy, config);
      const { subprogs, depths } = verified(program).analysis;
      const analysis = subprogs.map((each, i) => ({ stackDepth: depths.own[i]!, isPrivate: each.private !== null }));
      return { funcs, relocs, analysis };
    },
    rewritten(program) {
      const { subprogs } = verified(program).program;
      return subprogs.flatMap(({ insns }) =>
        insns.flatMap((insn) => (insn.code === LD_IMM64 ? [insn, { code: 0, imm: 0 }] : [insn])),
      );
    },
    instructionAt(program, fn, offset) {
      const { program: done, analysis } = verified(program);
      const { subprogs } = done;
      const blockAddresses = analysis.blocks.map((_, i) => BigInt(i + 1) << 32n);
      const shared = { policy, config, resolver: resolver(done, () => 0n) };
      const { addrs } = compile({ name: 'live', subprogs, facts: analysis, blockAddresses, ...shared }).functions[fn]!;
      if (offset < addrs[0]!) return 'prologue';
      const pc = addrs.findIndex((_, i) => i + 1 < addrs.length && offset < addrs[i + 1]!);
      const { insns } = subprogs[fn]!;
      const insn = insns[pcsOf(insns).indexOf(pc)];
      return pc < 0
        ? 'behind the end'
        : `BPF pc ${pc} ${JSON.stringify(insn ?? null, (_, v) => (typeof v === 'bigint' ? hex(v) : v))}`;
    },
  };
}

function main(): number {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
  });
  const runs = Number(values.runs);
  const first = Number(values.seed);
  if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(first) || first < 0) {
    process.stderr.write('--runs and --seed are whole numbers\n');
    return EXIT.usage;
  }
  const reason = whyNot();
  if (reason !== null) {
    process.stdout.write(`skipped: ${reason}\n`);
    return 0;
  }
  const symbols = kernelSymbols();
  if (symbols === null) {
    process.stdout.write('skipped: the code of this kernel is built otherwise than ours\n');
    return 0;
  }
  const jit = jitFor(symbols);
  const start = Date.now();
  const outcomes = Array.from({ length: runs }, (_, i) => compareSeed(first + i, jit));
  process.stdout.write(`${parityLines(outcomes, Date.now() - start).join('\n')}\n`);
  return outcomes.some(({ kind }) => kind === 'different') ? EXIT.deviation : 0;
}

process.exitCode = main();
