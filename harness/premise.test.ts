import { describe, expect, test } from '@jest/globals';
import { policyNamed } from '../jit';
import { unmetPremise } from './premise';
import type { Premise } from './spec';

describe('a claim is about a policy', () => {
  test.each<[string, Premise]>([
    ['unsaved', {}],
    ['unsaved', { block: ['function', 'subtree'], preserve: ['none'] }],
    ['boundary-once', { boundary: ['push-once'], callback: ['pop-if-own', 'pop-if-boundary'] }],
    ['boundary-once', { wraps: ['helper', 'kfunc'], leaves: ['subprog', 'throw'] }],
    ['spill-slot', { leaves: ['subprog', 'helper', 'kfunc', 'throw'] }],
    ['callee-saved', { register: ['r12', 'rbp'] }],
  ])('%s: %j', (name, premise) => {
    expect(unmetPremise(premise, policyNamed(name)!)).toBeNull();
  });
});

describe('a claim is not about a policy', () => {
  test.each<[string, Premise, string]>([
    ['kernel-stack', { block: ['function'] }, 'its block is `none`, the claim is about `function`'],
    [
      'callee-adjust',
      { compute: ['callee-add', 'absolute'] },
      'its compute is `callee-add-sub`, the claim is about `callee-add` or `absolute`',
    ],
    ['reload', { preserve: ['push-pop'] }, 'its preserve is `reload`, the claim is about `push-pop`'],
    ['subtree', { boundary: ['push-once'] }, 'its boundary is `none`, the claim is about `push-once`'],
    ['linux-6.18', { callback: ['from-rbp'] }, 'its callback is `no-pop`, the claim is about `from-rbp`'],
    ['boundary-once', { wraps: ['helper', 'throw'] }, 'it does not wrap `throw` calls'],
    ['spill-slot', { wraps: ['helper'] }, 'it does not wrap `helper` calls'],
    ['linux-6.18', { leaves: ['throw'] }, 'it wraps `throw` calls'],
    ['linux-6.18', { register: ['rbp'] }, 'its private frame pointers are in r9, the claim is about `rbp`'],
    ['callee-saved', { register: ['r9'] }, 'its private frame pointers are in r12, the claim is about `r9`'],
    ['kernel-stack', { register: ['rbp'] }, 'it has no private frame pointers, the claim is about `rbp`'],
  ])('%s: %j', (name, premise, reason) => {
    expect(unmetPremise(premise, policyNamed(name)!)).toBe(reason);
  });
});
