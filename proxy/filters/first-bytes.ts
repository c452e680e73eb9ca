/** What the first bytes of a connection say: HTTP/1, HTTP/2 with prior knowledge, or anything else (TLS included). */
export type FirstBytes = 'http' | 'http2' | 'opaque';

/** Longest request line that is waited for; a longer one is given to the HTTP codec, which refuses it with 414. */
export const MAX_REQUEST_LINE = 16_384;

const LINE_FEED = 0x0a;
const SPACE = 0x20;
const LONGEST_METHOD = 24;
/** The request line of the preface (RFC 9113 3.4): no HTTP/1 request begins so. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n');

/**
 * Decides by the request line whether a connection speaks HTTP/1 or HTTP/2. `undefined`: more bytes needed. The line must be
 * `METHOD SP target SP HTTP/<digit>`; text protocols of other kinds (`SET key value`) do not look like it. TLS and everything else are opaque.
 */
export function classifyFirstBytes(bytes: Buffer): FirstBytes | undefined {
  const method = methodLength(bytes);
  if (method === undefined) return undefined;
  if (method < 1) return 'opaque';
  const end = bytes.indexOf(LINE_FEED);
  if (isPreface(bytes)) return 'http2';
  if (end === -1) return bytes.length >= MAX_REQUEST_LINE ? 'http' : undefined;
  return / HTTP\/\d/.test(bytes.toString('latin1', method, end)) ? 'http' : 'opaque';
}

/** The same for a port that is declared as HTTP of whatever version: what is no preface is for the HTTP/1 codec to judge. */
export function classifyHttp(bytes: Buffer): 'http' | 'http2' | undefined {
  if (isPreface(bytes)) return 'http2';
  const begun = bytes.length < PREFACE.length && PREFACE.subarray(0, bytes.length).equals(bytes);
  return begun ? undefined : 'http';
}

function isPreface(bytes: Buffer): boolean {
  return bytes.length >= PREFACE.length && PREFACE.compare(bytes, 0, PREFACE.length) === 0;
}

/** Length of the method before its space; 0: not a method; undefined: not complete. */
function methodLength(bytes: Buffer): number | undefined {
  const limit = Math.min(bytes.length, LONGEST_METHOD + 1);
  for (let index = 0; index < limit; index++) {
    const byte = bytes[index]!;
    if (byte === SPACE) return index;
    const upper = byte >= 0x41 && byte <= 0x5a;
    if (!upper && byte !== 0x2d && byte !== 0x5f) return 0;
  }
  return limit > LONGEST_METHOD ? 0 : undefined;
}
