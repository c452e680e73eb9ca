/** SPIFFE identities and the certificate exchange. Source: SPIFFE-ID and X.509-SVID standards; the shape follows Istio's and Linkerd's. */

export interface WorkloadIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Kubernetes names (RFC 1123 label or subdomain), so that nothing else can stand in an id. */
const NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;
const SPIFFE = /^spiffe:\/\/([^/]{1,255})\/ns\/([^/]{1,63})\/sa\/([^/]{1,253})$/;

export function formatSpiffeId(identity: WorkloadIdentity): string {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}`;
}

/** Reads exactly `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; anything else is undefined. */
export function parseSpiffeId(text: string): WorkloadIdentity | undefined {
  const match = SPIFFE.exec(text);
  if (match === null) return undefined;
  const [, trustDomain = '', namespace = '', serviceAccount = ''] = match;
  if (!NAME.test(trustDomain) || !NAME.test(namespace) || !NAME.test(serviceAccount)) return undefined;
  return { trustDomain, namespace, serviceAccount };
}

/** `POST /v1/certificate` on the control port, JSON, TLS with the operator's identity verified by the proxy; at most 64 KiB. */
export const CERTIFICATE_PATH = '/v1/certificate';
export interface CertificateRequest {
  /** PKCS#10, PEM. Subject empty; exactly one SAN: the URI of the token's identity; ECDSA P-256. */
  readonly csr: string;
  /** The pod-bound projected token. */
  readonly token: string;
  /** Wished life in seconds; the authority may shorten it (default 86,400, least 10). */
  readonly ttlSeconds?: number;
}
export interface CertificateResponse {
  /** PEM, leaf first, then the issuer; the root is in the bundle. */
  readonly chain: string;
  /** PEM of all roots trusted now. */
  readonly bundle: string;
  /** ISO 8601. */
  readonly notAfter: string;
}
/** Answer with a 4xx or 5xx status. `reason` is CamelCase and stable (`TokenInvalid`, `IdentityMismatch`, `RootMissing`, `NotLeader`). */
export interface CertificateRefusal {
  readonly reason: string;
  readonly message: string;
}
