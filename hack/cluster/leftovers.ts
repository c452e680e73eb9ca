import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { groupsBelow } from './cgroups.ts';
import type { ClusterPlan } from './names.ts';
import { routes } from './network.ts';
import { identify } from './process-identity.ts';
import { logLinksInto, mountsBelow, networkResults } from './remove.ts';
import { run } from './run.ts';

/** What of a cluster is on this machine, each thing named. All empty after `down`. */
export interface Leftovers {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly cgroups: readonly string[];
  readonly files: readonly string[];
}

/**
 * Looks for a cluster by other ways than those that remove it: processes by what they are (command line, cgroup, network namespace) and not by the
 * cgroup's list. `networks` are the ids (`net:[…]`) of the namespaces it had, its pods' included (see `networksOf`).
 */
export async function findLeftovers(plan: ClusterPlan, networks: ReadonlySet<string> = new Set()): Promise<Leftovers> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const [processes, namespaces, links, over, cgroups, logs, results] = await Promise.all([
    findProcesses(plan, networks),
    findNamespaces(plan, networks),
    findLinks(plan),
    findRoutes(plan),
    groupsBelow(plan.cgroup),
    logLinksInto(plan.paths.root),
    networkResults(plan.network),
  ]);
  const files = [...logs, ...results, ...(existsSync(plan.paths.root) ? [plan.paths.root] : [])];
  return { processes, mounts: mountsBelow(plan.paths.root, mounts), namespaces, links, routes: over, cgroups, files };
}

/** How many things of each kind. */
export function countLeftovers(left: Leftovers): Readonly<Record<keyof Leftovers, number>> {
  const counts = Object.entries(left).map(([kind, things]: [string, readonly string[]]) => [kind, things.length]);
  return Object.fromEntries(counts) as Record<keyof Leftovers, number>;
}

/** Ids of the network namespaces that the cluster's processes are in now, but for this machine's own. */
export async function networksOf(pids: readonly number[]): Promise<ReadonlySet<string>> {
  const own = await readlink('/proc/self/ns/net');
  const found = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => own)));
  return new Set(found.filter((id) => id !== own));
}

async function findProcesses(plan: ClusterPlan, networks: ReadonlySet<string>): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // A zombie has ended: it is an entry that its parent has yet to read.
      if (!identify(Number(pid))) return [];
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [command, groups, network] = await Promise.all([
        read('cmdline'),
        read('cgroup'),
        readlink(`/proc/${pid}/ns/net`).catch(() => ''),
      ]);
      const grouped = groups
        .split('\n')
        .some((line) => line.endsWith(`:${plan.cgroup}`) || line.includes(`:${plan.cgroup}/`));
      const ours = command.includes(`${plan.paths.root}/`) || grouped || networks.has(network);
      return ours ? [`${pid} ${command.replaceAll('\0', ' ').slice(0, 120)}`] : [];
    }),
  );
  return found.flat();
}

/** A namespace lives on as long as something is mounted from it, whoever's it is. */
async function findNamespaces(plan: ClusterPlan, networks: ReadonlySet<string>): Promise<readonly string[]> {
  const mounted = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => [...networks].some((id) => line.includes(` ${id} `)));
  return [...(existsSync(plan.netnsFile) ? [plan.netnsFile] : []), ...mounted];
}

async function findLinks(plan: ClusterPlan): Promise<readonly string[]> {
  const links: unknown = JSON.parse(await run('ip', ['-j', 'link', 'show']));
  return (Array.isArray(links) ? links : []).flatMap((link: { ifname?: unknown }) =>
    link.ifname === plan.link ? [plan.link] : [],
  );
}

async function findRoutes(plan: ClusterPlan): Promise<readonly string[]> {
  const { link, pods, services } = plan.subnets;
  const ours = new Set([link.v4, pods.v4, services.v4, link.v6, pods.v6, services.v6]);
  const all = [...(await routes(['-4'])), ...(await routes(['-6']))];
  return all
    .filter((route) => ours.has(canonical(route.dst)) || ours.has(route.dst) || route.dev === plan.link)
    .map((route) => `${route.dst} dev ${route.dev}`);
}

/** `ip` prints fd68:6564:646c:1600::/64 as we write it, but drops leading zeros of a group. */
function canonical(range: string): string {
  return range.replace(
    /^fd68:6564:646c:([0-9a-f]{1,3})::/,
    (_, group: string) => `fd68:6564:646c:${group.padStart(4, '0')}::`,
  );
}
