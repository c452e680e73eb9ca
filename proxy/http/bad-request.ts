import { HEADERS } from '../contract/headers.ts';
import type { ProtocolError } from './protocol-error.ts';
import { reasonPhrase } from './status.ts';

/** The whole answer to what the codec refuses; the connection closes after it. The text names the fault and no byte of the peer. */
export function badRequestText(error: ProtocolError): string {
  const body = `${error.detail}\n`;
  return (
    `HTTP/1.1 ${error.status} ${reasonPhrase(error.status)}\r\n` +
    `${HEADERS.reason}: ${error.reason}\r\n` +
    'content-type: text/plain\r\n' +
    `content-length: ${body.length}\r\n` +
    'connection: close\r\n' +
    `\r\n${body}`
  );
}
