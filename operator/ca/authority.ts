import type { webcrypto } from 'node:crypto';
import {
  fingerprint,
  generateKeys,
  importSigningKey,
  type KeyedCertificate,
  keyToPem,
  newSerialNumber,
} from './certificate.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  ParsedCertificate,
  PublicKey,
  SIGNATURE_ALGORITHM,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from './x509.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Milliseconds. DESIGN section 5, row "leaf / issuer / root life". */
export const LIVES = { root: 365 * DAY, issuer: 30 * DAY, leaf: DAY } as const;
/** Clocks of nodes differ: a certificate is valid from a little before it was made. */
export const BACKDATE_MS = 2 * 60_000;

/** A root and the issuer that it signed. */
export interface Slot {
  readonly root: KeyedCertificate;
  readonly issuer: KeyedCertificate;
}

/** What a leaf says. Exactly one SPIFFE id, or none for the webhook's serving certificate. */
export interface LeafSubject {
  readonly spiffeId?: string;
  readonly dnsNames?: readonly string[];
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly usages: 'client-and-server' | 'server';
}

/** A self-signed root: signs issuers only (path length 1). */
export async function makeRoot(now: number): Promise<KeyedCertificate> {
  const keys = await generateKeys();
  const life = { notBefore: now - BACKDATE_MS, notAfter: now + LIVES.root };
  return sign({
    subject: `O=heddle, CN=heddle root ${newSerialNumber().slice(0, 8)}`,
    keys,
    signer: keys.privateKey,
    issuer: undefined,
    life,
    extensions: certificateAuthority(1),
  });
}

/** An issuer under `root`: signs leaves only (path length 0). Never outlives the root. */
export async function makeIssuer(root: KeyedCertificate, now: number): Promise<KeyedCertificate> {
  return sign({
    subject: `O=heddle, CN=heddle issuer ${newSerialNumber().slice(0, 8)}`,
    keys: await generateKeys(),
    signer: await importSigningKey(root.keyPem),
    issuer: new ParsedCertificate(root.certificatePem),
    life: { notBefore: now - BACKDATE_MS, notAfter: Math.min(now + LIVES.issuer, root.notAfter) },
    extensions: certificateAuthority(0),
  });
}

export async function makeSlot(now: number): Promise<Slot> {
  const root = await makeRoot(now);
  return { root, issuer: await makeIssuer(root, now) };
}

export interface Leaf {
  /** PEM: leaf, then issuer. */
  readonly chain: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Signs leaves with the key of one issuer. The key is imported once. */
export interface Signer {
  readonly rootFingerprint: string;
  /** `lifeMs` is cut where the issuer ends. */
  sign(subject: LeafSubject, now: number, lifeMs: number): Promise<Leaf>;
}

export async function createSigner(slot: Slot): Promise<Signer> {
  const key = await importSigningKey(slot.issuer.keyPem);
  const issuer = new ParsedCertificate(slot.issuer.certificatePem);
  return {
    rootFingerprint: fingerprint(slot.root.certificatePem),
    async sign(subject, now, lifeMs) {
      const notBefore = Math.max(now - BACKDATE_MS, slot.issuer.notBefore);
      const notAfter = Math.min(now + lifeMs, slot.issuer.notAfter);
      const publicKey = new PublicKey(new Uint8Array(subject.publicKey));
      const certificate = await X509CertificateGenerator.create({
        serialNumber: newSerialNumber(),
        issuer: issuer.subject,
        notBefore: new Date(notBefore),
        notAfter: new Date(notAfter),
        publicKey,
        signingKey: key,
        signingAlgorithm: SIGNATURE_ALGORITHM,
        extensions: [...leafExtensions(subject), ...(await keyIdentifiers(publicKey, issuer))],
      });
      return { chain: `${certificate.toString('pem')}\n${slot.issuer.certificatePem}`, notBefore, notAfter };
    },
  };
}

interface ToSign {
  readonly subject: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly signer: webcrypto.CryptoKey;
  /** Undefined = self-signed. */
  readonly issuer: ParsedCertificate | undefined;
  readonly life: { readonly notBefore: number; readonly notAfter: number };
  readonly extensions: readonly Extension[];
}

async function sign(what: ToSign): Promise<KeyedCertificate> {
  // X.509 times have whole seconds; what we remember must be what the certificate says.
  const notBefore = wholeSecond(what.life.notBefore);
  const notAfter = wholeSecond(what.life.notAfter);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: what.subject,
    issuer: what.issuer?.subject ?? what.subject,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey: what.keys.publicKey,
    signingKey: what.signer,
    signingAlgorithm: SIGNATURE_ALGORITHM,
    extensions: [...what.extensions, ...(await keyIdentifiers(what.keys.publicKey, what.issuer))],
  });
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    keyPem: await keyToPem(what.keys.privateKey),
    notBefore,
    notAfter,
  };
}

function certificateAuthority(pathLength: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

/** RFC 5280 4.2.1.6: with an empty subject the alternative name is critical. */
function leafExtensions(subject: LeafSubject): Extension[] {
  const names: JsonGeneralNames = (subject.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value }));
  if (subject.spiffeId !== undefined) names.unshift({ type: 'url', value: subject.spiffeId });
  const usages =
    subject.usages === 'server'
      ? [ExtendedKeyUsage.serverAuth]
      : [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(usages),
    new SubjectAlternativeNameExtension(names, true),
  ];
}

async function keyIdentifiers(
  publicKey: webcrypto.CryptoKey | PublicKey,
  issuer: ParsedCertificate | undefined,
): Promise<Extension[]> {
  const own = await SubjectKeyIdentifierExtension.create(publicKey);
  if (issuer === undefined) return [own];
  return [own, await AuthorityKeyIdentifierExtension.create(issuer.publicKey)];
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
