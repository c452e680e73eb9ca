import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { V1Pod } from '@kubernetes/client-node';
import { eventually } from '../../hack/mesh/kubectl.ts';
import { CONTAINER, PORTS } from '../../proxy/contract/bootstrap.ts';
import { addressOf, type Mesh } from './mesh.ts';
import { now } from './moment.ts';

/** Moments (`now()`) in the life of a proxy that was killed. */
export interface Killed {
  readonly killedAt: number;
  /** The process is gone, and its sockets with it. */
  readonly goneAt: number;
  /** The one that came after it says that it is ready: it listens, has its identity and its configuration. */
  readonly readyAt: number;
}

const LOOK_MS = 10;

/** SIGKILL to a pod's proxy; returns when its successor is ready. */
export async function killProxy(mesh: Mesh, pod: V1Pod): Promise<Killed> {
  const pid = await mesh.pid(pod.metadata!.namespace!, pod.metadata!.name!, CONTAINER.proxy);
  const killedAt = now();
  process.kill(pid, 'SIGKILL');
  await eventually('the killed proxy is gone', async () => isGone(pid), 10_000, LOOK_MS);
  const goneAt = now();
  // Its own word on the port that the kubelet asks, and not the pod's condition, which comes up to two probes later.
  const url = `http://${addressOf(pod)}:${PORTS.health}/ready`;
  await eventually(
    'the proxy is ready again',
    async () => (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok,
    60_000,
    LOOK_MS,
  );
  return { killedAt, goneAt, readyAt: now() };
}

/** Reaped, or a zombie: the kernel has closed its files by then (exit_files before exit_notify). */
function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return ['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return true;
  }
}
