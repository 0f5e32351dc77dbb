import { policyNamed, type StackPolicy } from '../../jit';
import { type Excluded, type Fault, fault } from './fault';

const named = (name: string) => () => policyNamed(name)!;
/** The callback's own state decides whether it pops, as in version 3. */
const popsIfOwn = (policy: StackPolicy): StackPolicy => ({ ...policy, callback: policyNamed('subtree')!.callback });

/** What version 3 of the patches would have got wrong, each put in the place of a policy that gets it right. */
export const V3: readonly Fault[] = [
  fault('V3-1', 'The default exception callback has no private frame and pops nothing, although the boundary pushed.', {
    check: 'exception',
    policy: 'caller-add',
    mutation: { policy: popsIfOwn },
    sign: { message: /: r15 <- saved r9, r14 <- r15, r13 <- r14, rbx <- r13, r12 <- rbx$/ },
    spec: 'V3-1 a default callback pops nothing',
  }),
  fault('V3-2', 'A large exception callback has a private frame, and pops a word that the boundary never pushed.', {
    check: 'exception',
    policy: 'caller-add',
    mutation: { policy: popsIfOwn },
    sign: { message: /: r15 <- r14, r14 <- r13, r13 <- rbx, rbx <- r12, r12 <- rbp$/ },
    spec: 'V3-2 a large callback pops what nobody pushed',
  }),
  fault(
    'V3-3',
    'The last root claims a shared subprog: called from main, it adds its depth to an r9 that nobody set.',
    {
      check: 'frame-address',
      mutation: { policy: named('subtree') },
      sign: { subprog: /^shared$/, culprit: /^`add r9, 0x40` at shared .* what was there at the entry$/ },
      spec: 'V3-3 a shared subprog, the last root wins',
    },
  ),
  fault('V3-7', "A trampoline runs C code between the caller's call and the callee's `add r9`.", {
    check: 'frame-address',
    mutation: { policy: named('subtree') },
    sign: { culprit: /^`add r9, 0x40` at inner .* what the trampoline of prog.inner left$/ },
    spec: 'trampolines at main and at an inner subprog',
  }),
  fault('V3-8', 'A callback that another callback calls is an inner subprog: the helper enters it with its own r9.', {
    check: 'frame-address',
    mutation: { policy: named('subtree') },
    sign: { subprog: /^first$/, culprit: /^`add r9, 0x40` at first .* what was there at the entry$/ },
    spec: 'V3-8 a callback that another callback calls',
  }),
];

export const V3_EXCLUDED: readonly Excluded[] = [
  { id: 'V3-4', reason: 'needs a depth that is no multiple of 8: the verifier gives none' },
  { id: 'V3-5', reason: 'the state of an inner subprog without a root never occurs: eligibility comes first' },
  { id: 'V3-6', reason: 'the machine has two CPUs; without SMP there is no this_cpu_off to read' },
];
