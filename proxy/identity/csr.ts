import { sign } from 'node:crypto';
import type { KeyPair } from './keypair.ts';

/** DER tags, X.690. */
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const BOOLEAN = 0x01;
const SEQUENCE = 0x30;
const SET = 0x31;
/** `[0]` constructed: the attributes of a request. */
const ATTRIBUTES = 0xa0;
/** `[6]` primitive: `uniformResourceIdentifier` of GeneralName, RFC 5280 section 4.2.1.6. */
const GENERAL_NAME_URI = 0x86;

/** 1.2.840.113549.1.9.14 `extensionRequest`, RFC 2985 section 5.4.2. */
const EXTENSION_REQUEST = element(OBJECT_ID, Buffer.from('2a864886f70d01090e', 'hex'));
/** 2.5.29.17 `subjectAltName`. */
const SUBJECT_ALT_NAME = element(OBJECT_ID, Buffer.from('551d11', 'hex'));
/** 1.2.840.10045.4.3.2 `ecdsa-with-SHA256`, RFC 5758 section 3.2: no parameters. */
const ECDSA_WITH_SHA256 = element(SEQUENCE, element(OBJECT_ID, Buffer.from('2a8648ce3d040302', 'hex')));

/**
 * PKCS#10 request (RFC 2986), PEM: empty subject, exactly one extension asked for: a critical subjectAltName (RFC 5280 section 4.1.2.6:
 * critical where the subject is empty) with exactly one URI. By hand, because the proxy has no run-time dependency.
 */
export function makeCsr(keys: KeyPair, uri: string): string {
  if (!/^[\x21-\x7e]+$/.test(uri)) throw new TypeError(`not a URI: ${JSON.stringify(uri)}`);
  const names = element(SEQUENCE, element(GENERAL_NAME_URI, Buffer.from(uri, 'latin1')));
  const critical = element(BOOLEAN, Buffer.from([0xff]));
  const extension = element(SEQUENCE, SUBJECT_ALT_NAME, critical, element(OCTET_STRING, names));
  const attribute = element(SEQUENCE, EXTENSION_REQUEST, element(SET, element(SEQUENCE, extension)));
  const version = element(INTEGER, Buffer.from([0]));
  const subject = element(SEQUENCE);
  const info = element(SEQUENCE, version, subject, keys.publicKeyInfo, element(ATTRIBUTES, attribute));
  const signature = sign('sha256', info, { key: keys.privateKey, dsaEncoding: 'der' });
  const unusedBits = Buffer.from([0]);
  return pem(
    'CERTIFICATE REQUEST',
    element(SEQUENCE, info, ECDSA_WITH_SHA256, element(BIT_STRING, unusedBits, signature)),
  );
}

/** Tag, length (definite, shortest form), contents. */
function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const head = [tag];
  if (body.length < 0x80) head.push(body.length);
  else if (body.length < 0x100) head.push(0x81, body.length);
  else head.push(0x82, body.length >>> 8, body.length & 0xff);
  return Buffer.concat([Buffer.from(head), body]);
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
