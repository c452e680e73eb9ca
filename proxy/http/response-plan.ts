import { hasNoBody } from './framing.ts';
import type { ReceivedRequest } from './head-parser.ts';
import type { ConnectionFields } from './head-writer.ts';
import type { Framing, ResponseHead } from './message.ts';
import { isTunnelStart, mayTunnel } from './upgrade.ts';

/** How a response is written to the client that asked. `invalid`: it answers something that was not asked. */
export type ResponsePlan =
  | { readonly kind: 'invalid'; readonly detail: string }
  | { readonly kind: 'tunnel'; readonly fields: ConnectionFields }
  | {
      readonly kind: 'message';
      readonly framing: Framing;
      readonly fields: ConnectionFields;
      /** The connection closes after it. */
      readonly close: boolean;
    };

/** What the connection knows beside the two heads. */
export interface PlanState {
  readonly draining: boolean;
  /**
   * The client's body has not come whole, and either it may still wait for a 100 (RFC 9110, 10.1.1: what follows cannot be told apart), or
   * it is refused with much of it left: the client may stop sending when it reads that the connection closes (RFC 9112, 9.3 and 9.6).
   */
  readonly bodyInDoubt: boolean;
  /** Bytes came before the answer to a request that asked for a tunnel: they may be meant for it (RFC 9931). */
  readonly earlyBytes: boolean;
}

export function planResponse(request: ReceivedRequest, response: ResponseHead, state: PlanState): ResponsePlan {
  if (isTunnelStart(request, response.status)) return { kind: 'tunnel', fields: tunnelFields(request, response) };
  if (response.status < 200 || response.framing === 'tunnel') {
    return { kind: 'invalid', detail: 'the response opens a tunnel that the request did not ask for' };
  }
  const framing = wireFraming(request, response);
  const close =
    !request.persistent ||
    state.draining ||
    state.bodyInDoubt ||
    framing === 'close' ||
    request.method === 'CONNECT' ||
    (state.earlyBytes && mayTunnel(request));
  return {
    kind: 'message',
    framing,
    close,
    fields: {
      connection: close ? 'close' : request.version === 10 ? 'keep-alive' : undefined,
      upgrade: undefined,
      chunked: framing === 'chunked',
      length: lengthField(request, response, framing),
    },
  };
}

/** RFC 9110, 9.3.6 and 15.2.2: neither has a body to announce. */
function tunnelFields(request: ReceivedRequest, response: ResponseHead): ConnectionFields {
  const switching = response.status === 101;
  return {
    connection: switching ? 'Upgrade' : undefined,
    upgrade: switching ? request.upgrade : undefined,
    chunked: false,
    length: 'drop',
  };
}

/** RFC 9112, 6.1: HTTP/1.0 knows no chunks: its bodies of unknown length end with the connection (6.3 item 8). For 1.1 such a body is chunked, so a cut is seen. */
function wireFraming(request: ReceivedRequest, response: ResponseHead): Framing {
  // RFC 9112, 6.3 item 1
  if (hasNoBody(request.method, response.status)) return 'none';
  if (response.framing === 'chunked' || response.framing === 'close')
    return request.version === 10 ? 'close' : 'chunked';
  return response.framing;
}

function lengthField(request: ReceivedRequest, response: ResponseHead, framing: Framing): ConnectionFields['length'] {
  if (framing === 'length') return response.contentLength;
  if (framing !== 'none') return 'drop';
  // RFC 9110, 8.6: none in a 204.
  if (response.status === 204) return 'drop';
  // HEAD and 304 repeat what the full response would say (RFC 9110, 8.6). Others say 0, or the client would wait for the close (RFC 9112, 6.3 item 8).
  return hasNoBody(request.method, response.status) ? undefined : 0;
}
