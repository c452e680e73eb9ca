import { X509Certificate } from 'node:crypto';
import { parseSpiffeId } from '../contract/identity.ts';
import type { Reason } from '../contract/reasons.ts';
import { type CertificateFacts, certificateFacts } from './certificate-facts.ts';
import type { Credentials } from './credentials.ts';

export interface PeerEvidence {
  /** Leaf first, then what the peer sent with it; empty: it sent none. The handshake proved that it holds the leaf's key. */
  readonly chain: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
  readonly trustDomain: string;
  /** The one identity that is accepted; undefined: any of the trust domain. */
  readonly expectedIdentity: string | undefined;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
}

export type PeerVerdict =
  | {
      readonly ok: true;
      readonly identity: string /** Of the leaf, milliseconds since 1970. */;
      readonly notAfter: number;
    }
  | { readonly ok: false; readonly reason: Reason /** What is wrong and with whom. */; readonly detail: string };

/** Certificates that a peer may send: leaf and issuers. */
const MOST_SENT = 6;

type Refusal = Extract<PeerVerdict, { ok: false }>;
type Certificate = { readonly x509: X509Certificate; readonly facts: CertificateFacts };

/**
 * Decides who a peer is. Chain to a root of the bundle, validity of every certificate, CA flags, then exactly one URI name
 * that is a SPIFFE id of the trust domain, and the expected one. Source: RFC 5280 6, X509-SVID 4 and 5. Never throws.
 */
export function verifyPeer(evidence: PeerEvidence): PeerVerdict {
  const [first] = evidence.chain;
  if (first === undefined) return refuse('no_peer_certificate', 'the peer sent no certificate');
  if (evidence.chain.length > MOST_SENT)
    return refuse('untrusted_peer', `the peer sent more than ${MOST_SENT} certificates`);
  try {
    const chain = evidence.chain.map(read);
    const roots = evidence.roots.map(read);
    return (
      checkLeaf(chain[0]!, evidence) ?? checkPath(chain, roots, evidence.now) ?? checkIdentity(chain[0]!, evidence)
    );
  } catch (error) {
    return refuse(
      'untrusted_peer',
      `the peer's certificate cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Parsed roots of a bundle, once for each set of credentials. Throws when the bundle is not PEM. */
export function rootsOf(credentials: Credentials): readonly X509Certificate[] {
  let roots = parsedRoots.get(credentials);
  if (roots === undefined) {
    roots = (credentials.rootsPem.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
    parsedRoots.set(credentials, roots);
  }
  return roots;
}

/** Whether a root that was trusted is no longer: only then can a peer that was verified have lost its standing. */
export function dropsRoots(before: Credentials, after: Credentials): boolean {
  if (before.rootsPem === after.rootsPem) return false;
  const kept = new Set(rootsOf(after).map((root) => root.fingerprint256));
  return rootsOf(before).some((root) => !kept.has(root.fingerprint256));
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const parsedRoots = new WeakMap<Credentials, readonly X509Certificate[]>();
const readCertificates = new WeakMap<X509Certificate, Certificate>();

function read(x509: X509Certificate): Certificate {
  let certificate = readCertificates.get(x509);
  if (certificate === undefined) {
    certificate = { x509, facts: certificateFacts(x509.raw) };
    readCertificates.set(x509, certificate);
  }
  return certificate;
}

function checkLeaf(leaf: Certificate, evidence: PeerEvidence): Refusal | undefined {
  const name = nameOf(leaf);
  if (leaf.facts.isCa) return refuse('untrusted_peer', `the leaf ${name} is a CA certificate (X509-SVID 4.1)`);
  if (leaf.facts.keyUsage?.keyCertSign === true || leaf.facts.keyUsage?.digitalSignature === false) {
    return refuse('untrusted_peer', `the leaf ${name} has the key usage of an authority (X509-SVID 4.3)`);
  }
  return checkCommon(leaf, evidence.now);
}

/** Validity, and nothing critical that we would ignore. */
function checkCommon(certificate: Certificate, now: number): Refusal | undefined {
  const name = nameOf(certificate);
  const from = certificate.x509.validFromDate.getTime();
  const to = certificate.x509.validToDate.getTime();
  if (now < from) return refuse('untrusted_peer', `${name} is not valid before ${new Date(from).toISOString()}`);
  if (now > to) return refuse('untrusted_peer', `${name} expired at ${new Date(to).toISOString()}`);
  if (certificate.facts.unknownCritical.length === 0) return undefined;
  return refuse('untrusted_peer', `${name} has the unknown critical extension ${certificate.facts.unknownCritical[0]}`);
}

/** Walks from the leaf up; every step is one signature. No search back: each certificate is used once, so the work is bounded. */
function checkPath(chain: readonly Certificate[], roots: readonly Certificate[], now: number): Refusal | undefined {
  let current = chain[0]!;
  const rest = new Set(chain.slice(1));
  for (let below = 0; ; below++) {
    const root = roots.find((candidate) => hasIssued(candidate, current));
    if (root !== undefined) return checkIssuer(root, below, now);
    const issuer: Certificate | undefined = [...rest].find((candidate) => hasIssued(candidate, current));
    if (issuer === undefined) {
      return refuse('untrusted_peer', `${nameOf(current)} was issued by none of the ${roots.length} trusted roots`);
    }
    const fault = checkIssuer(issuer, below, now);
    if (fault !== undefined) return fault;
    rest.delete(issuer);
    current = issuer;
  }
}

function hasIssued(issuer: Certificate, subject: Certificate): boolean {
  return subject.x509.checkIssued(issuer.x509) && subject.x509.verify(issuer.x509.publicKey);
}

/** RFC 5280 6.1.4 (k) to (n). `below`: intermediate certificates between it and the leaf. */
function checkIssuer(issuer: Certificate, below: number, now: number): Refusal | undefined {
  const { isCa, keyUsage, pathLength } = issuer.facts;
  if (!isCa || keyUsage?.keyCertSign === false) {
    return refuse('untrusted_peer', `${nameOf(issuer)} issued a certificate but is no authority`);
  }
  if (pathLength !== undefined && below > pathLength) {
    return refuse(
      'untrusted_peer',
      `${nameOf(issuer)} allows ${pathLength} authorities below it, the peer uses ${below}`,
    );
  }
  return checkCommon(issuer, now);
}

function checkIdentity(leaf: Certificate, evidence: PeerEvidence): PeerVerdict {
  const [identity] = leaf.facts.uris;
  if (identity === undefined || leaf.facts.uris.length > 1) {
    return refuse('untrusted_peer', `the certificate names ${leaf.facts.uris.length} URIs instead of one SPIFFE id`);
  }
  const parsed = parseSpiffeId(identity);
  if (parsed === undefined) return refuse('untrusted_peer', `${quote(identity)} is not a SPIFFE id of a workload`);
  if (parsed.trustDomain !== evidence.trustDomain) {
    return refuse('identity_mismatch', `${identity} is not of the trust domain ${evidence.trustDomain}`);
  }
  if (evidence.expectedIdentity !== undefined && identity !== evidence.expectedIdentity) {
    return refuse('identity_mismatch', `the peer is ${identity}, expected was ${evidence.expectedIdentity}`);
  }
  return { ok: true, identity, notAfter: leaf.x509.validToDate.getTime() };
}

function nameOf(certificate: Certificate): string {
  const [uri] = certificate.facts.uris;
  return quote(uri ?? (certificate.x509.subject || `serial ${certificate.x509.serialNumber}`));
}

/** Text from a certificate goes to logs: one line, printable, short. */
function quote(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)}"`;
}

function refuse(reason: Reason, detail: string): Refusal {
  return { ok: false, reason, detail };
}
