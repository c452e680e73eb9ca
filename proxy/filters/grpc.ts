import type { Reason } from '../contract/reasons.ts';
import { type HeaderList, headerValue, type RequestHead, type ResponseHead } from '../http/message.ts';

/** Source of the forms here: gRPC over HTTP/2 (PROTOCOL-HTTP2.md), google/rpc/code.proto for what a status means in HTTP. */

const GRPC_UNKNOWN = 2;
const GRPC_UNAVAILABLE = 14;

/** HTTP/2 with `application/grpc`, with or without a message format. gRPC-Web is not: its clients read HTTP statuses. */
export function isGrpc(head: Pick<RequestHead | ResponseHead, 'version' | 'headers'>): boolean {
  if (head.version !== 20) return false;
  const type = headerValue(head.headers, 'content-type');
  if (type === undefined || !type.startsWith('application/grpc')) return false;
  const next = type.charAt('application/grpc'.length);
  return next === '' || next === '+' || next === ';' || next === ' ';
}

/** The gRPC status of each reason; what is not listed is UNAVAILABLE: another try, later, makes sense. */
const STATUS: Readonly<Partial<Record<Reason, number>>> = {
  // DEADLINE_EXCEEDED
  request_timeout: 4,
  per_try_timeout: 4,
  stream_idle_timeout: 4,
  // PERMISSION_DENIED
  unauthorized: 7,
  plaintext_refused: 7,
  identity_mismatch: 7,
  untrusted_peer: 7,
  no_peer_certificate: 7,
  // RESOURCE_EXHAUSTED
  overloaded: 8,
  head_too_large: 8,
  // UNIMPLEMENTED
  no_route: 12,
  unknown_port: 12,
  unsupported: 12,
  // INTERNAL
  malformed_request: 13,
  upstream_protocol: 13,
  loop: 13,
};

export function grpcStatusOf(reason: Reason): number {
  return STATUS[reason] ?? GRPC_UNAVAILABLE;
}

/** Percent-encodes what `grpc-message` may not hold as it is: anything but 0x20 to 0x7e, and `%`. At most the first 1,024 characters of the text. */
export function grpcMessage(text: string): string {
  let message = '';
  for (const byte of Buffer.from(text.slice(0, 1_024))) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    message += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  // White space at either end does not survive a field value.
  return message.trim();
}

/** Nanoseconds of each unit: whole numbers, so that nothing is rounded up. */
const UNIT_NS: Readonly<Record<string, number>> = { H: 3.6e12, M: 6e10, S: 1e9, m: 1e6, u: 1e3, n: 1 };

/** Milliseconds (with a fraction) of a `grpc-timeout`; undefined: none, or not readable: then the server says what it thinks of it. */
export function grpcTimeoutMs(head: RequestHead): number | undefined {
  const value = headerValue(head.headers, 'grpc-timeout');
  if (value === undefined || !/^[0-9]{1,8}[HMSmun]$/.test(value)) return undefined;
  return (Number(value.slice(0, -1)) * UNIT_NS[value.slice(-1)]!) / 1e6;
}

/** At most eight digits and a unit, never more than `ms`; at least a microsecond. */
export function grpcTimeoutText(ms: number): string {
  if (ms < 99_999) return `${Math.max(1, Math.floor(ms * 1_000))}u`;
  return ms < 99_999_999 ? `${Math.floor(ms)}m` : `${Math.min(99_999_999, Math.floor(ms / 1_000))}S`;
}

/** HTTP status that google/rpc/code.proto gives for each gRPC status, by number. */
const HTTP_STATUS: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/** What a response counts as when a retry is considered: of a trailers-only gRPC answer the HTTP meaning of its status, else its own. */
export function meantStatus(head: ResponseHead): number {
  if (head.version !== 20 || head.framing !== 'none' || head.status !== 200) return head.status;
  const status = headerValue(head.headers, 'grpc-status');
  if (status === undefined || !/^[0-9]{1,2}$/.test(status)) return head.status;
  return HTTP_STATUS[Number(status)] ?? 500;
}

/** The `grpc-status` of trailers or of a trailers-only head: 0 to 16. `unknown`: none, or no number that gRPC defines; clients report UNKNOWN. */
export function grpcStatusIn(fields: HeaderList | undefined): number | 'unknown' {
  const value = fields === undefined ? undefined : headerValue(fields, 'grpc-status');
  if (value === undefined || !/^[0-9]{1,2}$/.test(value)) return 'unknown';
  return Number(value) < HTTP_STATUS.length ? Number(value) : 'unknown';
}

/** The HTTP status that tells how a gRPC call ended: of an HTTP error itself, else what its gRPC status stands for. */
export function endStatus(httpStatus: number, grpcStatus: number | 'unknown' | undefined): number {
  if (grpcStatus === undefined || httpStatus !== 200) return httpStatus;
  return HTTP_STATUS[grpcStatus === 'unknown' ? GRPC_UNKNOWN : grpcStatus] ?? httpStatus;
}

/** gRFC A6: milliseconds after which the server wants the next try, `never`, or undefined when it says nothing. */
export function grpcPushback(head: ResponseHead): number | 'never' | undefined {
  const value = head.version === 20 ? headerValue(head.headers, 'grpc-retry-pushback-ms') : undefined;
  if (value === undefined) return undefined;
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : 'never';
}

/** Finds the end of the first length-prefixed message of a body: five bytes of prefix, then its bytes. */
export class FirstMessage {
  readonly #prefix = Buffer.alloc(5);
  #seen = 0;
  #missing = -1;
  #done = false;

  /** True once: these bytes complete the first message. */
  completes(buffer: Buffer, start: number, end: number): boolean {
    if (this.#done) return false;
    let at = start;
    for (; this.#seen < 5 && at < end; at++) this.#prefix[this.#seen++] = buffer[at]!;
    if (this.#seen < 5) return false;
    if (this.#missing === -1) this.#missing = this.#prefix.readUInt32BE(1);
    this.#missing -= end - at;
    this.#done = this.#missing <= 0;
    return this.#done;
  }
}
