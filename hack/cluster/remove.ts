import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { killCgroup, removeCgroup } from './cgroups.ts';
import { shimSockets } from './containerd.ts';
import type { ClusterPlan } from './names.ts';
import { removeNetwork } from './network.ts';
import { attempt } from './run.ts';
import { answers } from './sockets.ts';

/** Where parts write outside the cluster's folder, because their path cannot be set. */
const CONTAINER_LOG_LINKS = '/var/log/containers';
const DEVICE_SOCKET = '/var/lib/kubelet/device-plugins/kubelet.sock';
const CNI_RESULTS = '/var/lib/cni/results';

/**
 * Removes all of a cluster, however far it came and whatever killed it. One way for every case: everything is killed at once (the cgroup is the
 * list), then what processes leave behind is taken away. Doing it twice does no harm.
 */
export async function removeCluster(plan: ClusterPlan): Promise<{ killed: number }> {
  const killed = await killCgroup(plan.cgroup);
  const sockets = await shimSockets(plan, list);
  await unmountBelow(plan.paths.root);
  await removeNetwork(plan);
  await removeCgroup(plan.cgroup);
  await Promise.all(sockets.map((socket) => rm(socket, { force: true })));
  await removeLogLinks(plan.paths.root);
  await removeNetworkResults(plan.network);
  await rm(plan.paths.root, { recursive: true, force: true });
  return { killed };
}

/** Mount points below a folder, deepest first. */
export function mountsBelow(folder: string, mounts: string): readonly string[] {
  const points = mounts.split('\n').map((line) => unescapeMount(line.split(' ')[1] ?? ''));
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed();
}

/** Links in the machine's log folder that lead into a cluster's folder. */
export async function logLinksInto(root: string): Promise<readonly string[]> {
  const links = (await list(CONTAINER_LOG_LINKS)).map((name) => join(CONTAINER_LOG_LINKS, name));
  const targets = await Promise.all(links.map(async (link) => [link, await readlink(link).catch(() => '')] as const));
  return targets.filter(([, target]) => target.startsWith(`${root}/`)).map(([link]) => link);
}

/** Files the network plugins' library keeps for a pod network. */
export async function networkResults(network: string): Promise<readonly string[]> {
  return (await list(CNI_RESULTS))
    .filter((name) => name.startsWith(`${network}-`))
    .map((name) => join(CNI_RESULTS, name));
}

/**
 * The socket for device plugins has one fixed path for all kubelets of a machine. Call it when no cluster of
 * ours is left; a kubelet that is not ours still answers on it, and keeps it. Folders go when empty.
 */
export async function removeSharedSocket(): Promise<void> {
  if (existsSync(DEVICE_SOCKET) && !(await answers(DEVICE_SOCKET))) await rm(DEVICE_SOCKET, { force: true });
  for (const folder of [
    dirname(DEVICE_SOCKET),
    dirname(dirname(DEVICE_SOCKET)),
    '/run/containerd/s',
    '/run/containerd',
  ])
    await rmdir(folder).catch(() => undefined);
}

async function unmountBelow(folder: string): Promise<void> {
  // Again: a mount may lie over another.
  for (let round = 0; round < 5; round += 1) {
    const points = mountsBelow(folder, await readFile('/proc/mounts', 'utf8'));
    if (points.length === 0) return;
    await attempt('umount', ['--lazy', ...points]);
  }
  const left = mountsBelow(folder, await readFile('/proc/mounts', 'utf8'));
  if (left.length > 0)
    throw new Error(
      `cannot unmount ${left.slice(0, 3).join(', ')} (${left.length} in all): see what holds them (fuser -vm PATH), then run down again`,
    );
}

async function removeLogLinks(root: string): Promise<void> {
  await Promise.all((await logLinksInto(root)).map((link) => rm(link, { force: true })));
}

async function removeNetworkResults(network: string): Promise<void> {
  await Promise.all((await networkResults(network)).map((file) => rm(file, { force: true })));
}

/** /proc/mounts writes blanks and backslashes as octal (fstab(5)). */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

async function list(folder: string): Promise<readonly string[]> {
  return existsSync(folder) ? readdir(folder) : [];
}
