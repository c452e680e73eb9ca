/**
 * Door of the HTTP/1.1 codec: bytes and RFC 9110/9112 only; no policy, no Kubernetes, no TLS. See README.md.
 */

export type {
  BadRequest,
  Http1ClientConnection,
  Http1ClientOptions,
  Http1ServerConnection,
  Http1ServerOptions,
} from './connection.ts';
export { isFieldName, isFieldValue, isHost, isMethod, isTarget } from './grammar.ts';
export { DEFAULT_HTTP_LIMITS, type HttpLimits } from './limits.ts';
export type {
  ClientExchange,
  Failure,
  Framing,
  HeaderList,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
  ServerExchange,
  Spelling,
  Version,
} from './message.ts';
export { headerIndex, headerValue } from './message.ts';
export { ProtocolError } from './protocol-error.ts';
export { parseTarget, type Target } from './request-target.ts';
export { reasonPhrase } from './status.ts';

import type { Transport } from '../base/transport.ts';
import { Http1Client } from './client-connection.ts';
import type {
  Http1ClientConnection,
  Http1ClientOptions,
  Http1ServerConnection,
  Http1ServerOptions,
} from './connection.ts';
import { Http1Server } from './server-connection.ts';

/** Serves HTTP/1.1 on a transport; takes it over. */
export function serveHttp1(transport: Transport, options: Http1ServerOptions): Http1ServerConnection {
  return new Http1Server(transport, options);
}

/** Speaks HTTP/1.1 to an upstream on a transport; takes it over. */
export function createHttp1Client(transport: Transport, options: Http1ClientOptions): Http1ClientConnection {
  return new Http1Client(transport, options);
}
