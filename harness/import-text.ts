import { type Imported, type ImportedRun, importFailed, runFailed, type ScheduledRun } from './import-captures';

const describeRun = (run: ImportedRun | ScheduledRun, several: boolean): string[] => {
  const { ctx, result, kernel, same } = run;
  const under = 'schedule' in run ? ` under schedule ${run.schedule}` : '';
  const context = several ? ` (context ${ctx.length > 32 ? `${ctx.slice(0, 32)}...` : ctx || 'none'})` : '';
  const lines: string[] = under === '' ? [] : [`  ${under.trim()}:`];
  if (!same && kernel) {
    const memory = kernel.retval === result.retval ? ', but the context afterwards differs' : '';
    lines.push(`  the kernel returned ${kernel.retval}, the emulator ${result.retval}${memory}${context}`);
    if (memory) lines.push(`    kernel   ${kernel.ctx}`, `    emulator ${result.ctx}`);
  }
  for (const { check, message, subprog, bpfPc, machine, want, got } of result.findings.slice(0, 3)) {
    const pc = bpfPc === null ? '' : ` pc ${bpfPc}`;
    const where = subprog === null ? '' : ` at ${subprog}${pc}${machine === null ? '' : `: ${machine}`}`;
    lines.push(`  ${check}: ${message}${where}${context}`, `    want ${want}`, `    got  ${got}`);
  }
  const more = result.findings.length - 3;
  if (more > 0) lines.push(`  and ${more} more`);
  return lines;
};

/** What came of captures, for people: those that went wrong in full, and how many did not. */
export function importLines(all: readonly Imported[], verbose: boolean): string[] {
  const lines: string[] = [];
  for (const each of all) {
    const { name, at, runs, skipped, problem, ourBytes, mapped, madeCallback } = each;
    const notes = [
      ...(ourBytes ? [] : [mapped ? 'decoded by its line map' : 'without a line map']),
      ...(madeCallback ? ['the default exception callback is made here'] : []),
    ];
    const remark = notes.length > 0 ? `  [${notes.join('; ')}]` : '';
    if (importFailed(each)) {
      lines.push(`✗ ${name}  ${at}${remark}`);
      if (problem !== null) lines.push(`  ${problem}`);
      const shown = [...runs.filter(runFailed), ...each.schedules.failed];
      lines.push(...shown.slice(0, 3).flatMap((run) => describeRun(run, runs.length > 1)));
      if (shown.length > 3) lines.push(`  and ${shown.length - 3} more runs`);
    } else if (verbose) {
      const judged = runs.filter(({ kernel }) => kernel !== null).length;
      const what = judged > 0 ? `${judged} as the kernel's` : `${runs.length} without a finding`;
      lines.push(skipped === null ? `✓ ${name}  ${what}${remark}` : `- ${name}  not run: ${skipped}${remark}`);
    }
  }
  const count = (test: (each: Imported) => boolean) => all.filter(test).length;
  const runs = all.flatMap((each) => each.runs);
  const equal = runs.filter(({ kernel, same }) => kernel !== null && same).length;
  const compared = runs.filter(({ kernel }) => kernel !== null).length;
  const found = runs.filter(({ result }) => result.findings.length > 0).length;
  const scheduled = all.reduce((sum, { schedules }) => sum + schedules.count, 0);
  const failed = all.reduce((sum, { schedules }) => sum + schedules.failed.length, 0);
  lines.push(
    `${all.length} captures of ${[...new Set(all.map(({ kernel }) => kernel))].join(', ')}: ${runs.length} runs`,
    `${equal} of ${compared} as the kernel's own test runs; ${found} with findings; ${count(({ skipped }) => skipped !== null)} captures not run, ${count(({ problem }) => problem !== null)} not readable as code`,
    ...(scheduled > 0 ? [`${failed} of ${scheduled} runs under other schedules went wrong`] : []),
    `${count(({ ourBytes }) => ourBytes)} have the bytes that \`linux-6.18\` emits for that machine`,
  );
  return lines;
}
