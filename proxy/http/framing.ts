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
  if (context.tunnel) return TUNNEL;
  if (hasNoBody(context.method, context.status)) {
    if (block.contentLengths > 0) parseLength(block);
    return NONE;
  }
  return declaredFraming(block, context.version) ?? CLOSE;
}

/** Responses that never have a body, whatever their fields say: to HEAD, 1xx, 204 and 304 (RFC 9112, 6.3 item 1). */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}

/** What Transfer-Encoding or Content-Length say; undefined when neither is there. */
function declaredFraming(block: FieldBlock, version: Version): BodyFraming | undefined {
  if (block.transferEncodings > 0) {
    checkChunked(block, version);
    return CHUNKED;
  }
  if (block.contentLengths === 0) return undefined;
  const length = parseLength(block);
  return length === 0 ? NONE : { kind: 'length', length };
}

function checkChunked(block: FieldBlock, version: Version): void {
  // RFC 9112, 6.1: either may be an attempt at smuggling; a server may refuse both at once, and we do.
  if (block.contentLengths > 0) throw malformed('both Content-Length and Transfer-Encoding');
  // RFC 9112, 6.1: HTTP/1.0 has no transfer codings; its framing is then faulty.
  if (version === 10) throw malformed('Transfer-Encoding in an HTTP/1.0 message');
  if (block.transferEncodings > 1) throw malformed('more than one Transfer-Encoding field');
  const coding = block.transferEncoding ?? '';
  if (coding.toLowerCase() === 'chunked') return;
  // RFC 9112, 6.1: an unknown coding is 501. A list that holds chunked twice or not at its end is broken.
  if (/^[A-Za-z0-9-]+(?:[ \t]*,[ \t]*[A-Za-z0-9-]+)*$/.test(coding) && !/chunked[ \t]*,/i.test(coding)) {
    throw unsupported(501, 'a Transfer-Encoding other than chunked');
  }
  throw malformed('the Transfer-Encoding field is not valid');
}

/** Up to 15 digits: well below 2^53, so the number is exact. No sign, white space, list or repetition (RFC 9110, 8.6). */
function parseLength(block: FieldBlock): number {
  if (block.contentLengths > 1) throw malformed('more than one Content-Length field');
  const text = block.contentLength ?? '';
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) throw malformed('the Content-Length field is not a plain number');
  return Number(text);
}
