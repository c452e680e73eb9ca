import { expect, test } from '@jest/globals';
import type { Retries } from '../contract/snapshot.ts';
import type { Failure, RequestHead } from '../http/message.ts';
import { requestHead, responseHead } from '../http/testing/heads.ts';
import { NO_RETRIES } from '../inbound/testing/configuration.ts';
import { decideRetry, type Outcome, type RetryInput } from './retry.ts';

const request = (method: string, headers: string[] = []): RequestHead => requestHead({ method, headers });
const response = (status: number, headers: string[] = []): Outcome => ({
  kind: 'response',
  head: responseHead({ status, headers }),
});
const failure = (reason: Failure['reason'], unprocessed = false): Outcome => ({
  kind: 'failure',
  failure: { reason, unprocessed, detail: '' },
});
const all: Retries = {
  ...NO_RETRIES,
  attempts: 3,
  on: ['5xx', 'gateway-error', 'reset', 'connect-failure', 'refused-stream', 'per-try-timeout'],
  idempotencyKeyHeader: 'idempotency-key',
  backoff: { baseMs: 100, maxMs: 1_000 },
};
const input = (changes: Partial<RetryInput>): RetryInput => ({
  request: request('GET'),
  retries: all,
  made: 0,
  redispatched: false,
  repeatable: true,
  outcome: response(503),
  wallMs: 0,
  ...changes,
});
const kind = (changes: Partial<RetryInput>) => {
  const decision = decideRetry(input(changes), () => 0.5);
  return decision.kind === 'none' ? 'none' : `${decision.kind}:${decision.cause}`;
};

test.each<[string, Partial<RetryInput>, string]>([
  ['503 on 5xx', {}, 'retry:5xx'],
  ['200', { outcome: response(200) }, 'none'],
  ['404 is passed on', { outcome: response(404) }, 'none'],
  ['404 listed by number', { outcome: response(404), retries: { ...all, statuses: [404] } }, 'retry:status'],
  ['501 is no gateway error', { outcome: response(501), retries: { ...all, on: ['gateway-error'] } }, 'none'],
  ['504 is one', { outcome: response(504), retries: { ...all, on: ['gateway-error'] } }, 'retry:gateway-error'],
  ['POST without key', { request: request('POST') }, 'none'],
  ['POST with key', { request: request('POST', ['idempotency-key', '1']) }, 'retry:5xx'],
  ['POST listed', { request: request('POST'), retries: { ...all, methods: ['POST'] } }, 'retry:5xx'],
  ['attempts used up', { made: 3 }, 'none'],
  ['body gone', { repeatable: false }, 'none'],
  ['reset', { outcome: failure('upstream_reset') }, 'retry:reset'],
  ['reset not asked for', { outcome: failure('upstream_reset'), retries: { ...all, on: ['5xx'] } }, 'none'],
  ['POST reset', { outcome: failure('upstream_reset'), request: request('POST') }, 'none'],
  ['per try', { outcome: failure('per_try_timeout') }, 'retry:per-try-timeout'],
  [
    'identity mismatch is final after the redispatch',
    { outcome: failure('identity_mismatch', false), redispatched: true },
    'none',
  ],
  [
    'unprocessed POST without any retries',
    { outcome: failure('upstream_reset', true), request: request('POST'), retries: NO_RETRIES },
    'redispatch:upstream_reset',
  ],
  [
    'only once',
    { outcome: failure('upstream_reset', true), request: request('POST'), retries: NO_RETRIES, redispatched: true },
    'none',
  ],
  [
    'then as configured, whatever the method',
    { outcome: failure('connect_failure', true), request: request('POST'), redispatched: true },
    'retry:connect-failure',
  ],
  ['refused stream', { outcome: failure('upstream_reset', true), redispatched: true }, 'retry:refused-stream'],
  ['the client left', { outcome: failure('client_closed') }, 'none'],
  ['the server asks for two seconds', { outcome: response(503, ['retry-after', '2']) }, 'retry:5xx'],
  ['the server asks for an hour', { outcome: response(503, ['retry-after', '3600']) }, 'none'],
])('%s', (_name, changes, expected) => {
  expect(kind(changes)).toBe(expected);
});

test('the delay has full jitter, doubles, and honours Retry-After', () => {
  const delay = (changes: Partial<RetryInput>, random = 0.5) => {
    const decision = decideRetry(input(changes), () => random);
    return decision.kind === 'retry' ? decision.delayMs : -1;
  };
  expect(delay({}, 0)).toBe(0);
  expect(delay({}, 0.5)).toBe(50);
  expect(delay({ made: 2 }, 0.5)).toBe(200);
  expect(
    delay({ made: 2, retries: { ...all, attempts: 9, backoff: { baseMs: 100, maxMs: 150 } } }, 0.999),
  ).toBeLessThan(150);
  expect(delay({ outcome: response(503, ['retry-after', '2']) })).toBe(2_000);
  expect(delay({ outcome: response(503, ['retry-after', 'Thu, 01 Jan 1970 00:00:03 GMT']), wallMs: 1_000 })).toBe(
    2_000,
  );
  expect(delay({ outcome: response(503, ['retry-after', 'soon']) })).toBe(50);
});
