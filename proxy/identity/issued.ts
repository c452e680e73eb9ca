import { createPrivateKey, X509Certificate } from 'node:crypto';
import { HeddleError } from '../base/errors.ts';
import { parseSpiffeId } from '../contract/identity.ts';
import type { Credentials } from '../tls/credentials.ts';

export interface IssuedParts {
  readonly keyPem: string;
  /** Leaf first. */
  readonly chainPem: string;
  readonly rootsPem: string;
  /** The SPIFFE id that the leaf must carry, and no other. */
  readonly identity: string;
}

/**
 * Checks what was issued (or read from disk) and makes credentials of it: key and leaf belong together, exactly this identity, and
 * the chain ends at a root of the bundle. Throws `HeddleError` with code `certificate`. Whether it is valid now is not looked at.
 */
export function makeCredentials(parts: IssuedParts): Credentials {
  const chain = readCertificates(parts.chainPem);
  const roots = readCertificates(parts.rootsPem);
  const leaf = chain[0];
  if (leaf === undefined) throw invalid('the chain holds no certificate');
  if (roots.length === 0) throw invalid('the trust bundle holds no certificate');
  if (!leaf.checkPrivateKey(createPrivateKey(parts.keyPem))) throw invalid('the certificate is for another key');
  const names = uriNames(leaf);
  if (names.length !== 1 || names[0] !== parts.identity) {
    throw invalid(`the certificate names ${names.join(', ') || 'nobody'}, expected ${parts.identity}`);
  }
  if (!reachesRoot(chain, roots)) throw invalid('the certificate does not chain to a root of the trust bundle');
  return {
    identity: parts.identity,
    trustDomain: parseSpiffeId(parts.identity)?.trustDomain ?? '',
    keyPem: parts.keyPem,
    chainPem: parts.chainPem,
    rootsPem: parts.rootsPem,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

/** Every certificate of a PEM text. Throws `HeddleError` with code `certificate`. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new HeddleError('certificate', 'a certificate cannot be read', { cause });
    }
  });
}

/**
 * URI names of a certificate. Node writes a name with unusual characters in quotes, so that a comma inside a name cannot
 * forge another one: a quoted one never equals a SPIFFE id.
 */
export function uriNames(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
}

function reachesRoot(chain: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  for (const [index, certificate] of chain.entries()) {
    if (roots.some((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey))) return true;
    const issuer = chain[index + 1];
    if (issuer === undefined || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return false;
  }
  return false;
}

function invalid(message: string): HeddleError {
  return new HeddleError('certificate', message);
}
