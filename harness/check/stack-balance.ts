import { Gpr } from '../../jit';
import { EventKind } from '../machine/trace';
import { handbacks } from '../run/handbacks';
import { type Check, type Finding, hex } from './finding';
import { lastPlace } from './losses';

/**
 * `leave` hides a lost push at the exit, so rsp is looked at wherever a BPF instruction begins: it is the same at each,
 * within an activation.
 */
export const stackBalance: Check = {
  id: 'stack-balance',
  title: 'rsp is the same at every BPF instruction of an activation, and the caller gets it back',
  run(input) {
    const { run, activationOf } = input;
    const { trace, world } = run;
    const findings: Finding[] = [];
    for (let event = 0; event < trace.count; event++) {
      if (trace.kind(event) !== EventKind.INSN) continue;
      const place = world.code.at(trace.rip(event));
      if (!place?.first || place.pc < 0) continue;
      const activation = activationOf[event];
      const rsp = trace.reg(event, Gpr.rsp);
      if (!activation) {
        const message = `the stack pointer is above the return address of ${place.fn.name}`;
        findings.push({ check: 'stack-balance', event, place, message, want: 'below it', got: `rsp = ${hex(rsp)}` });
        continue;
      }
      if (activation.bodyRsp === null) continue;
      if (rsp === activation.bodyRsp) continue;
      const words = Number(activation.bodyRsp - rsp) / 8;
      const message = `the stack of ${place.fn.name} is off by ${Math.abs(words)} word${Math.abs(words) === 1 ? '' : 's'}`;
      const want = `rsp = ${hex(activation.bodyRsp)}`;
      findings.push({ check: 'stack-balance', event, place, message, want, got: `rsp = ${hex(rsp)}` });
    }
    for (const { entry, returned, event, before, after, caller } of handbacks(input)) {
      const [want, got] = [before(Gpr.rsp), after(Gpr.rsp)];
      // Between subprogs it shows at the caller's next BPF instruction.
      if (caller !== null || want === got) continue;
      const who = entry.kind === 'run' ? 'the caller' : entry.by;
      const message = `${who} gets another stack pointer back`;
      const place = lastPlace(input, returned);
      findings.push({ check: 'stack-balance', event, place, message, want: hex(want), got: hex(got) });
    }
    return findings;
  },
};
