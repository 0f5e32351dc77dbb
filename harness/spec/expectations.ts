import type { LowerContext } from './context';
import { type Expectation, lowerFramePointers, lowerLevel, lowerListing, type PartialExpectation } from './expectation';
import type { Path } from './issues';
import { suggest } from './jit';
import type { LoweredPrograms } from './programs';
import type { ExpectSpec, ScenarioExpectationSpec } from './schema-expect';
import { oneOf } from './words';

/** What is expected whatever the policy, and what under each policy. */
interface Level {
  readonly own: PartialExpectation;
  readonly policies: ReadonlyMap<string, PartialExpectation>;
}

const NOTHING: Level = { own: {}, policies: new Map() };

/** Names that expectations may use. */
export interface ExpectationScope {
  readonly programs: LoweredPrograms;
  readonly policies: ReadonlySet<string>;
  readonly scenarios: readonly string[];
  readonly maps: readonly { readonly name: string; readonly size: number }[];
}

/** The expectations of a spec, checked, and ready to be asked for one scenario under one policy. */
export class Expectations {
  readonly #top: Level;
  readonly #scenarios: ReadonlyMap<string, Level>;

  constructor(
    written: ExpectSpec | undefined,
    private readonly scope: ExpectationScope,
    private readonly context: LowerContext,
  ) {
    this.#top = this.#level(written ?? {}, ['expect']);
    this.#scenarios = new Map(
      Object.entries(written?.scenarios ?? {}).map(([name, each]) => {
        const path = ['expect', 'scenarios', name];
        this.#checkName(name, path, 'scenario', scope.scenarios);
        return [name, this.#level(each, path)];
      }),
    );
  }

  /** Policies that have an expectation of their own for this scenario. */
  policiesOf(scenario: string): string[] {
    return [...this.#top.policies.keys(), ...(this.#scenarios.get(scenario)?.policies.keys() ?? [])];
  }

  /** Key by key, the most specific level that has it: scenario and policy, policy, scenario, all. */
  resolve(scenario: string, policy: string): Expectation {
    const inScenario = this.#scenarios.get(scenario) ?? NOTHING;
    const verdict = { value: { kind: 'holds' }, position: this.context.source.key(['expect']) } as const;
    const ofPolicy = { ...this.#top.policies.get(policy), ...inScenario.policies.get(policy) };
    return {
      verdict,
      ...this.#top.own,
      ...inScenario.own,
      ...ofPolicy,
      ...(ofPolicy.verdict && { ofPolicy: true }),
    };
  }

  #level(written: ScenarioExpectationSpec, path: Path): Level {
    const { context, scope } = this;
    const { frame_pointers: framePointers, jited, policies, ...own } = written;
    const byPolicy = new Map<string, PartialExpectation>();
    const add = (policy: string, at: Path, part: PartialExpectation): void => {
      this.#checkName(policy, at, 'policy', [...scope.policies]);
      const known = byPolicy.get(policy) ?? {};
      const twice = Object.keys(part).find((key) => key in known);
      if (twice) context.reportKey(at, `stands under \`policies.${policy}\` too`, { expected: 'one of the two' });
      byPolicy.set(policy, { ...known, ...part });
    };
    for (const [policy, each] of Object.entries(policies ?? {})) {
      const at = [...path, 'policies', policy];
      const { frame_pointers: pointers, jited: listing } = each;
      add(policy, at, {
        ...lowerLevel(each, at, scope.programs, context),
        ...(pointers && {
          framePointers: lowerFramePointers(pointers, [...at, 'frame_pointers'], scope.programs, context),
        }),
        ...(listing !== undefined && { jited: lowerListing(listing, [...at, 'jited'], context) }),
      });
      this.#checkMemory(each.memory, at);
    }
    // Short for the same keys under `policies`.
    for (const [policy, pointers] of Object.entries(framePointers ?? {})) {
      const at = [...path, 'frame_pointers', policy];
      add(policy, at, { framePointers: lowerFramePointers(pointers, at, scope.programs, context) });
    }
    for (const [policy, listing] of Object.entries(jited ?? {})) {
      const at = [...path, 'jited', policy];
      add(policy, at, { jited: lowerListing(listing, at, context) });
    }
    this.#checkMemory(own.memory, path);
    return { own: lowerLevel(own, path, scope.programs, context), policies: byPolicy };
  }

  #checkMemory(memory: Readonly<Record<string, string>> | undefined, path: Path): void {
    for (const name of Object.keys(memory ?? {})) {
      this.#checkName(name, [...path, 'memory', name], 'map', ['ctx', ...this.scope.maps.map((each) => each.name)]);
    }
  }

  #checkName(name: string, path: Path, what: string, known: readonly string[]): void {
    if (known.includes(name)) return;
    this.context.reportKey(path, `unknown ${what} \`${name}\``, {
      expected: oneOf(known),
      suggestion: suggest(name, known),
    });
  }
}
