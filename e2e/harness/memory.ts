import { readFileSync } from 'node:fs';

/** Memory of a process as the kernel counts it, MiB (proc_pid_smaps_rollup(5)). */
export interface Memory {
  /** Pages in memory, shared ones (program text, libraries) included. */
  readonly resident: number;
  /** Shared pages divided by how many share them. */
  readonly proportional: number;
  /** Pages of this process alone: what the pod really costs. */
  readonly private: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mebibytes = (name: string): number => {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    if (kibibytes === undefined) throw new Error(`/proc/${pid}/smaps_rollup has no ${name}`);
    return Number(kibibytes) / 1024;
  };
  return {
    resident: mebibytes('Rss'),
    proportional: mebibytes('Pss'),
    private: mebibytes('Private_Clean') + mebibytes('Private_Dirty'),
  };
}

export function describeMemory({ resident, private: own, proportional }: Memory): string {
  return `resident ${resident.toFixed(1)} MiB, private ${own.toFixed(1)} MiB, PSS ${proportional.toFixed(1)} MiB`;
}
