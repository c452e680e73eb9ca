import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Credentials } from '../credentials.ts';

/** A small certificate authority for tests: a root, an issuer below it, and leaves. Needs no files. */
export interface TestAuthority {
  readonly trustDomain: string;
  readonly rootsPem: string;
  /** A further authority below the issuer, which does not allow one: what it signs must be refused. */
  intermediate(): Promise<Signer>;
  /** A leaf for `spiffeId` signed by the issuer; the chain is leaf and issuer. */
  issue(spiffeId: string, options?: IssueOptions): Promise<Credentials>;
}

export interface IssueOptions {
  /** Milliseconds since 1970; default two minutes back and a day ahead. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** URIs beside the SPIFFE id. */
  readonly extraUris?: readonly string[];
  readonly dns?: readonly string[];
  /** Leave the SPIFFE id out. */
  readonly noUri?: boolean;
  /** A leaf that says it is a CA. */
  readonly ca?: boolean;
  readonly keyUsages?: x509.KeyUsageFlags;
  /** Extensions as they are. */
  readonly extensions?: readonly x509.Extension[];
  /** Signed by the root itself; the chain is the leaf alone. */
  readonly byRoot?: boolean;
  /** The leaf's key pair instead of a fresh one. */
  readonly keys?: webcrypto.CryptoKeyPair;
  /** Signed by this leaf instead of an authority. */
  readonly by?: Signer;
}

export interface Signer {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  /** PEM of everything between the signer and the root, the signer first. */
  readonly chainPem: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
let serial = 1;

export async function createTestAuthority(
  trustDomain: string,
  life?: { notBefore: number; notAfter: number },
): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const from = life?.notBefore ?? Date.now() - DAY_MS;
  const to = life?.notAfter ?? Date.now() + 365 * DAY_MS;
  const root = await authority(`CN=${trustDomain} root`, from, to, undefined, undefined);
  const issuer = await authority(`CN=${trustDomain} issuer`, from, to, root, 0);
  const issue = (spiffeId: string, options: IssueOptions = {}): Promise<Credentials> =>
    leaf(
      spiffeId,
      trustDomain,
      options,
      options.by ?? (options.byRoot === true ? { ...root, chainPem: '' } : issuer),
      root,
    );
  const intermediate = async (): Promise<Signer> => {
    const signer = await authority(`CN=${trustDomain} rogue issuer`, from, to, issuer, undefined);
    return { ...signer, chainPem: `${signer.chainPem}\n${issuer.chainPem}` };
  };
  return { trustDomain, rootsPem: root.certificate.toString('pem'), intermediate, issue };
}

async function authority(
  name: string,
  from: number,
  to: number,
  parent: Signer | undefined,
  pathLength: number | undefined,
): Promise<Signer> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(16, '0'),
    subject: name,
    issuer: parent?.certificate.subject ?? name,
    notBefore: new Date(from),
    notAfter: new Date(to),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: (parent ?? { keys }).keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate, keys, chainPem: certificate.toString('pem') };
}

async function leaf(
  spiffeId: string,
  trustDomain: string,
  options: IssueOptions,
  signer: Signer,
  root: Signer,
): Promise<Credentials> {
  const keys = options.keys ?? (await generateKeys());
  const notBefore = options.notBefore ?? Date.now() - 120_000;
  const notAfter = options.notAfter ?? Date.now() + DAY_MS;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(16, '0'),
    subject: '',
    issuer: signer.certificate.subject,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions: leafExtensions(spiffeId, options),
  });
  return {
    identity: spiffeId,
    trustDomain,
    keyPem: await exportKey(keys.privateKey),
    chainPem: `${certificate.toString('pem')}\n${signer.chainPem}`,
    rootsPem: root.certificate.toString('pem'),
    notBefore,
    notAfter,
  };
}

function leafExtensions(spiffeId: string, options: IssueOptions): x509.Extension[] {
  const names: x509.JsonGeneralName[] = [
    ...(options.noUri === true ? [] : [{ type: 'url' as const, value: spiffeId }]),
    ...(options.extraUris ?? []).map((value) => ({ type: 'url' as const, value })),
    ...(options.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(options.ca === true, undefined, true),
    new x509.KeyUsagesExtension(options.keyUsages ?? x509.KeyUsageFlags.digitalSignature, true),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, true)]),
    ...(options.extensions ?? []),
  ];
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key as webcrypto.CryptoKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
