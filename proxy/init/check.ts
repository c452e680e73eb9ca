import { HeddleError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { InitOptions } from '../contract/bootstrap.ts';
import { canonicalAddress } from '../net/net.ts';
import type { See } from './arrival.ts';
import { isExcluded, splitTarget } from './options.ts';
import type { Family } from './rules.ts';

export interface CheckDependencies {
  readonly see: See;
  readonly log: Log;
  /** Name to addresses, in the order of preference. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
}

/** Documentation networks (RFC 5737, RFC 3849): nothing is there, so what answers can only be the redirect. */
const PROBES: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['192.0.2.1', '198.51.100.1', '203.0.113.1'],
  ipv6: ['2001:db8::1', '2001:db8:ffff::1'],
};
const PROBE_PORTS = [9, 80, 40_009];

/**
 * Dials addresses that the rules must redirect, and sees them arrive at a listener on the outbound port with their original
 * destination. Throws `init_redirect` when the rules do not work.
 */
export async function checkRedirect(
  options: InitOptions,
  families: readonly Family[],
  dependencies: CheckDependencies,
): Promise<void> {
  let seen = 0;
  for (const family of families) {
    if (await checkFamily(family, options, dependencies)) seen++;
  }
  if (seen === 0)
    dependencies.log.warn('redirection was not checked: this pod has no route to dial, or all is excluded');
}

/** True: seen to work. False: nothing could be dialled. */
async function checkFamily(family: Family, options: InitOptions, dependencies: CheckDependencies): Promise<boolean> {
  const probe = PROBES[family]
    .flatMap((address) => PROBE_PORTS.map((port) => ({ address, port })))
    .find((one) => !isExcluded(options, one.address, one.port));
  if (probe === undefined) return false;
  const arrival = await dependencies.see(family, options.outboundPort, probe);
  if (arrival.kind === 'no-route') {
    dependencies.log.info('no route to check redirection with', { family, error: arrival.code });
    return false;
  }
  const where = { family, dialled: `${probe.address}:${probe.port}`, port: options.outboundPort };
  if (arrival.kind === 'missed') {
    throw new HeddleError(
      'init_redirect',
      `the rules are written, but a connection did not arrive at the outbound port (${arrival.detail}): another program in this pod's network namespace (CNI plugin, another mesh) rewrites or drops it first`,
      { where },
    );
  }
  if (
    !arrival.original.redirected ||
    arrival.original.address !== probe.address ||
    arrival.original.port !== probe.port
  ) {
    const got = `${arrival.original.address}:${arrival.original.port}`;
    throw new HeddleError('init_redirect', `a redirected connection shows ${got} as its original destination`, {
      where,
    });
  }
  dependencies.log.info('redirection works', { family });
  return true;
}

/**
 * Dials a Service address (the API server's) and compares what comes out at the outbound port: false where something, such as an
 * eBPF socket balancer, has put an endpoint's address in its place. Undefined where it cannot be told.
 */
export async function checkServiceAddress(
  options: InitOptions,
  dependencies: CheckDependencies,
): Promise<boolean | undefined> {
  if (options.selfCheckTarget === undefined) return undefined;
  const target = splitTarget(options.selfCheckTarget);
  const [address] = await dependencies.resolve(target.host);
  const note = (text: string): undefined => {
    dependencies.log.warn(text, { target: options.selfCheckTarget });
  };
  if (address === undefined) return note('the target of the self-check has no address');
  if (isExcluded(options, address, target.port))
    return note('the target of the self-check is excluded from redirection');
  const probe = { address: canonicalAddress(address), port: target.port };
  const family = probe.address.includes(':') ? 'ipv6' : 'ipv4';
  const arrival = await dependencies.see(family, options.outboundPort, probe);
  if (arrival.kind !== 'arrived') return note(`a connection to the target of the self-check did not arrive`);
  const survives = arrival.original.address === probe.address && arrival.original.port === probe.port;
  const got = `${arrival.original.address}:${arrival.original.port}`;
  dependencies.log.info(
    survives ? 'Service addresses survive' : 'Service addresses are rewritten before the redirect',
    {
      dialled: `${probe.address}:${probe.port}`,
      got,
    },
  );
  return survives;
}
