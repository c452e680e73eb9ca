import type { Protocol } from '../contract/snapshot.ts';
import { classifyFirstBytes, classifyHttp } from '../filters/first-bytes.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { MESH_ALPN } from '../tls/credentials.ts';

/** What arrived: a mesh handshake, HTTP/1 or HTTP/2 in plain, or anything else in plain (TLS of the application included). */
export type Arrival = 'mesh' | 'http' | 'http2' | 'opaque';

/**
 * Decides by the network's first bytes; the application is not dialled before. `undefined`: more bytes needed. The declared protocol of the
 * port is believed for plaintext.
 */
export function classifyArrival(bytes: Buffer, protocol: Protocol): Arrival | undefined {
  const hello = readClientHello(bytes);
  if (hello === 'need-more') return undefined;
  if (hello !== 'not-tls') return hello.alpn.includes(MESH_ALPN) ? 'mesh' : 'opaque';
  if (protocol === 'tcp') return 'opaque';
  return protocol === 'auto' ? classifyFirstBytes(bytes) : classifyHttp(bytes);
}

/** Strict: only whether it is the mesh, and whether a plaintext caller can be told why it is refused. */
export function classifyStrict(bytes: Buffer): Arrival | undefined {
  return classifyArrival(bytes, 'auto');
}
