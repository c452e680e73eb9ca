import { createPublicKey } from 'node:crypto';
import { describeError } from '../../proxy/base/errors.ts';
import {
  ExtensionsAttribute,
  Pkcs10CertificateRequest,
  SIGNATURE_ALGORITHM,
  SubjectAlternativeNameExtension,
} from './x509.ts';

/** `reason` is a `CertificateRefusal` reason. */
export type CheckedCsr =
  | { readonly ok: true; readonly publicKey: Uint8Array }
  | { readonly ok: false; readonly reason: 'CsrInvalid' | 'IdentityMismatch'; readonly message: string };

/** A P-256 request with one URI is about 400 bytes of PEM. */
const MAX_PEM_LENGTH = 8 * 1024;
const PEM = /^-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\s*$/;
/** PKCS#9 extensionRequest, RFC 2985 section 5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/**
 * The request may ask for exactly the identity of the token, and for nothing else: nothing of it but the public key
 * goes into the certificate, and what it says beyond that is refused rather than ignored.
 */
export async function checkCsr(pem: string, expectedId: string): Promise<CheckedCsr> {
  const body = pem.length > MAX_PEM_LENGTH ? null : PEM.exec(pem);
  if (body === null)
    return invalid(`must be one PEM block CERTIFICATE REQUEST of at most ${MAX_PEM_LENGTH} characters`);
  try {
    return await checkParsed(new Pkcs10CertificateRequest(pem), expectedId);
  } catch (error) {
    return invalid(`cannot be read: ${describeError(error)}`);
  }
}

async function checkParsed(csr: Pkcs10CertificateRequest, expectedId: string): Promise<CheckedCsr> {
  if (csr.subjectName.toJSON().length > 0) return invalid('the subject must be empty');
  const key = createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' });
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    return invalid('the key must be ECDSA P-256');
  }
  if (!isOurSignature(csr.signatureAlgorithm)) {
    return invalid('the signature must be ECDSA with SHA-256');
  }
  const names = namesOf(csr);
  if (typeof names === 'string') return invalid(names);
  if (!(await csr.verify())) return invalid('the signature is wrong');
  const [only] = names;
  if (only?.value !== expectedId) {
    return {
      ok: false,
      reason: 'IdentityMismatch',
      message: `the request asks for ${only?.value}, but the token is of ${expectedId}`,
    };
  }
  return { ok: true, publicKey: key.export({ format: 'der', type: 'spki' }) };
}

function isOurSignature(algorithm: { readonly hash: { readonly name: string } }): boolean {
  const named = 'name' in algorithm && algorithm.name === SIGNATURE_ALGORITHM.name;
  return named && algorithm.hash.name === SIGNATURE_ALGORITHM.hash;
}

/** The one URI, or a sentence that says what is wrong. */
function namesOf(csr: Pkcs10CertificateRequest): { value: string }[] | string {
  const [attribute, ...others] = csr.attributes;
  if (
    attribute === undefined ||
    others.length > 0 ||
    attribute.type !== EXTENSION_REQUEST ||
    !(attribute instanceof ExtensionsAttribute)
  ) {
    return 'there must be exactly one attribute, the extension request';
  }
  const [extension, ...more] = attribute.items;
  if (extension === undefined || more.length > 0 || extension.type !== SUBJECT_ALTERNATIVE_NAME) {
    return 'there must be exactly one extension, the subject alternative name';
  }
  const names = new SubjectAlternativeNameExtension(extension.rawData).names.toJSON();
  if (names.length !== 1 || names[0]?.type !== 'url') return 'there must be exactly one alternative name, a URI';
  return [{ value: String(names[0].value) }];
}

function invalid(message: string): CheckedCsr {
  return { ok: false, reason: 'CsrInvalid', message: `the certificate request is refused: ${message}` };
}
