/**
 * Whether this network namespace has IPv6, from the text of `/proc/net/if_inet6` (undefined: no such file).
 * - `none`: the kernel has no IPv6 (built without it, or `ipv6.disable=1`);
 * - `local`: loopback and link-local addresses at most: nothing reaches another pod;
 * - `routed`: an address that others can reach.
 */
export type Ipv6State = 'none' | 'local' | 'routed';

/** Scope column of `/proc/net/if_inet6` (`include/net/ipv6.h`, IPV6_ADDR_SCOPE_MASK): 00 is global, unique local included. */
const GLOBAL_SCOPE = '00';

export function ipv6State(ifInet6: string | undefined): Ipv6State {
  if (ifInet6 === undefined) return 'none';
  const scopes = ifInet6
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3])
    .filter((scope) => scope !== undefined);
  return scopes.includes(GLOBAL_SCOPE) ? 'routed' : 'local';
}
