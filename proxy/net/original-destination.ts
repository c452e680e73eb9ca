/** Where a connection was going before iptables turned it to the proxy. */
export interface OriginalDestination {
  /** Canonical address: dotted IPv4, or IPv6 per RFC 5952; a v4-mapped peer gives the IPv4 address. */
  readonly address: string;
  readonly port: number;
  /** False: nobody redirected it; somebody dialled the proxy's own port. `address` and `port` are then the local ones. */
  readonly redirected: boolean;
}
