/** Door of the room: HTTP/2 connections (RFC 9113) with HPACK (RFC 7541), both roles. */

export {
  createHttp2Client,
  type Http2ClientConnection,
  type Http2ClientOptions,
} from './client.ts';
export { ERROR, errorName } from './codes.ts';
export { ResponseStream } from './response-stream.ts';
export {
  type Http2ServerConnection,
  type Http2ServerOptions,
  serveHttp2,
} from './server.ts';
export { Session } from './session.ts';
export {
  type Goaway,
  type KeepaliveOptions,
  MESH_LIMITS,
  PUBLIC_LIMITS,
  type SessionEnd,
  type SessionHandler,
  type SessionLimits,
  type SessionOptions,
} from './session-options.ts';
export type { Stream, StreamEnd, StreamReceiver } from './stream.ts';
