import { type InitOptions, PORTS } from '../contract/bootstrap.ts';

export type Family = 'ipv4' | 'ipv6';

/** Our chains in the table `nat`. Everything of ours is in them, but for the two jumps. */
export const CHAINS = { output: 'HEDDLE_OUTPUT', inbound: 'HEDDLE_INBOUND' } as const;

const LOOPBACK: Readonly<Record<Family, string>> = { ipv4: '127.0.0.0/8', ipv6: '::1/128' };
/** The proxy's own ports: they are dialled directly (kubelet, Prometheus), or refused by the proxy itself. */
const OWN_PORTS = [PORTS.admin, PORTS.health, PORTS.metrics];

/**
 * Input of `iptables-restore --noflush` for one family: our chains are emptied and filled again, and the jumps to them made, in one
 * transaction, so traffic never sees a half. `present` is what `iptables-save -t nat` printed before: jumps of ours that it holds are taken
 * out first, wherever and however often they stand.
 *
 * What goes to whom: README.md.
 */
export function restoreText(family: Family, options: InitOptions, present: string): string {
  const lines = [
    '*nat',
    `:${CHAINS.output} - [0:0]`,
    `:${CHAINS.inbound} - [0:0]`,
    ...oldJumps(present).map((line) => line.replace(/^-A /, '-D ')),
    ...outputRules(family, options),
    ...inboundRules(options),
    `-A OUTPUT -p tcp -j ${CHAINS.output}`,
    `-A PREROUTING -p tcp -j ${CHAINS.inbound}`,
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function oldJumps(present: string): string[] {
  return present
    .split('\n')
    .filter((line) => /^-A (?:OUTPUT|PREROUTING) /.test(line) && / -j HEDDLE_(?:OUTPUT|INBOUND)$/.test(line));
}

function outputRules(family: Family, options: InitOptions): string[] {
  const add = `-A ${CHAINS.output}`;
  return [
    // The proxy's own connections, or they would come back to it. The group tells it from an image that runs as its user.
    `${add} -m owner --uid-owner ${options.proxyUid}${groupMatch(options)} -j RETURN`,
    // Loopback, and the pod's own address (which the kernel routes over lo): never leaves the pod.
    `${add} -o lo -j RETURN`,
    `${add} -d ${LOOPBACK[family]} -j RETURN`,
    ...unique(options.excludeOutboundPorts).map((port) => `${add} -p tcp --dport ${port} -j RETURN`),
    ...unique(options.excludeOutboundCidrs)
      .filter((cidr) => cidr.includes(':') === (family === 'ipv6'))
      .map((cidr) => `${add} -d ${cidr} -j RETURN`),
    `${add} -p tcp -j REDIRECT --to-ports ${options.outboundPort}`,
  ];
}

function groupMatch({ proxyGid }: InitOptions): string {
  return proxyGid === undefined ? '' : ` --gid-owner ${proxyGid}`;
}

function inboundRules(options: InitOptions): string[] {
  const add = `-A ${CHAINS.inbound}`;
  const exempt = [options.outboundPort, options.inboundPort, ...OWN_PORTS, ...options.excludeInboundPorts];
  return [
    // What is not for this pod (a neighbour on the same layer 2 may send it) is not for its proxy either: no relay.
    `${add} -m addrtype ! --dst-type LOCAL -j RETURN`,
    ...unique(exempt).map((port) => `${add} -p tcp --dport ${port} -j RETURN`),
    `${add} -p tcp -j REDIRECT --to-ports ${options.inboundPort}`,
  ];
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
