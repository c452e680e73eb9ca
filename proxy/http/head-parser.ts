import { checkBytes, type FieldBlock, parseFields } from './fields.ts';
import { hasNoBody, requestFraming, responseFraming } from './framing.ts';
import { isHost, isToken } from './grammar.ts';
import { type ConnectionOptions, connectionOptions, removeNamed } from './hop-by-hop.ts';
import type { HttpLimits } from './limits.ts';
import { type HeaderList, headerIndex, type RequestHead, type ResponseHead, type Version } from './message.ts';
import { malformed, tooLarge, unsupported } from './protocol-error.ts';
import { parseTarget } from './request-target.ts';
import { isTunnelStart, upgradeOf } from './upgrade.ts';

/** `persistent`: the sender means to go on with this connection after the exchange (RFC 9112, 9.3). */
export type ReceivedRequest = RequestHead & { readonly persistent: boolean };
export type ReceivedResponse = ResponseHead & { readonly persistent: boolean };

/**
 * Parses a whole request head, `buffer[start, end)` with its last CRLFCRLF. Throws `ProtocolError` and nothing else.
 * The head is decoded once; known names are shared strings. `decoded`: the latin1 text from `start` on where the caller has it already, at
 * least up to `end`.
 */
export function parseRequestHead(
  buffer: Buffer,
  start: number,
  end: number,
  limits: HttpLimits,
  decoded?: string,
): ReceivedRequest {
  const text = checked(buffer, start, end, limits, decoded);
  const lineEnd = text.indexOf('\r');
  if (lineEnd > limits.startLineBytes)
    throw tooLarge(414, `the request line is longer than ${limits.startLineBytes} bytes`);
  const space = text.indexOf(' ');
  const version = versionAt(text, lineEnd - 8);
  const method = text.slice(0, Math.max(0, space));
  // RFC 9112, 3: exactly one space on either side of the target.
  if (space >= lineEnd - 9 || !isToken(method)) throw malformed('the request line is not valid');
  const target = text.slice(space + 1, lineEnd - 9);
  const parts = parseTarget(method, target);
  const block = parseFields(buffer, start, text, lineEnd + 2, end - start, 'request', limits);
  const options = connectionOptions(block.connection);
  const host = checkHost(block, version);
  const framing = requestFraming(block, version);
  if (method === 'CONNECT') checkConnect(block);
  if (parts.authority !== undefined) replaceHost(block.headers, parts.authority);
  if (version === 10 && block.expect !== undefined) removeNamed(block, ['expect']);
  if (options.names.length > 0) removeNamed(block, options.names);
  const upgrade = upgradeOf({
    version,
    hasBody: framing.kind !== 'none' || method === 'CONNECT',
    connectionUpgrade: options.upgrade,
    upgrade: block.upgrade,
  });
  return {
    method,
    target,
    form: parts.form,
    path: parts.path,
    authority: parts.authority ?? host,
    version,
    headers: block.headers,
    spelling: block.spelling,
    framing: framing.kind,
    contentLength: framing.length,
    upgrade,
    expectContinue: expectsContinue(block.expect, version, framing.kind !== 'none'),
    persistent: isPersistent(version, options),
  };
}

/** Parses a whole response head to `request`; otherwise like `parseRequestHead`. */
export function parseResponseHead(
  buffer: Buffer,
  start: number,
  end: number,
  request: RequestHead,
  limits: HttpLimits,
  decoded?: string,
): ReceivedResponse {
  const text = checked(buffer, start, end, limits, decoded);
  const lineEnd = text.indexOf('\r');
  if (lineEnd > limits.startLineBytes)
    throw tooLarge(431, `the status line is longer than ${limits.startLineBytes} bytes`);
  const version = responseVersion(text);
  const status = statusAt(text, 9);
  // RFC 9112, 4. The space after the status is left out by some servers when there is no reason; nothing is ambiguous then.
  if (status === -1 || (lineEnd !== 12 && text.charCodeAt(12) !== 32)) throw malformed('the status line is not valid');
  const block = parseFields(buffer, start, text, lineEnd + 2, end - start, 'response', limits);
  const options = connectionOptions(block.connection);
  const tunnel = isTunnelStart(request, status);
  if (status === 101) checkSwitch(request, block, options, version);
  const framing = responseFraming(block, { method: request.method, status, version, tunnel });
  if (options.names.length > 0) removeNamed(block, options.names);
  // RFC 9110, 8.6: no Content-Length in these; a peer that sends it nevertheless is not read wrongly, only corrected.
  if (tunnel || (status < 300 && hasNoBody('', status))) removeNamed(block, ['content-length']);
  return {
    status,
    reason: text.slice(13, lineEnd),
    version,
    headers: block.headers,
    spelling: block.spelling,
    framing: framing.kind,
    contentLength: framing.length,
    persistent: isPersistent(version, options) && framing.kind !== 'close' && framing.kind !== 'tunnel',
  };
}

/** Parses a trailer section, `buffer[start, end)` with its last empty line. */
export function parseTrailers(buffer: Buffer, start: number, end: number, limits: HttpLimits): HeaderList {
  const text = buffer.toString('latin1', start, end);
  checkBytes(text);
  return parseFields(buffer, start, text, 0, text.length, 'trailers', limits).headers;
}

function checked(buffer: Buffer, start: number, end: number, limits: HttpLimits, decoded: string | undefined): string {
  if (end - start > limits.headBytes) throw tooLarge(431, `the head is larger than ${limits.headBytes} bytes`);
  const text = decoded ?? buffer.toString('latin1', start, end);
  checkBytes(text);
  return text;
}

function responseVersion(text: string): Version {
  if (text.startsWith('HTTP/1.1 ')) return 11;
  if (text.startsWith('HTTP/1.0 ')) return 10;
  throw malformed('the status line is not valid');
}

/** Three digits, the first of them not 0; else -1. */
function statusAt(text: string, position: number): number {
  const hundreds = text.charCodeAt(position) - 48;
  const tens = text.charCodeAt(position + 1) - 48;
  const ones = text.charCodeAt(position + 2) - 48;
  const legal = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  return legal ? hundreds * 100 + tens * 10 + ones : -1;
}

/** RFC 9112, 2.3: case-sensitive, one digit each. Only 1.0 and 1.1 are spoken here. */
function versionAt(text: string, position: number): Version {
  if (text.startsWith(' HTTP/1.1\r\n', position - 1)) return 11;
  if (text.startsWith(' HTTP/1.0\r\n', position - 1)) return 10;
  if (/^ HTTP\/[0-9]\.[0-9]\r\n/.test(text.slice(Math.max(0, position - 1), position + 10))) {
    throw unsupported(505, 'only HTTP/1.0 and HTTP/1.1 are spoken here');
  }
  throw malformed('the request line is not valid');
}

/** RFC 9112, 3.2: exactly one Host in HTTP/1.1, at most one in 1.0, and valid. */
function checkHost(block: FieldBlock, version: Version): string {
  if (block.hosts > 1) throw malformed('more than one Host field');
  if (block.host === undefined) {
    if (version === 10) return '';
    throw malformed('an HTTP/1.1 request without a Host field');
  }
  if (!isHost(block.host)) throw malformed('the Host field is not valid');
  return block.host;
}

/** RFC 9112, 3.2.2: a proxy ignores the Host field of an absolute-form request and writes the target's authority in its place. A CONNECT that names two is read in one way only, too. */
function replaceHost(headers: HeaderList, authority: string): void {
  const index = headerIndex(headers, 'host');
  if (index !== -1) headers[index] = authority;
}

/** RFC 9110, 9.3.6: CONNECT has no content; with one, the bytes after the head could be read in two ways. */
function checkConnect(block: FieldBlock): void {
  if (block.transferEncodings > 0 || block.contentLengths > 0) throw malformed('a CONNECT request with a body');
}

/** RFC 9110, 15.2.2: the server may switch only to what was asked for. */
function checkSwitch(request: RequestHead, block: FieldBlock, options: ConnectionOptions, version: Version): void {
  const legal = options.upgrade && version === 11 && block.upgrade?.toLowerCase() === request.upgrade;
  if (request.upgrade === undefined || !legal) throw malformed('a 101 that does not answer the upgrade asked for');
}

function expectsContinue(expect: string | undefined, version: Version, hasBody: boolean): boolean {
  return expect !== undefined && version === 11 && hasBody && expect.toLowerCase() === '100-continue';
}

/** RFC 9112, 9.3. */
function isPersistent(version: Version, options: ConnectionOptions): boolean {
  return !options.close && (version === 11 || options.keepAlive);
}
