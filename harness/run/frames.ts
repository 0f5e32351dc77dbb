import { roundUp } from '../../jit';
import { onCpu } from '../kernel/percpu';
import type { Activation } from './activations';
import type { World } from './run';

const BP_AND_RETURN = 8n;

/** rbp of an activation: the caller's rbp stands right below the return address. */
export const kernelFrame = (activation: Activation): bigint => activation.entryRsp - BP_AND_RETURN;

/**
 * The frame pointer (BPF r10) that an activation must have, by the analysis alone: on the kernel stack rbp; at a fixed
 * place of its own block; or, inside a call tree, its caller's plus its own depth.
 */
export function plannedFrame(world: World, activation: Activation): bigint {
  const { analysis, blocks } = world.programs[activation.program]!;
  const { private: frame, stackDepth } = analysis.subprogs[activation.subprog]!;
  if (frame === null) return kernelFrame(activation);
  const { parent } = activation;
  const caller = parent?.program === activation.program ? parent : null;
  if (frame.role === 'inner' && caller !== null && analysis.subprogs[caller.subprog]!.private !== null) {
    return plannedFrame(world, caller) + BigInt(roundUp(stackDepth, 8));
  }
  return onCpu(blocks[frame.block]! + BigInt(frame.offset), activation.cpu);
}

/** The frame pointer of a subprog with a private frame, whether it runs or not. */
export function privateFramePointer(world: World, program: number, subprog: number, cpu: number): bigint | undefined {
  const { analysis, blocks } = world.programs[program]!;
  const frame = analysis.subprogs[subprog]!.private;
  return frame === null ? undefined : onCpu(blocks[frame.block]! + BigInt(frame.offset), cpu);
}

/** Address of the block that holds a subprog's private frame. */
export function privateBlock(world: World, program: number, subprog: number, cpu: number): bigint | undefined {
  const { analysis, blocks } = world.programs[program]!;
  const frame = analysis.subprogs[subprog]!.private;
  return frame === null ? undefined : onCpu(blocks[frame.block]!, cpu);
}
