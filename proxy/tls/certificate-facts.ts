import { childrenOf, DerError, type Element, readElement, TAG } from './der.ts';

/** What the verification needs of a certificate and `X509Certificate` does not tell, or tells as text that needs unescaping. Source: RFC 5280 4.2. */
export interface CertificateFacts {
  readonly isCa: boolean;
  /** Most intermediate certificates below it; undefined: no limit. */
  readonly pathLength: number | undefined;
  /** Undefined: no KeyUsage extension, so no restriction. */
  readonly keyUsage: { readonly digitalSignature: boolean; readonly keyCertSign: boolean } | undefined;
  /** URIs of the SubjectAltName, byte for byte. */
  readonly uris: readonly string[];
  /** Object identifiers (hex) of critical extensions that we do not know: RFC 5280 4.2 says refuse. */
  readonly unknownCritical: readonly string[];
}

/** Object identifiers as hex of their DER content: id-ce 2.5.29.x. */
const OID = {
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
} as const;
const EXTENSIONS_TAG = 0xa3;
const URI_TAG = 0x86;

/** Reads the extensions of a DER certificate. Throws `DerError` when it is not one. */
export function certificateFacts(raw: Uint8Array): CertificateFacts {
  const facts = {
    isCa: false,
    pathLength: undefined as number | undefined,
    keyUsage: undefined as CertificateFacts['keyUsage'],
    uris: [] as string[],
    unknownCritical: [] as string[],
  };
  const seen = new Set<string>();
  for (const extension of extensionsOf(raw)) {
    const { oid, critical, value } = readExtension(raw, extension);
    // RFC 5280 4.2: no extension twice.
    if (seen.has(oid)) throw new DerError(`extension ${oid} twice`);
    seen.add(oid);
    if (oid === OID.basicConstraints) Object.assign(facts, basicConstraints(raw, value));
    else if (oid === OID.keyUsage) facts.keyUsage = keyUsage(raw, value);
    else if (oid === OID.subjectAltName) facts.uris = uris(raw, value);
    else if (critical && oid !== OID.extendedKeyUsage) facts.unknownCritical.push(oid);
  }
  return facts;
}

function extensionsOf(raw: Uint8Array): Element[] {
  const certificate = readElement(raw, 0, raw.length);
  const tbs = childrenOf(raw, certificate)[0];
  if (certificate.tag !== TAG.sequence || tbs === undefined) throw new DerError('not a certificate');
  const wrapper = childrenOf(raw, tbs).find((child) => child.tag === EXTENSIONS_TAG);
  if (wrapper === undefined) return [];
  return childrenOf(raw, readElement(raw, wrapper.start, wrapper.end));
}

function readExtension(raw: Uint8Array, element: Element): { oid: string; critical: boolean; value: Element } {
  const parts = childrenOf(raw, element);
  const oid = parts[0];
  const value = parts.at(-1);
  if (oid?.tag !== TAG.oid || value?.tag !== TAG.octetString || parts.length > 3)
    throw new DerError('not an extension');
  const critical = parts.length === 3 && raw[parts[1]!.start] !== 0;
  return { oid: Buffer.from(raw.subarray(oid.start, oid.end)).toString('hex'), critical, value };
}

function basicConstraints(raw: Uint8Array, value: Element): { isCa: boolean; pathLength: number | undefined } {
  const parts = childrenOf(raw, readElement(raw, value.start, value.end));
  const isCa = parts[0]?.tag === TAG.boolean && raw[parts[0].start] !== 0;
  const length = parts.find((part) => part.tag === TAG.integer);
  if (length !== undefined && length.end - length.start !== 1) throw new DerError('a path length that is not one byte');
  return { isCa, pathLength: length === undefined ? undefined : raw[length.start] };
}

/** BIT STRING: first the number of unused bits; bit 0 (the highest) is digitalSignature, bit 5 keyCertSign. */
function keyUsage(raw: Uint8Array, value: Element): { digitalSignature: boolean; keyCertSign: boolean } {
  const bits = readElement(raw, value.start, value.end);
  const first = bits.tag === TAG.bitString && bits.end - bits.start > 1 ? raw[bits.start + 1]! : 0;
  return { digitalSignature: (first & 0x80) !== 0, keyCertSign: (first & 0x04) !== 0 };
}

function uris(raw: Uint8Array, value: Element): string[] {
  return childrenOf(raw, readElement(raw, value.start, value.end))
    .filter((name) => name.tag === URI_TAG)
    .map((name) => Buffer.from(raw.subarray(name.start, name.end)).toString('latin1'));
}
