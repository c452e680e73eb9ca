import { createPrivateKey, createPublicKey } from 'node:crypto';
import { HeddleError } from '../../proxy/base/errors.ts';
import type { Slot } from './authority.ts';
import { type KeyedCertificate, readCertificate } from './certificate.ts';

/**
 * What the Secret `heddle-ca` holds. `current` signs. `next` is trusted already but does not sign yet; `previous` does
 * not sign any more but is trusted until the last leaf under it has run out. At most one of the two is there.
 */
export interface Slots {
  readonly current: Slot;
  readonly next?: { readonly root: KeyedCertificate; readonly introducedAt: number };
  readonly previous?: { readonly rootPem: string; readonly retiredAt: number };
}

/** Member names of the Secret's data. */
const NAMES = {
  rootCertificate: 'root.crt',
  rootKey: 'root.key',
  issuerCertificate: 'issuer.crt',
  issuerKey: 'issuer.key',
  nextCertificate: 'next.crt',
  nextKey: 'next.key',
  nextIntroduced: 'next.introduced',
  previousCertificate: 'previous.crt',
  previousRetired: 'previous.retired',
} as const;

/** Roots that are trusted now, the signing one first. */
export function trustedRoots(slots: Slots): string[] {
  const roots = [slots.current.root.certificatePem];
  if (slots.next !== undefined) roots.push(slots.next.root.certificatePem);
  if (slots.previous !== undefined) roots.push(slots.previous.rootPem);
  return roots;
}

/** Slots to the `data` of a Secret (base64 values). */
export function encodeSlots(slots: Slots): Record<string, string> {
  const plain: Record<string, string> = {
    [NAMES.rootCertificate]: slots.current.root.certificatePem,
    [NAMES.rootKey]: slots.current.root.keyPem,
    [NAMES.issuerCertificate]: slots.current.issuer.certificatePem,
    [NAMES.issuerKey]: slots.current.issuer.keyPem,
  };
  if (slots.next !== undefined) {
    plain[NAMES.nextCertificate] = slots.next.root.certificatePem;
    plain[NAMES.nextKey] = slots.next.root.keyPem;
    plain[NAMES.nextIntroduced] = new Date(slots.next.introducedAt).toISOString();
  }
  if (slots.previous !== undefined) {
    plain[NAMES.previousCertificate] = slots.previous.rootPem;
    plain[NAMES.previousRetired] = new Date(slots.previous.retiredAt).toISOString();
  }
  return Object.fromEntries(Object.entries(plain).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

/** Reads and checks the `data` of a Secret: every key fits its certificate, the issuer is signed by the root. Errors name the member. */
export function decodeSlots(data: Readonly<Record<string, string>>): Slots {
  const root = keyed(data, NAMES.rootCertificate, NAMES.rootKey);
  const issuer = keyed(data, NAMES.issuerCertificate, NAMES.issuerKey);
  requireSelfSigned(NAMES.rootCertificate, root.certificatePem);
  requireSignedBy(issuer.certificatePem, root.certificatePem);
  const slots: Slots = { current: { root, issuer } };
  return { ...slots, ...decodeNext(data), ...decodePrevious(data) };
}

function decodeNext(data: Readonly<Record<string, string>>): Pick<Slots, 'next'> {
  if (data[NAMES.nextCertificate] === undefined) return {};
  const root = keyed(data, NAMES.nextCertificate, NAMES.nextKey);
  requireSelfSigned(NAMES.nextCertificate, root.certificatePem);
  return { next: { root, introducedAt: time(data, NAMES.nextIntroduced) } };
}

function decodePrevious(data: Readonly<Record<string, string>>): Pick<Slots, 'previous'> {
  if (data[NAMES.previousCertificate] === undefined) return {};
  const rootPem = text(data, NAMES.previousCertificate);
  requireSelfSigned(NAMES.previousCertificate, rootPem);
  return { previous: { rootPem, retiredAt: time(data, NAMES.previousRetired) } };
}

function keyed(data: Readonly<Record<string, string>>, certificateName: string, keyName: string): KeyedCertificate {
  const certificatePem = text(data, certificateName);
  const keyPem = text(data, keyName);
  const certificate = readCertificate(certificateName, certificatePem);
  if (!certificate.ca) throw invalid(certificateName, 'is no certificate of an authority (basicConstraints CA)');
  requireKey(keyName, keyPem, certificate.publicKey.export({ type: 'spki', format: 'der' }));
  return {
    certificatePem,
    keyPem,
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
  };
}

function requireKey(name: string, pem: string, publicKey: Buffer): void {
  let own: Buffer;
  let curve: string | undefined;
  try {
    const key = createPublicKey(createPrivateKey(pem));
    curve = key.asymmetricKeyDetails?.namedCurve;
    own = key.export({ type: 'spki', format: 'der' });
  } catch {
    // The cause could hold pieces of the key.
    throw invalid(name, 'is no private key in PEM');
  }
  if (curve !== 'prime256v1') throw invalid(name, 'is no ECDSA P-256 key');
  if (!own.equals(publicKey)) throw invalid(name, 'does not belong to its certificate');
}

function requireSelfSigned(name: string, pem: string): void {
  const certificate = readCertificate(name, pem);
  if (!certificate.verify(certificate.publicKey)) throw invalid(name, 'is not self-signed');
}

function requireSignedBy(issuerPem: string, rootPem: string): void {
  const issuer = readCertificate(NAMES.issuerCertificate, issuerPem);
  const root = readCertificate(NAMES.rootCertificate, rootPem);
  if (!issuer.checkIssued(root) || !issuer.verify(root.publicKey)) {
    throw invalid(NAMES.issuerCertificate, `is not signed by ${NAMES.rootCertificate}`);
  }
}

function text(data: Readonly<Record<string, string>>, name: string): string {
  const value = data[name];
  if (value === undefined || value === '') throw invalid(name, 'is missing');
  return Buffer.from(value, 'base64').toString('utf8');
}

function time(data: Readonly<Record<string, string>>, name: string): number {
  const value = Date.parse(text(data, name));
  if (Number.isNaN(value)) throw invalid(name, 'is no time in ISO 8601');
  return value;
}

function invalid(name: string, what: string): HeddleError {
  return new HeddleError('authority', `${name} ${what}`, { where: { member: name } });
}
