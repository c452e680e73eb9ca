import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { HeddleError } from '../../proxy/base/errors.ts';
import { KEY_ALGORITHM } from './x509.ts';

/** A certificate and its private key (PKCS#8), both PEM. Times are epoch milliseconds. */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A fresh ECDSA P-256 pair; extractable, because it goes into a Secret. */
export function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

export async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

export function importSigningKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), KEY_ALGORITHM, false, ['sign']);
}

/** 127 random bits, never zero and never negative. RFC 5280 section 4.1.2.2 wants positive, at most 20 octets. */
export function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Reads PEM of exactly one certificate; `name` says which one in errors. */
export function readCertificate(name: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new HeddleError('authority', `${name} is no PEM certificate`, { where: { field: name }, cause });
  }
}

/** 16 hex digits of the SHA-256 of the DER: enough to tell roots apart, short enough to type. */
export function fingerprint(pem: string): string {
  return createHash('sha256').update(readCertificate('certificate', pem).raw).digest('hex').slice(0, 16);
}
