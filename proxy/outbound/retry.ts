import { backoffDelay } from '../base/backoff.ts';
import type { Random } from '../base/clock.ts';
import type { Retries, RetryCondition } from '../contract/snapshot.ts';
import { grpcPushback, meantStatus } from '../filters/grpc.ts';
import { type Failure, headerIndex, headerValue, type RequestHead, type ResponseHead } from '../http/message.ts';

/** How a try ended without being the last word: a failure, or a response whose head arrived. */
export type Outcome =
  | { readonly kind: 'failure'; readonly failure: Failure }
  | { readonly kind: 'response'; readonly head: ResponseHead };

/** Responses below this status are never retried, whatever is listed: the hot path asks nobody. */
export const FIRST_RETRIABLE = 400;

export interface RetryInput {
  readonly request: RequestHead;
  readonly retries: Retries;
  /** Configured retries made so far. */
  readonly made: number;
  /** The one free redispatch of an unprocessed request was used. */
  readonly redispatched: boolean;
  /** The body can be sent again. */
  readonly repeatable: boolean;
  readonly outcome: Outcome;
  readonly wallMs: number;
}

/** `redispatch`: the application cannot have seen the request; at once, outside attempts and budget. `retry`: if the budget allows it. */
export type RetryDecision =
  | { readonly kind: 'none' }
  | { readonly kind: 'redispatch'; readonly cause: string }
  | { readonly kind: 'retry'; readonly cause: RetryCondition | 'status'; readonly delayMs: number };

const NONE: RetryDecision = { kind: 'none' };

/** A server that asks for more patience than this gets no retry: the caller sees its answer. */
const LONGEST_RETRY_AFTER_MS = 10_000;

export function decideRetry(input: RetryInput, random: Random): RetryDecision {
  const { outcome } = input;
  if (!input.repeatable) return NONE;
  if (outcome.kind === 'failure' && outcome.failure.unprocessed && !input.redispatched) {
    return { kind: 'redispatch', cause: outcome.failure.reason };
  }
  if (input.made >= input.retries.attempts) return NONE;
  const cause =
    outcome.kind === 'failure'
      ? failureCause(outcome.failure, input.retries)
      : statusCause(outcome.head, input.retries);
  if (cause === undefined || !mayRepeat(input)) return NONE;
  const { backoff } = input.retries;
  const delay = backoffDelay({ base: backoff.baseMs, max: backoff.maxMs }, input.made, random);
  const asked = outcome.kind === 'response' ? askedDelay(outcome.head, input.wallMs) : 0;
  if (asked > LONGEST_RETRY_AFTER_MS) return NONE;
  return { kind: 'retry', cause, delayMs: Math.max(delay, asked) };
}

/** Once the application may have seen it: only the listed methods, or a request that carries the idempotency key. */
function mayRepeat(input: RetryInput): boolean {
  if (input.outcome.kind === 'failure' && input.outcome.failure.unprocessed) return true;
  if (input.retries.methods.includes(input.request.method)) return true;
  const key = input.retries.idempotencyKeyHeader;
  return key !== undefined && headerIndex(input.request.headers, key) !== -1;
}

/** Infinity: the server wants no other try. */
function askedDelay(head: ResponseHead, wallMs: number): number {
  const pushback = grpcPushback(head);
  return pushback === 'never' ? Number.POSITIVE_INFINITY : (pushback ?? retryAfterMs(head, wallMs));
}

/**
 * `5xx` means a response with such a status: what failed without one is named by the other conditions. A trailers-only gRPC answer counts as
 * the HTTP status that its own stands for (UNAVAILABLE as 503), so every condition and listed status means the same for both.
 */
function statusCause(head: ResponseHead, retries: Retries): RetryCondition | 'status' | undefined {
  const status = meantStatus(head);
  if (retries.statuses.includes(status)) return 'status';
  if (status >= 500 && status <= 599 && retries.on.includes('5xx')) return '5xx';
  const gateway = status === 502 || status === 503 || status === 504;
  return gateway && retries.on.includes('gateway-error') ? 'gateway-error' : undefined;
}

function failureCause(failure: Failure, retries: Retries): RetryCondition | undefined {
  const condition = conditionOf(failure);
  return condition !== undefined && retries.on.includes(condition) ? condition : undefined;
}

function conditionOf(failure: Failure): RetryCondition | undefined {
  switch (failure.reason) {
    case 'per_try_timeout':
      return 'per-try-timeout';
    case 'connect_failure':
    case 'connect_timeout':
    case 'app_connect_failure':
    case 'handshake_failed':
    case 'handshake_timeout':
      return 'connect-failure';
    case 'upstream_reset':
    case 'upstream_protocol':
      return failure.unprocessed ? 'refused-stream' : 'reset';
    default:
      return failure.unprocessed ? 'refused-stream' : undefined;
  }
}

/** RFC 9110 section 10.2.3: seconds or a date. 0: none asked for, or not readable. */
export function retryAfterMs(head: ResponseHead, wallMs: number): number {
  const value = headerValue(head.headers, 'retry-after');
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - wallMs);
}
