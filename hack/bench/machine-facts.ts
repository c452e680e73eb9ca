import { cpus, release } from 'node:os';
import { attempt } from '../cluster/run.ts';
import type { BenchOptions } from './options.ts';
import type { Programs } from './peers/programs.ts';

export interface MachineFacts {
  readonly at: string;
  readonly commit: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Others may have used the machine. */
  readonly busy: boolean;
  readonly versions: Programs['versions'];
  readonly absent: Programs['absent'];
  /** The above as sentences. */
  readonly notes: readonly string[];
}

/** What a figure must be read beside. */
export async function machineFacts(options: BenchOptions, programs: Programs): Promise<MachineFacts> {
  const commit = (await attempt('git', ['rev-parse', '--short', 'HEAD'])).stdout.trim();
  const facts = {
    at: new Date().toISOString(),
    commit,
    kernel: release(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    rounds: options.rounds,
    seconds: options.seconds,
    busy: options.busy,
    versions: programs.versions,
    absent: programs.absent,
  };
  const notes = [
    `${facts.at}, commit ${commit}, ${facts.cores} x ${facts.cpu}, Linux ${facts.kernel}, Node ${facts.node}; ${options.rounds} rounds of ${options.seconds} s.`,
    ...(options.busy ? ['Taken on a machine that others used too (--busy): read the ratios, not the figures.'] : []),
    ...(options.nodeOptions === undefined
      ? []
      : [`Our proxies ran with other options of Node than the image's: ${options.nodeOptions.join(' ')}.`]),
    ...(options.profile === undefined ? [] : ['Our proxies were profiled (--profile): their figures are too high.']),
    ...Object.values(programs.versions).map((version) => `- ${version}`),
    ...programs.absent.map(({ program, why }) => `- absent: ${program} (${why})`),
  ];
  return { ...facts, notes };
}
