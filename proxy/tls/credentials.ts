import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/**
 * One certificate of this workload with its key, and the roots it trusts. A value: renewal makes a new one, and new
 * connections use the new one.
 */
export interface Credentials {
  /** SPIFFE id of the leaf: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
  readonly identity: string;
  readonly trustDomain: string;
  /** PKCS#8 or SEC1, PEM. */
  readonly keyPem: string;
  /** PEM, leaf first, then the issuers; the root is not needed. */
  readonly chainPem: string;
  /** PEM of every root trusted now. */
  readonly rootsPem: string;
  /** Validity of the leaf, milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * The one key exchange of the mesh: hybrid, so that what is recorded today stays closed to a quantum computer later.
 * Source: draft-ietf-tls-ecdhe-mlkem, codepoint 0x11ec. A peer that offers another group fails the handshake.
 */
export const MESH_GROUP = 'X25519MLKEM768';
/** ALPN of the mesh wire. */
export const MESH_ALPN = 'heddle/1';

const contexts = new WeakMap<Credentials, SecureContext>();

/**
 * The TLS context of a set of credentials, for both roles; made once per value and freed with it. Throws what OpenSSL
 * throws when key or chain is not valid PEM. No roots inside: the peer is verified by `verify-peer`, not by TLS.
 */
export function secureContextOf(credentials: Credentials): SecureContext {
  const known = contexts.get(credentials);
  if (known !== undefined) return known;
  const context = createSecureContext({
    key: credentials.keyPem,
    cert: credentials.chainPem,
    // An empty list, or Node would load its 150 public roots into each context.
    ca: [],
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ecdhCurve: MESH_GROUP,
    // A resumed session would skip the verification of the peer's certificate: no sealed tickets, only references to a cache that nobody keeps (README).
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  contexts.set(credentials, context);
  return context;
}
