import type { EndpointState } from '../balance/endpoints.ts';
import { isReason } from '../balance/failures.ts';
import { HEADERS } from '../contract/headers.ts';
import type { Reason } from '../contract/reasons.ts';
import { removeReserved } from '../filters/headers.ts';
import { trace } from '../filters/trace.ts';
import { headerValue, type RequestHead, type ResponseHead } from '../http/message.ts';
import type { OutboundContext } from './context.ts';

/** Nobody outside may speak as a proxy; the trace is continued or begun. Answers the trace id. */
export function startTrace(context: OutboundContext, head: RequestHead): string {
  removeReserved(head);
  const percent = context.store.workload()?.configuration.tracingSamplingPercent ?? 0;
  return trace(head, context.random, percent);
}

/** Nothing can follow the head: no body, no tunnel. */
export function isHeadOnly(head: RequestHead): boolean {
  return head.framing === 'none' && head.upgrade === undefined && head.method !== 'CONNECT';
}

const EVENT_STREAM = 'text/event-stream';

/** Server-sent events: a response without an end. */
export function isEventStream(head: ResponseHead): boolean {
  const type = headerValue(head.headers, 'content-type');
  if (type === undefined || type.length < EVENT_STREAM.length) return false;
  return type.slice(0, EVENT_STREAM.length).toLowerCase() === EVENT_STREAM;
}

/** The reason that a mesh peer's proxy gave with a response of its own. Anybody else may not use our names: they are removed. */
export function peerReason(endpoint: EndpointState, head: ResponseHead): Reason | undefined {
  if (endpoint.endpoint.identity === undefined) {
    removeReserved(head);
    return undefined;
  }
  const reason = headerValue(head.headers, HEADERS.reason);
  return reason !== undefined && isReason(reason) ? reason : undefined;
}
