import { type JitImage, type Role, x86 } from '../../jit';

/** Everything that emitter and table can make: what was never seen is one of these. */
const ROLES: Readonly<Record<Role, true>> = {
  'patch-site': true,
  'frame-setup': true,
  'exception-entry': true,
  'exception-adjust': true,
  'stack-alloc': true,
  'tail-call-counter': true,
  'callee-save': true,
  'arena-base': true,
  'frame-pointer': true,
  body: true,
  preserve: true,
  call: true,
  restore: true,
  jump: true,
  'tail-call-bypass': true,
  'tail-call-target': true,
  padding: true,
  epilogue: true,
};

/** Ends straight code. */
const ENDS = /^(j|call|ret)/;

/**
 * What of the emitter an image shows: `role/ROLE` for what an instruction is there for, `row/ROW` for its encoding,
 * `site/ROLE/ROW` for both, and `block/ROLES` for the order of roles in a piece of straight code.
 */
export function featuresOf(image: JitImage): Set<string> {
  const found = new Set<string>();
  for (const { listing } of image.functions.map((fn) => ({ listing: fn.listing() }))) {
    let block = '';
    let last = '';
    for (const { insn } of listing) {
      const { role } = insn.site;
      const { name, mnemonic } = insn.form;
      found.add(`role/${role}`).add(`row/${name}`).add(`site/${role}/${name}`);
      if (role !== last) block += `>${role}`;
      last = role;
      if (!ENDS.test(mnemonic)) continue;
      found.add(`block/${block}>${mnemonic}`);
      block = last = '';
    }
  }
  return found;
}

/** What a campaign has seen of the emitter. */
export interface CoverageReport {
  readonly roles: number;
  readonly ofRoles: number;
  readonly rows: number;
  readonly ofRows: number;
  readonly sites: number;
  readonly blocks: number;
  /** Names of roles and rows that were never seen. */
  readonly neverRoles: readonly string[];
  readonly neverRows: readonly string[];
}

const beginning = (features: ReadonlySet<string>, kind: string): string[] =>
  [...features].filter((each) => each.startsWith(`${kind}/`)).map((each) => each.slice(kind.length + 1));

/** Sums up what was seen. */
export function coverageReport(features: ReadonlySet<string>): CoverageReport {
  const roles = new Set(beginning(features, 'role'));
  const rows = new Set(beginning(features, 'row'));
  const all = { roles: Object.keys(ROLES), rows: Object.keys(x86.FORMS) };
  return {
    roles: roles.size,
    ofRoles: all.roles.length,
    rows: rows.size,
    ofRows: all.rows.length,
    sites: beginning(features, 'site').length,
    blocks: beginning(features, 'block').length,
    neverRoles: all.roles.filter((each) => !roles.has(each)),
    neverRows: all.rows.filter((each) => !rows.has(each)),
  };
}
