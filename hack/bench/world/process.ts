import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { PROXY_UID } from '../../../proxy/contract/bootstrap.ts';
import { lastLines, systemPath } from '../../cluster/run.ts';
import { inside } from './network.ts';

/** A process of a world. */
export interface Job {
  readonly name: string;
  readonly namespace: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly core: number;
  /** Proxies run as the one user whose connections the rules leave alone. */
  readonly as: 'proxy' | 'root';
  /** File for its output. */
  readonly log: string;
}

export interface Running {
  readonly pid: number;
  readonly name: string;
  /** When it was started, milliseconds since 1970. */
  readonly startedAt: number;
  /** Throws, with the last lines of its log, when it has ended. */
  assertAlive(): void;
  stop(): Promise<void>;
}

const TERM_MS = 3_000;

/** `ip`, `setpriv` and `taskset` all become the program, so the child's pid is the program's. */
export function start(job: Job): Running {
  const startedAt = Date.now();
  const [program = '', ...args] = commandLine(job);
  const log = openSync(job.log, 'a');
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { PATH: systemPath(), HOME: '/tmp', LANG: 'C.UTF-8', ...job.env },
  });
  closeSync(log);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  return {
    pid: child.pid ?? 0,
    name: job.name,
    startedAt,
    assertAlive() {
      if (failure === undefined && child.exitCode === null && child.signalCode === null) return;
      const how = failure ?? `ended with ${child.exitCode ?? child.signalCode}`;
      throw new Error(`${job.name} ${how}; ${job.log} says:\n${lastLines(readFileSync(job.log, 'utf8'), 10)}`);
    },
    stop: () => stop(child),
  };
}

/** Reading programs and files below a home folder is all that the proxies' user is given more (Envoy lies in a cache there). */
export function commandLine(job: Job): readonly string[] {
  const pinned = ['taskset', '-c', String(job.core), ...job.command];
  if (job.as === 'root') return inside(job.namespace, pinned);
  const user = [`--reuid=${PROXY_UID}`, `--regid=${PROXY_UID}`, '--clear-groups'];
  const reading = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
  return inside(job.namespace, ['setpriv', ...user, ...reading, ...pinned]);
}

function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), TERM_MS);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
