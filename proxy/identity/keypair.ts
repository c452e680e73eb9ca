import { generateKeyPair, type KeyObject } from 'node:crypto';

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** PKCS#8. It leaves the process only to the state directory, mode 0600. */
  readonly keyPem: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyInfo: Buffer;
}

/** A new ECDSA P-256 key. Made in the thread pool, so that renewal does not delay requests. */
export function makeKeyPair(): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    generateKeyPair('ec', { namedCurve: 'prime256v1' }, (error, publicKey, privateKey) => {
      if (error !== null) {
        reject(error);
        return;
      }
      resolve({
        privateKey,
        keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        publicKeyInfo: publicKey.export({ type: 'spki', format: 'der' }),
      });
    });
  });
}
