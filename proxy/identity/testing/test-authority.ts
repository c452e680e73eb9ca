import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A whole authority (root, issuer) for tests of the certificate exchange: it signs requests, as the operator does. */
export interface TestAuthority {
  readonly rootPem: string;
  /** Chain (leaf, issuer) for a request: exactly the names that it asks for. */
  sign(csrPem: string, lifeMs: number): Promise<string>;
  /** Key and chain of a server or client of the mesh. */
  issue(
    names: readonly { type: GeneralNameType; value: string }[],
    lifeMs?: number,
  ): Promise<{ keyPem: string; chainPem: string }>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEAR_MS = 365 * 86_400_000;

export async function createTestAuthority(now: () => number = Date.now): Promise<TestAuthority> {
  const makeKeys = (): Promise<CryptoKeyPair> => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const rootKeys = await makeKeys();
  const issuerKeys = await makeKeys();
  const period = (lifeMs: number): { notBefore: Date; notAfter: Date } => ({
    notBefore: new Date(now() - 120_000),
    notAfter: new Date(now() + lifeMs),
  });
  const ca = (pathLength: number): Extension[] => [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
  const root = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test root',
    ...period(YEAR_MS),
    keys: rootKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [...ca(1), await SubjectKeyIdentifierExtension.create(rootKeys.publicKey)],
  });
  const issuer = await X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=test issuer',
    issuer: root.subject,
    ...period(YEAR_MS),
    publicKey: issuerKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...ca(0),
      await SubjectKeyIdentifierExtension.create(issuerKeys.publicKey),
      await AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  let serial = 10;
  const leaf = async (publicKey: CryptoKey, names: Extension, lifeMs: number): Promise<string> => {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: (serial++).toString(16).padStart(4, '0'),
      subject: '',
      issuer: issuer.subject,
      ...period(lifeMs),
      publicKey,
      signingKey: issuerKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
        await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
        names,
      ],
    });
    return `${certificate.toString('pem')}\n${issuer.toString('pem')}\n`;
  };
  return {
    rootPem: `${root.toString('pem')}\n`,
    async sign(csrPem, lifeMs) {
      const request = new Pkcs10CertificateRequest(csrPem);
      if (!(await request.verify())) throw new Error('the signature of the request is wrong');
      const names = request.extensions.find((extension) => extension.type === '2.5.29.17');
      if (names === undefined) throw new Error('the request names nobody');
      return leaf(await request.publicKey.export(), new Extension(names.type, true, names.value), lifeMs);
    },
    async issue(names, lifeMs = 3_600_000) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const key = await webcrypto.subtle.importKey(
        'spki',
        publicKey.export({ type: 'spki', format: 'der' }),
        ALGORITHM,
        true,
        ['verify'],
      );
      const chainPem = await leaf(key, new SubjectAlternativeNameExtension([...names], true), lifeMs);
      return { keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), chainPem };
    },
  };
}

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;
