import type { TLSSocket } from 'node:tls';
import { parseSpiffeId } from '../../proxy/contract/identity.ts';
import { ParsedCertificate, SubjectAlternativeNameExtension } from './x509.ts';

/** Who is at the other end of a TLS connection that was verified against our roots. */
export type Peer =
  | { readonly kind: 'verified'; readonly identity: string; readonly notAfter: number }
  | { readonly kind: 'unverified'; readonly why: string };

/** Verified = the chain leads to a root of ours (Node checked it), and there is exactly one URI, a SPIFFE id of our trust domain. */
export function readPeer(
  socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerX509Certificate'>,
  trustDomain: string,
): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: 'unverified', why: 'the client sent no certificate' };
  if (!socket.authorized)
    return { kind: 'unverified', why: `the certificate is not trusted: ${String(socket.authorizationError)}` };
  const identity = onlyUri(certificate.raw);
  if (identity === undefined || parseSpiffeId(identity)?.trustDomain !== trustDomain) {
    return { kind: 'unverified', why: `the certificate holds no SPIFFE id of the trust domain ${trustDomain}` };
  }
  return { kind: 'verified', identity, notAfter: certificate.validToDate.getTime() };
}

function onlyUri(der: Buffer): string | undefined {
  const names =
    new ParsedCertificate(new Uint8Array(der)).getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  const uris = names.filter((name) => name.type === 'url');
  return uris.length === 1 ? String(uris[0]?.value) : undefined;
}
