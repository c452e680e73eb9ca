import { type InitOptions, PORTS, PROXY_GID, PROXY_UID } from '../../contract/bootstrap.ts';

/** Options as the injector writes them, with one exclusion of each kind and family. */
export const OPTIONS: InitOptions = {
  proxyUid: PROXY_UID,
  proxyGid: PROXY_GID,
  outboundPort: PORTS.outbound,
  inboundPort: PORTS.inbound,
  excludeInboundPorts: [2222],
  excludeOutboundPorts: [5432],
  excludeOutboundCidrs: ['10.9.0.0/16', 'fd99::/16'],
  selfCheckTarget: '10.96.0.1:443',
};
