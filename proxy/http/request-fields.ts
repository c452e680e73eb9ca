import type { ConnectionFields } from './head-writer.ts';
import { headerIndex, type RequestHead } from './message.ts';

const PLAIN: ConnectionFields = { connection: undefined, upgrade: undefined, chunked: false, length: undefined };

/** What a request says of its connection to the upstream. Its Content-Length is made to agree with its framing. */
export function requestConnectionFields(head: RequestHead): ConnectionFields {
  const trailers = headerIndex(head.headers, 'te') !== -1;
  const length = lengthField(head);
  const ordinary = !trailers && head.upgrade === undefined;
  if (ordinary && length === undefined && head.framing === 'none') return PLAIN;
  return {
    // RFC 9110, 7.8 and 10.1.4: both fields must be named in Connection.
    connection: ordinary ? undefined : head.upgrade === undefined ? 'TE' : trailers ? 'Upgrade, TE' : 'Upgrade',
    upgrade: head.upgrade,
    chunked: head.framing === 'chunked',
    length,
  };
}

function lengthField(head: RequestHead): ConnectionFields['length'] {
  // RFC 9112, 6.2: one number, the one that was read.
  if (head.framing === 'length') return head.contentLength;
  // RFC 9112, 6.2: never beside Transfer-Encoding.
  if (head.framing === 'chunked') return 'drop';
  const index = headerIndex(head.headers, 'content-length');
  // No body: `0` stays where the client said it (RFC 9110, 8.6), anything else would be a lie.
  return index === -1 || head.headers[index] === '0' ? undefined : 'drop';
}
