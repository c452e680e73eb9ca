import { webcrypto } from 'node:crypto';
import { generateKeys } from '../certificate.ts';
import {
  type Extension,
  type JsonGeneralNames,
  Pkcs10CertificateRequestGenerator,
  SIGNATURE_ALGORITHM,
  SubjectAlternativeNameExtension,
} from '../x509.ts';

export interface CsrWish {
  readonly names?: JsonGeneralNames;
  readonly subject?: string;
  readonly keys?: webcrypto.CryptoKeyPair;
  readonly more?: readonly Extension[];
  /** Instead of the alternative name and `more`. */
  readonly extensions?: readonly Extension[];
  readonly hash?: string;
}

/** A PKCS#10 request in PEM, good by default for `spiffe://cluster.local/ns/shop/sa/order`. */
export async function makeCsr(wish: CsrWish = {}): Promise<string> {
  const names = wish.names ?? [{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/order' }];
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: wish.subject ?? '',
    keys: wish.keys ?? (await generateKeys()),
    signingAlgorithm: { ...SIGNATURE_ALGORITHM, hash: wish.hash ?? SIGNATURE_ALGORITHM.hash },
    extensions: [...(wish.extensions ?? [new SubjectAlternativeNameExtension(names), ...(wish.more ?? [])])],
  });
  return `${csr.toString('pem')}\n`;
}

export function rsaKeys(): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  };
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

export function p384Keys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}
