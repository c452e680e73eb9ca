import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, TLSSocket } from 'node:tls';
import { type Credentials, MESH_ALPN, secureContextOf } from './credentials.ts';
import { type PeerVerdict, rootsOf, verifyPeer } from './verify-peer.ts';

/** Starts the server side on an accepted socket; `first` was already read from it. Throws when the credentials are no valid PEM. `secure` is emitted when the handshake is done, whoever the peer is. */
export function startServerTls(socket: Socket, first: Buffer, credentials: Credentials): TLSSocket {
  const secureContext = secureContextOf(credentials);
  if (first.length > 0) socket.unshift(first);
  return new TLSSocket(socket, {
    isServer: true,
    secureContext,
    requestCert: true,
    // TLS would reject in a way that a TLS 1.3 client cannot see; we verify and say why (contract/wire.md).
    rejectUnauthorized: false,
    ALPNProtocols: [MESH_ALPN],
  });
}

/** Starts the client side on a connected socket. `secureConnect` is emitted when the handshake is done, whoever the peer is. */
export function startClientTls(socket: Socket, credentials: Credentials): TLSSocket {
  return connect({
    socket,
    secureContext: secureContextOf(credentials),
    rejectUnauthorized: false,
    ALPNProtocols: [MESH_ALPN],
    checkServerIdentity: () => undefined,
  });
}

/** Who the peer of a finished handshake is. `expectedIdentity` undefined: anyone of the trust domain. */
export function verifyHandshake(
  socket: TLSSocket,
  credentials: Credentials,
  expectedIdentity: string | undefined,
  now: number,
): PeerVerdict {
  return verifyPeer({
    chain: sentChain(socket),
    roots: rootsOf(credentials),
    trustDomain: credentials.trustDomain,
    expectedIdentity,
    now,
  });
}

/** The peer's certificates, leaf first. Bounded: OpenSSL bounds the message, we stop after 8. */
function sentChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && chain.length < 8) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
