import { HEADERS } from '../contract/headers.ts';
import { REASONS, type Reason } from '../contract/reasons.ts';
import { headerValue, type RequestHead, type ResponseHead, type ServerExchange } from '../http/message.ts';
import { grpcMessage, grpcStatusOf, isGrpc } from './grpc.ts';

/** A response that a proxy makes itself. */
export interface OwnResponse {
  readonly status: number;
  readonly reason: Reason;
  /** For the caller: says what happened and, where it helps, what to do. One line. */
  readonly text: string;
}

export interface OwnMessage {
  readonly head: ResponseHead;
  readonly body: Buffer;
}

/** Head and body of an own response: a trailers-only answer for gRPC, JSON where the caller asks for it, else plain text. HEAD gets no body. */
export function ownMessage(request: RequestHead, response: OwnResponse): OwnMessage {
  if (isGrpc(request)) return grpcAnswer(response);
  const json = headerValue(request.headers, 'accept')?.includes('json') === true;
  const text = json
    ? `${JSON.stringify({ reason: response.reason, meaning: REASONS[response.reason], message: response.text })}\n`
    : `heddle: ${response.reason}: ${REASONS[response.reason]}: ${response.text}\n`;
  const body = Buffer.from(text);
  const headers = [
    'content-type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'content-length',
    String(body.length),
    HEADERS.reason,
    response.reason,
  ];
  if (response.status === 503) headers.push('retry-after', '1');
  const empty = request.method === 'HEAD';
  const head: ResponseHead = {
    status: response.status,
    reason: '',
    version: 11,
    headers,
    spelling: 'lower',
    framing: empty ? 'none' : 'length',
    contentLength: empty ? 0 : body.length,
  };
  return { head, body: empty ? Buffer.alloc(0) : body };
}

/** gRPC over HTTP/2, Trailers-Only: status 200, one field section, no body. */
function grpcAnswer(response: OwnResponse): OwnMessage {
  const { reason } = response;
  const headers = [
    'content-type',
    'application/grpc',
    'grpc-status',
    String(grpcStatusOf(reason)),
    'grpc-message',
    grpcMessage(`heddle: ${reason}: ${REASONS[reason]}: ${response.text}`),
    HEADERS.reason,
    reason,
  ];
  const head: ResponseHead = {
    status: 200,
    reason: '',
    version: 20,
    headers,
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
  };
  return { head, body: Buffer.alloc(0) };
}

export function sendOwn(exchange: ServerExchange, message: OwnMessage): void {
  exchange.respond(message.head);
  if (message.head.framing === 'none') return;
  exchange.write(message.body, 0, message.body.length);
  exchange.end();
}
