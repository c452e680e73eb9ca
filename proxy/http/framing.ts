import type { FieldBlock } from './fields.ts';
import type { Framing, Version } from './message.ts';
import { malformed, unsupported } from './protocol-error.ts';

/** How a body ends, and its bytes when `kind` is `length`. */
export interface BodyFraming {
  readonly kind: Framing;
  readonly length: number;
}

const NONE: BodyFraming = { kind: 'none', length: 0 };
const CHUNKED: BodyFraming = { kind: 'chunked', length: 0 };
const CLOSE: BodyFraming = { kind: 'close', length: 0 };
const TUNNEL: BodyFraming = { kind: 'tunnel', length: 0 };

/** RFC 9112, 6.3 for requests. `Content-Length: 0` is framing `none`: there is no body. */
export function requestFraming(
  block: FieldBlock,
  version: Version,
): BodyFraming & { kind: 'none' | 'length' | 'chunked' } {
  // 6.3 item 7: a request that announces no body has none.
  const framing = declaredFraming(block, version) ?? NONE;
  return {
    kind: framing.kind === 'chunked' || framing.kind === 'length' ? framing.kind : 'none',
    length: framing.length,
  };
}

/** The response of a status to a method, as far as both decide its framing. */
export interface ResponseContext {
  readonly method: string;
  readonly status: number;
  readonly version: Version;
  /** It opens a tunnel (`isTunnelStart`). */
  readonly tunnel: boolean;
}

/** RFC 9112, 6.3 for responses, in its order. */
export function responseFraming(block: FieldBlock, context: ResponseContext): BodyFraming {
  // 6.3 item 2 for a 2xx to CONNECT; for a 101 what RFC 9110, 15.2.2 switches to.
  if (context.tunnel) return TUNNEL;
  if (hasNoBody(context.method, context.status)) {
    // 6.3 item 1. The field goes on to the client, so it must be a plain number all the same (item 5).
    if (block.contentLengths > 0) parseLength(block);
    return NONE;
  }
  // 6.3 item 8: all that comes until the server closes.
  return declaredFraming(block, context.version) ?? CLOSE;
}

/** Responses that never have a body, whatever their fields say: to HEAD, 1xx, 204 and 304 (RFC 9112, 6.3 item 1). */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}

/** What Transfer-Encoding or Content-Length say; undefined when neither is there. */
function declaredFraming(block: FieldBlock, version: Version): BodyFraming | undefined {
  // 6.3 item 4
  if (block.transferEncodings > 0) {
    checkChunked(block, version);
    return CHUNKED;
  }
  if (block.contentLengths === 0) return undefined;
  // 6.3 item 6
  const length = parseLength(block);
  return length === 0 ? NONE : { kind: 'length', length };
}

function checkChunked(block: FieldBlock, version: Version): void {
  // RFC 9112, 6.3 item 3 and 6.1: both may be an attempt at smuggling; a server may refuse them, and we do.
  if (block.contentLengths > 0) throw malformed('both Content-Length and Transfer-Encoding');
  // RFC 9112, 6.1: HTTP/1.0 has no transfer codings; its framing is then faulty.
  if (version === 10) throw malformed('Transfer-Encoding in an HTTP/1.0 message');
  // 6.1: chunked is applied once and last; a list in several fields is refused whatever it says.
  if (block.transferEncodings > 1) throw malformed('more than one Transfer-Encoding field');
  const coding = block.transferEncoding ?? '';
  if (coding.toLowerCase() === 'chunked') return;
  // RFC 9112, 6.1: an unknown coding is 501. A list that holds chunked twice or not at its end is broken. (6.3 item 4 would
  // read such a response until the close; it is refused as well.)
  if (/^[A-Za-z0-9-]+(?:[ \t]*,[ \t]*[A-Za-z0-9-]+)*$/.test(coding) && !/chunked[ \t]*,/i.test(coding)) {
    throw unsupported(501, 'a Transfer-Encoding other than chunked');
  }
  throw malformed('the Transfer-Encoding field is not valid');
}

/** Up to 15 digits: well below 2^53, so the number is exact. No sign, white space, list or repetition (RFC 9110, 8.6). */
function parseLength(block: FieldBlock): number {
  // RFC 9112, 6.3 item 5 lets a recipient take equal values for one; nobody honest sends them, and refusing is allowed.
  if (block.contentLengths > 1) throw malformed('more than one Content-Length field');
  const text = block.contentLength ?? '';
  const plain = text.length > 0 && text.length <= 15 && (text.charCodeAt(0) !== 48 || text.length === 1);
  let length = plain ? 0 : -1;
  for (let index = 0; index < text.length && length >= 0; index++) {
    const digit = text.charCodeAt(index) - 48;
    length = digit >= 0 && digit <= 9 ? length * 10 + digit : -1;
  }
  if (length < 0) throw malformed('the Content-Length field is not a plain number');
  return length;
}
