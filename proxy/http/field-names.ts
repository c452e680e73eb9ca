import { TOKEN_FOLD } from './grammar.ts';

/** What the codec itself must know of a field; everything else is `ORDINARY`. Plain numbers: this is the hot path. */
export const ORDINARY = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const UPGRADE = 5;
export const EXPECT = 6;
export const TE = 7;
/** Belongs to one connection only and says nothing to us (RFC 9110, 7.6.1). */
export const DROPPED = 8;

const KINDS: Readonly<Record<string, number>> = {
  host: HOST,
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  connection: CONNECTION,
  upgrade: UPGRADE,
  expect: EXPECT,
  te: TE,
  'keep-alive': DROPPED,
  'proxy-connection': DROPPED,
  'http2-settings': DROPPED,
};

/** Names that are read without an allocation. Order and completeness do not matter: others work, and cost a string each. */
const KNOWN = `accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials
access-control-allow-headers access-control-allow-methods access-control-allow-origin access-control-expose-headers
access-control-max-age access-control-request-headers access-control-request-method age allow alt-svc authorization b3 baggage
cache-control connection content-disposition content-encoding content-language content-length content-location content-range
content-security-policy content-type cookie date dnt etag expect expires forwarded from grpc-accept-encoding grpc-encoding
grpc-message grpc-status grpc-timeout host http2-settings idempotency-key if-match if-modified-since if-none-match if-range
if-unmodified-since keep-alive last-modified link location max-forwards origin pragma proxy-authenticate proxy-authorization
proxy-connection range referer referrer-policy retry-after sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest
sec-fetch-mode sec-fetch-site sec-fetch-user sec-websocket-accept sec-websocket-extensions sec-websocket-key
sec-websocket-protocol sec-websocket-version server set-cookie strict-transport-security te trace-id traceparent tracestate
trailer transfer-encoding upgrade upgrade-insecure-requests user-agent vary via warning www-authenticate x-api-key x-b3-flags
x-b3-parentspanid x-b3-sampled x-b3-spanid x-b3-traceid x-content-type-options x-correlation-id x-envoy-attempt-count
x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-frame-options x-heddle-attempt x-heddle-peer
x-heddle-reason x-powered-by x-real-ip x-request-id x-requested-with x-xss-protection`.split(/\s+/);

/** Twice the names, as a power of two: open addressing stays short. */
const SLOTS = 512;
const table: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined);
/** The same names as bytes, each slot's from `starts[slot]` on: comparing bytes is cheaper than comparing characters of a text. */
const bytes = Buffer.from(KNOWN.join(''), 'latin1');
const starts = new Uint16Array(SLOTS);
const kinds = new Uint8Array(SLOTS);
const titles = new Map<string, string>();
/** How a line begins that follows another: `\r\nContent-Type: `. */
const titleStarts = new Map<string, string>();
const lowerStarts = new Map<string, string>();

let written = 0;
for (const name of KNOWN) {
  let slot = hashOf(name) & (SLOTS - 1);
  while (table[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
  table[slot] = name;
  starts[slot] = written;
  written += name.length;
  kinds[slot] = KINDS[name] ?? ORDINARY;
  titles.set(name, makeTitle(name));
  titleStarts.set(name, startOf(makeTitle(name)));
  lowerStarts.set(name, startOf(name));
}

/** What `readName` found. One record for the process: parsing is synchronous and never nests. */
export const found = { name: '', kind: ORDINARY, end: 0, lower: true, title: true };

/**
 * Reads the token that starts at `buffer[start]` into `found`: lower-case name, where it ends, whether it was spelled all in
 * lower case, and whether in Title-Case. False: no token there.
 */
export function readName(buffer: Buffer, start: number): boolean {
  let hash = 0;
  let lower = true;
  let title = true;
  let boundary = true;
  let index = start;
  for (; index < buffer.length; index++) {
    const code = buffer[index]!;
    const folded = TOKEN_FOLD[code]!;
    if (folded === 0) break;
    if (folded !== code) {
      lower = false;
      if (!boundary) title = false;
    } else if (boundary && code >= 97 && code <= 122) {
      title = false;
    }
    boundary = code === 45;
    hash = (Math.imul(hash, 31) + folded) | 0;
  }
  if (index === start) return false;
  found.end = index;
  found.lower = lower;
  found.title = title;
  intern(buffer, start, index, hash);
  return true;
}

/** Title-Case of a lower-case name. */
export function titleCase(name: string): string {
  return titles.get(name) ?? makeTitle(name);
}

/** End of the line before, and a (lower-case) name as it is to be spelled, with its colon. */
export function lineStart(name: string, spelling: 'lower' | 'title'): string {
  if (spelling === 'lower') return lowerStarts.get(name) ?? startOf(name);
  return titleStarts.get(name) ?? startOf(makeTitle(name));
}

export function startOf(spelled: string): string {
  return `\r\n${spelled}: `;
}

function intern(buffer: Buffer, start: number, end: number, hash: number): void {
  let slot = hash & (SLOTS - 1);
  for (let candidate = table[slot]; candidate !== undefined; candidate = table[slot]) {
    if (candidate.length === end - start && sameName(starts[slot]!, buffer, start, end)) {
      found.name = candidate;
      found.kind = kinds[slot]!;
      return;
    }
    slot = (slot + 1) & (SLOTS - 1);
  }
  const name = buffer.toString('latin1', start, end);
  found.name = found.lower ? name : name.toLowerCase();
  found.kind = ORDINARY;
}

function sameName(known: number, buffer: Buffer, start: number, end: number): boolean {
  for (let index = start, at = known; index < end; index++, at++) {
    if (TOKEN_FOLD[buffer[index]!] !== bytes[at]) return false;
  }
  return true;
}

function hashOf(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = (Math.imul(hash, 31) + name.charCodeAt(index)) | 0;
  return hash;
}

function makeTitle(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_all, before: string, letter: string) => before + letter.toUpperCase());
}
