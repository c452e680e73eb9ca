import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GoFolders } from './go-build.ts';
import type { ClusterPlan } from './names.ts';
import { run } from './run.ts';

/** containerd's own client, for what Kubernetes has no word for: importing images, and finding a container's process. */
export interface Containerd {
  /** Imports a docker-archive or OCI archive; returns the names it brought. */
  importImages(archive: string): Promise<readonly string[]>;
  /** Names and manifest digests of all images. */
  images(): Promise<ReadonlyMap<string, string>>;
  /** Digests of all blobs held. */
  blobs(): Promise<ReadonlySet<string>>;
  /** Gives a running container's process. Undefined when there is none. */
  findProcess(container: ContainerName): Promise<ContainerProcess | undefined>;
}

export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface ContainerProcess {
  readonly id: string;
  /** Process id on this machine: `nsenter -t PID -n tcpdump …` watches the pod's network, `kill -STOP PID` freezes the container's first process. */
  readonly pid: number;
}

const NAMESPACE = 'k8s.io';

export function createContainerd(plan: ClusterPlan, programs: GoFolders): Containerd {
  const ctr = (args: readonly string[]) =>
    run(join(programs.cri, 'ctr'), ['--address', plan.paths.containerdSocket, '--namespace', NAMESPACE, ...args]);
  return {
    async importImages(archive) {
      const said = await ctr(['images', 'import', '--local', archive]);
      return [...said.matchAll(/^(?:unpacking )?(\S+)\s+(?:\(sha256:|saved|sha256:)/gm)].map((match) => match[1] ?? '');
    },
    async images() {
      const rows = (await ctr(['images', 'ls'])).split('\n').slice(1);
      return new Map(
        rows
          .map((row) => row.trim().split(/\s+/))
          .flatMap(([name, , digest]) => (name && digest ? [[name, digest] as const] : [])),
      );
    },
    async blobs() {
      return new Set((await ctr(['content', 'ls', '-q'])).split('\n').filter(Boolean));
    },
    async findProcess(container) {
      const ids = (await ctr(['containers', 'ls', '-q', filterOf(container)])).split('\n').filter(Boolean);
      const tasks = new Map((await ctr(['tasks', 'ls'])).split('\n').map((row) => parseTask(row)));
      const running = ids.flatMap((id) => (tasks.get(id) ? [{ id, pid: tasks.get(id) ?? 0 }] : []));
      return running[0];
    },
  };
}

/** The kubelet labels containers with their pod's coordinates. */
function filterOf({ namespace, pod, container }: ContainerName): string {
  const label = (name: string, value: string) => `labels."io.kubernetes.${name}"==${JSON.stringify(value)}`;
  return [label('pod.namespace', namespace), label('pod.name', pod), label('container.name', container)].join(',');
}

/** `TASK PID STATUS`: id and pid of a running one; a paused or stopped one has pid 0 here. */
function parseTask(row: string): [string, number] {
  const [id = '', pid = '', status = ''] = row.trim().split(/\s+/);
  return [id, status === 'RUNNING' ? Number(pid) : 0];
}

/** Where shims listen: outside the cluster's folder (containerd fixes it), so `down` must know before that folder goes. */
export async function shimSockets(
  plan: ClusterPlan,
  list: (folder: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const tasks = join(plan.paths.containerd, 'state', 'io.containerd.runtime.v2.task', NAMESPACE);
  const found = new Set<string>();
  for (const id of await list(tasks))
    for (const file of ['bootstrap.json', 'address']) {
      const text = await readFile(join(tasks, id, file), 'utf8').catch(() => '');
      const socket = /unix:\/\/(\/run\/containerd\/s\/[0-9a-f]{64})/.exec(text)?.[1];
      if (socket) found.add(socket);
    }
  return [...found];
}
