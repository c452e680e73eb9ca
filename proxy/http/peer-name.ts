import type { Transport } from '../base/transport.ts';
import type { Failure } from './message.ts';

/** `10.0.0.7:3000`, `[fd00::7]:3000`: for texts, and as the authority of a peer. */
export function peerName(transport: Transport): string {
  const address = transport.remoteAddress;
  return `${address.includes(':') ? `[${address}]` : address}:${transport.remotePort}`;
}

/** The client went away while it was served. */
export function clientClosed(client: Transport, what: string): Failure {
  return { reason: 'client_closed', unprocessed: false, detail: `client ${peerName(client)} ${what}` };
}
