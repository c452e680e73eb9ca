import { readdirSync, readFileSync } from 'node:fs';

/** What a group of processes used so far. */
export interface Usage {
  /** User and system time, microseconds; the kernel counts in ticks of 10 ms. */
  readonly cpuUs: number;
  /** Voluntary context switches of all threads: how often somebody went to sleep. */
  readonly voluntarySwitches: number;
}

/** Resident, private and proportional memory, bytes. */
export interface Memory {
  readonly resident: number;
  readonly private: number;
  readonly proportional: number;
}

/** What a core did so far, microseconds. */
export interface CoreTime {
  readonly busyUs: number;
  readonly idleUs: number;
}

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Node runs on. */
const TICK_US = 10_000;
const KIB = 1024;

/**
 * Reads `/proc/PID/stat`: utime and stime of the process, and of the children it has waited for (proc_pid_stat(5), fields 14 to 17).
 * The second field is a name in parentheses that may itself hold spaces and parentheses.
 */
export function parseStat(text: string): { readonly cpuUs: number; readonly parent: number } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => {
    const value = Number(fields[number - 3]);
    if (!Number.isFinite(value)) throw new Error(`/proc/PID/stat has no field ${number}: ${text.slice(0, 80)}`);
    return value;
  };
  return { cpuUs: (field(14) + field(15) + field(16) + field(17)) * TICK_US, parent: field(4) };
}

/** Reads `voluntary_ctxt_switches` of a `/proc/PID/task/TID/status`. */
export function parseVoluntarySwitches(text: string): number {
  const match = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(text);
  if (match === null) throw new Error('the status file has no voluntary_ctxt_switches');
  return Number(match[1]);
}

/** Reads `/proc/PID/smaps_rollup`. */
export function parseSmapsRollup(text: string): Memory {
  const kib = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
    if (match === null) throw new Error(`smaps_rollup has no ${name}`);
    return Number(match[1]) * KIB;
  };
  return {
    resident: kib('Rss'),
    private: kib('Private_Clean') + kib('Private_Dirty'),
    proportional: kib('Pss'),
  };
}

/** Reads the line of one core in `/proc/stat`: user nice system idle iowait irq softirq steal. */
export function parseCore(text: string, core: number): CoreTime {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`/proc/stat has no core ${core}`);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .slice(1)
    .map(Number);
  return {
    busyUs: (user + nice + system + irq + softirq + steal) * TICK_US,
    idleUs: (idle + iowait) * TICK_US,
  };
}

/** A process and all its living descendants: `parents` says who started whom. */
export function descendants(root: number, parents: ReadonlyMap<number, number>): readonly number[] {
  const found = [root];
  for (const pid of found) {
    for (const [child, parent] of parents) if (parent === pid) found.push(child);
  }
  return found;
}

/** Usage of these processes and everything below them. Throws when one of the roots is gone: it crashed. */
export function usageOf(roots: readonly number[]): Usage {
  const parents = readParents();
  let cpuUs = 0;
  let voluntarySwitches = 0;
  for (const root of roots) {
    for (const pid of descendants(root, parents)) {
      cpuUs += parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).cpuUs;
      voluntarySwitches += switchesOf(pid);
    }
  }
  return { cpuUs, voluntarySwitches };
}

/** Memory of each process with what lies below it, added up. */
export function memoryOf(root: number): Memory {
  const all = descendants(root, readParents()).map((pid) =>
    parseSmapsRollup(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')),
  );
  const sum = (key: keyof Memory): number => all.reduce((total, memory) => total + memory[key], 0);
  return { resident: sum('resident'), private: sum('private'), proportional: sum('proportional') };
}

export function coreTime(core: number): CoreTime {
  return parseCore(readFileSync('/proc/stat', 'utf8'), core);
}

function switchesOf(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      total += parseVoluntarySwitches(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'));
    } catch (error) {
      // A thread may end between the two calls; its switches are then lost to both snapshots.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return total;
}

function readParents(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      parents.set(Number(entry), parseStat(readFileSync(`/proc/${entry}/stat`, 'utf8')).parent);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return parents;
}
