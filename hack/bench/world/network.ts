import { readdirSync } from 'node:fs';
import { PORTS, PROXY_UID } from '../../../proxy/contract/bootstrap.ts';
import { restoreText } from '../../../proxy/init/rules.ts';
import { attempt, run } from '../../cluster/run.ts';
import { ADDRESS, PEER_TCP_PORT, PLAIN_PORTS, SERVICES } from '../plan.ts';

/** Two network namespaces joined by a cable: the calling pod's and the called pod's. */
export interface Network {
  readonly client: string;
  readonly server: string;
}

/** Namespaces are named after the process that made them, so that what a killed run left can be told from a running one's. */
const NAME = /^hdlb-(\d+)-/;

/** Who redirects what: `none` for the direct way, `peer` gives the TCP service a listener of its own. */
export type Redirection = 'none' | 'heddle' | 'peer';

export async function createNetwork(name: string, redirection: Redirection): Promise<Network> {
  const network = { client: `hdlb-${process.pid}-${name}-c`, server: `hdlb-${process.pid}-${name}-s` };
  await run('ip', ['netns', 'add', network.client]);
  await run('ip', ['netns', 'add', network.server]);
  await run('ip', [
    ...['link', 'add', 'eth0', 'netns', network.client, 'type', 'veth'],
    ...['peer', 'name', 'eth0', 'netns', network.server],
  ]);
  await bringUp(network.client, ADDRESS.client, ADDRESS.server);
  await bringUp(network.server, ADDRESS.server, ADDRESS.client);
  if (redirection !== 'none') {
    await restore(network.client, redirection);
    await restore(network.server, redirection);
  }
  return network;
}

/** Processes inside are ended before; the cable goes with its namespaces. */
export async function removeNetwork(network: Network): Promise<void> {
  await removeNamespace(network.client);
  await removeNamespace(network.server);
}

/** A namespace with nothing but loopback. */
export async function createQuietNamespace(name: string): Promise<string> {
  const full = `hdlb-${process.pid}-${name}`;
  await run('ip', ['netns', 'add', full]);
  await run('ip', ['-n', full, 'link', 'set', 'lo', 'up']);
  return full;
}

export async function removeNamespace(name: string): Promise<void> {
  await attempt('ip', ['netns', 'delete', name]);
}

/** Namespaces of runs that no longer live, with the processes that such a run left in them. */
export async function removeLeftovers(): Promise<void> {
  const names = await attempt('ip', ['netns', 'list']);
  const running = new Set(readdirSync('/proc'));
  for (const line of names.stdout.split('\n')) {
    const name = line.split(' ')[0] ?? '';
    const owner = NAME.exec(name)?.[1];
    if (owner === undefined || running.has(owner)) continue;
    const inhabitants = await attempt('ip', ['netns', 'pids', name]);
    for (const pid of inhabitants.stdout.split('\n').filter((text) => text !== '')) await attempt('kill', ['-9', pid]);
    await removeNamespace(name);
  }
}

/** A command line that runs inside of a namespace. */
export function inside(namespace: string, command: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', namespace, ...command];
}

/** The rules of `heddle-init`, for everybody. Peers cannot ask for the original destination: one more rule names their TCP listener. */
export function rulesFor(redirection: Exclude<Redirection, 'none'>): string {
  const text = restoreText(
    'ipv4',
    {
      proxyUid: PROXY_UID,
      outboundPort: PORTS.outbound,
      inboundPort: PORTS.inbound,
      excludeInboundPorts: PLAIN_PORTS,
      excludeOutboundPorts: [],
      excludeOutboundCidrs: [],
    },
    '',
  );
  if (redirection === 'heddle') return text;
  const catchAll = `-A HEDDLE_OUTPUT -p tcp -j REDIRECT --to-ports ${PORTS.outbound}`;
  if (!text.includes(catchAll))
    throw new Error('the rules of proxy/init have changed: the bench knows no more where peers differ');
  const toPeer = `-A HEDDLE_OUTPUT -p tcp --dport ${SERVICES.tcp.port} -j REDIRECT --to-ports ${PEER_TCP_PORT}`;
  return text.replace(catchAll, `${toPeer}\n${catchAll}`);
}

async function bringUp(namespace: string, address: string, gateway: string): Promise<void> {
  const ip = (...args: string[]): Promise<string> => run('ip', ['-n', namespace, ...args]);
  await ip('address', 'add', `${address}/${ADDRESS.prefix}`, 'dev', 'eth0');
  await ip('link', 'set', 'lo', 'up');
  await ip('link', 'set', 'eth0', 'up');
  // Service addresses exist nowhere, but the kernel must find a way before it looks at the rules.
  await ip('route', 'add', 'default', 'via', gateway);
  // Short runs make many connections to few addresses.
  await run('ip', [
    ...['netns', 'exec', namespace, 'sysctl', '-q', '-w'],
    ...['net.ipv4.ip_local_port_range=10240 65000', 'net.ipv4.tcp_tw_reuse=1', 'net.core.somaxconn=4096'],
  ]);
}

async function restore(namespace: string, redirection: Exclude<Redirection, 'none'>): Promise<void> {
  await run('ip', ['netns', 'exec', namespace, 'iptables-restore', '--noflush'], { input: rulesFor(redirection) });
}
