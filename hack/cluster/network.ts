import { existsSync } from 'node:fs';
import type { ClusterPlan } from './names.ts';
import { attempt, run } from './run.ts';

/**
 * The cluster's network is a namespace of its own, joined to this machine by one wire. Nothing of the machine's own network is changed but that
 * wire and the routes over it, both of which go with it.
 */

/** Arguments that run a command inside the namespace. Not `ip netns exec`: that hides /sys/fs/cgroup. */
export function insideNetwork(plan: ClusterPlan): readonly string[] {
  return ['nsenter', `--net=${plan.netnsFile}`];
}

export async function createNetwork(plan: ClusterPlan): Promise<void> {
  const { link, pods, services } = plan.subnets;
  await run('ip', ['netns', 'add', plan.netns]);
  await run('ip', ['link', 'add', plan.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', plan.netns]);
  await batch(
    [],
    [
      `addr add ${link.hostV4}/30 dev ${plan.link}`,
      // nodad: there is nobody on the wire to collide with, and an address that is still being checked cannot be used.
      `addr add ${link.hostV6}/64 dev ${plan.link} nodad`,
      `link set ${plan.link} up`,
      `route add ${pods.v4} via ${link.nodeV4}`,
      `route add ${services.v4} via ${link.nodeV4}`,
      `route add ${pods.v6} via ${link.nodeV6} dev ${plan.link}`,
      `route add ${services.v6} via ${link.nodeV6} dev ${plan.link}`,
    ],
  );
  await batch(
    ['-n', plan.netns],
    [
      'link set lo up',
      `addr add ${link.nodeV4}/30 dev eth0`,
      `addr add ${link.nodeV6}/64 dev eth0 nodad`,
      'link set eth0 up',
      `route add default via ${link.hostV4}`,
      `route add default via ${link.hostV6} dev eth0`,
    ],
  );
  const [command = '', ...inside] = insideNetwork(plan);
  await run(command, [
    ...inside,
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    'net.ipv6.conf.default.accept_dad=0',
  ]);
}

/** Removes the namespace, the wire and with it the routes. Whatever of it exists: nothing is expected. */
export async function removeNetwork(plan: ClusterPlan): Promise<void> {
  await attempt('ip', ['link', 'del', plan.link]);
  if (existsSync(plan.netnsFile)) await run('ip', ['netns', 'del', plan.netns]);
}

/** All IPv4 ranges this machine routes, but for a given interface: `default` and host routes of the local table are not among them. */
export async function routedV4(except: string): Promise<readonly string[]> {
  return (await routes(['-4'])).filter((route) => route.dev !== except).map((route) => route.dst);
}

/** Routes of one family that go over an interface or into a range given as text. */
export async function routes(family: readonly string[]): Promise<readonly { dst: string; dev: string }[]> {
  const parsed: unknown = JSON.parse((await run('ip', ['-j', ...family, 'route', 'show'])) || '[]');
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((row: { dst?: unknown; dev?: unknown }) =>
    typeof row.dst === 'string' && row.dst !== 'default'
      ? [{ dst: row.dst, dev: typeof row.dev === 'string' ? row.dev : '' }]
      : [],
  );
}

async function batch(before: readonly string[], lines: readonly string[]): Promise<void> {
  await run('ip', [...before, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
