import { spawn } from 'node:child_process';
import { kubectlPath } from '../../hack/cluster/cluster.ts';
import { CLUSTER, type Mesh } from './mesh.ts';
import { now } from './moment.ts';

/** One state of a watched object. */
export interface Seen<Shape> {
  readonly object: Shape;
  /** When it was read: a moment of `now()`. */
  readonly at: number;
}

export interface Watching<Shape> {
  /** The first state, already read or to come, that fits; rejects after `timeoutMs` with the last state. */
  until(what: string, fits: (seen: Seen<Shape>) => boolean, timeoutMs?: number): Promise<Seen<Shape>>;
  stop(): void;
}

/** One state a line, as JSON. */
const LINES = 'jsonpath={@}{"\\n"}';

/** The older half of more states than this is forgotten. */
const MOST_STATES = 1_000;

/**
 * Follows what `kubectl get <args>` names (one object, or those of a selector): each state is read when it is written, not up to a poll later.
 * `exists`: returns only when the first state was read, so the watch surely stands.
 */
export async function watch<Shape>(mesh: Mesh, args: readonly string[], exists: boolean): Promise<Watching<Shape>> {
  const program = await kubectlPath({ name: CLUSTER });
  const child = spawn(program, ['--kubeconfig', mesh.kubectl.kubeconfig, 'get', ...args, '--watch', '-o', LINES], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seen: Seen<Shape>[] = [];
  const heard = new Set<() => void>();
  let pending = '';
  let said = '';
  let ended: string | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const at = now();
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) seen.push({ object: JSON.parse(line) as Shape, at });
    if (seen.length > MOST_STATES) seen.splice(0, MOST_STATES / 2);
    for (const listener of [...heard]) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000);
  });
  const end = (why: string): void => {
    ended ??= `${why}: ${said.trim()}`;
    for (const listener of [...heard]) listener();
  };
  child.on('error', (error) => end(error.message));
  child.on('exit', (code) => end(`kubectl get --watch ended with ${code}`));

  const watching: Watching<Shape> = {
    until: (what, fits, timeoutMs = 60_000) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          heard.delete(look);
          clearTimeout(timer);
          act();
        };
        const fail = (why: string): void =>
          settle(() => reject(new Error(`${why}: ${what}; last seen ${JSON.stringify(seen.at(-1)?.object)}`)));
        const look = (): void => {
          const found = seen.find(fits);
          if (found !== undefined) settle(() => resolve(found));
          else if (ended !== undefined) fail(ended);
        };
        const timer = setTimeout(() => fail(`not within ${timeoutMs / 1000} s`), timeoutMs);
        heard.add(look);
        look();
      }),
    stop: () => void child.kill(),
  };
  if (exists) await watching.until('the watch stands', () => true, 20_000);
  return watching;
}
