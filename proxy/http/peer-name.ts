import type { Transport } from '../base/transport.ts';

/** `10.0.0.7:3000`, `[fd00::7]:3000`: for texts, and as the authority of a peer. */
export function peerName(transport: Transport): string {
  const address = transport.remoteAddress;
  return `${address.includes(':') ? `[${address}]` : address}:${transport.remotePort}`;
}
