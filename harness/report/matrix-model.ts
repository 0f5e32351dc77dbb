import type { CaseReport, FindingReport } from './model';

/** Whether a claim's property holds under a policy, over all cases of its spec. */
export interface ClaimVerdict {
  readonly policy: string;
  readonly verdict: 'holds' | 'fails' | 'not-applicable';
  /** Why the claim is not about the policy, or about some cases of it only; null where there is nothing to say. */
  readonly reason: string | null;
  /** The first one of the first case that fails. */
  readonly finding: FindingReport | null;
  readonly asDeclared: boolean;
}

/** A claim, and its verdict under each policy. */
export interface ClaimRow {
  readonly id: string;
  readonly statement: string;
  readonly property: string;
  readonly source: { readonly message: string; readonly claim: string };
  /** Under named policies, in the order of the columns. */
  readonly named: readonly ClaimVerdict[];
  /** Under policies that the claim's spec writes out itself. */
  readonly own: readonly ClaimVerdict[];
}

/** Machine code, counted. */
export interface Size {
  readonly bytes: number;
  readonly insns: number;
}

/** A piece of code under a policy, and what it has more than under `kernel-stack`: both may be less, too. */
export interface Cost extends Size {
  readonly added: Size;
}

/** What a policy costs on one fixed program. */
export interface PolicyCosts {
  readonly policy: string;
  /** Of a main subprog with a private frame. */
  readonly prologue: Cost;
  readonly epilogue: Cost;
  /** Of a subprog with a private frame that it calls. */
  readonly inner: { readonly prologue: Cost; readonly epilogue: Cost };
  /** Of a main subprog that is an exception boundary. */
  readonly boundary: { readonly prologue: Cost; readonly epilogue: Cost };
  /** Prologue and epilogue of an exception callback. */
  readonly callback: Cost;
  /** What is around calls, by what they go to. */
  readonly call: Readonly<Record<'subprog' | 'helper' | 'kfunc' | 'throw', Size>>;
  /** A load or store through r10: some registers take longer encodings than others. */
  readonly access: Size;
  /** Of the whole program: boundary, one call of each kind, inner subprog, exception callback. */
  readonly total: Cost;
}

/** Claims by policies. */
export interface Matrix {
  /** The columns. */
  readonly policies: readonly string[];
  readonly claims: readonly ClaimRow[];
  /** Cases whose verdict is not the declared one. */
  readonly deviating: readonly CaseReport[];
  readonly costs: readonly PolicyCosts[];
}

/** What breaks a design: the first claim that fails, and how. */
export interface Breakage {
  readonly claim: string;
  readonly scenario: string;
  readonly finding: FindingReport;
}

/** A combination of choices, judged by all claims that are about it. */
export interface DesignRow {
  readonly name: string;
  readonly choices: {
    readonly block: string;
    readonly compute: string;
    readonly preserve: { readonly kind: string; readonly calls?: readonly string[] };
    readonly boundary: string;
    readonly callback: string;
  };
  /** Whether frames are private at all; without them nothing is to be paid. */
  readonly isPrivate: boolean;
  /** Claims that are about it and were looked at. */
  readonly judged: number;
  /** Null for a sound one. */
  readonly broken: Breakage | null;
  readonly costs: PolicyCosts;
}

/** The design space, judged. */
export interface Designs {
  /** In the order in which they are tried. */
  readonly claims: readonly { readonly id: string; readonly statement: string }[];
  /** Claims that break every design with a private stack, by id: they count for none. */
  readonly hopeless: readonly string[];
  readonly designs: readonly DesignRow[];
}
