import { bpfAllowed } from '../native';

/** Why this process cannot load programs here, in words for people; null when it can. */
export function permission(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'captures need Linux on x86-64';
  const { allowed, reason } = bpfAllowed();
  if (allowed) return null;
  return `${reason}; loading programs needs root, or CAP_BPF with CAP_PERFMON and CAP_SYSLOG (in a container, a seccomp profile that lets bpf(2) through)`;
}
