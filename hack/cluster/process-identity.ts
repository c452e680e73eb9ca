import { readFileSync } from 'node:fs';

/** A process that no other can be taken for: ids are used again, an id with its start time and the machine's boot is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process's: field 22 of `/proc/PID/stat` (proc(5)). */
  readonly startTicks: string;
  /** `/proc/sys/kernel/random/boot_id`. */
  readonly boot: string;
}

/** Reads a file of `/proc`; throws when there is none. A parameter so that tests bring their own. */
export type ReadProc = (path: string) => string;

const fromDisk: ReadProc = (path) => readFileSync(path, 'utf8');

/** Who `pid` is now, or undefined when there is no such process (a zombie counts as gone: nothing runs in it). */
export function identify(pid: number, read: ReadProc = fromDisk): ProcessIdentity | undefined {
  try {
    const stat = parseStat(read(`/proc/${pid}/stat`));
    if (!stat || stat.state === 'Z' || stat.state === 'X') return undefined;
    return { pid, startTicks: stat.startTicks, boot: read('/proc/sys/kernel/random/boot_id').trim() };
  } catch {
    return undefined;
  }
}

/** Whether the very process that was recorded still runs. */
export function isRunning(recorded: ProcessIdentity, read: ReadProc = fromDisk): boolean {
  const now = identify(recorded.pid, read);
  return now !== undefined && now.startTicks === recorded.startTicks && now.boot === recorded.boot;
}

/** State and start time of a `/proc/PID/stat` line. The command (field 2) may hold spaces and parentheses: fields are counted after its last `)`. */
export function parseStat(line: string): { state: string; startTicks: string } | undefined {
  const fields = line
    .slice(line.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  return state && startTicks && /^\d+$/.test(startTicks) ? { state, startTicks } : undefined;
}

/** Reads what `JSON.stringify` of an identity wrote; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTicks, boot } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
    return typeof startTicks === 'string' && typeof boot === 'string' ? { pid, startTicks, boot } : undefined;
  } catch {
    return undefined;
  }
}
