import { describe, expect, test } from '@jest/globals';
import { REASONS, type Reason } from '../contract/reasons.ts';
import { requestHead, responseHead } from '../http/h2/testing/messages.ts';
import type { RequestHead, ResponseHead } from '../http/message.ts';
import {
  endStatus,
  FirstMessage,
  grpcMessage,
  grpcPushback,
  grpcStatusIn,
  grpcStatusOf,
  grpcTimeoutMs,
  grpcTimeoutText,
  isGrpc,
  meantStatus,
} from './grpc.ts';
import { GrpcAnswer } from './grpc-answer.ts';
import { ownMessage } from './own-response.ts';

const grpc = (...headers: string[]): RequestHead =>
  requestHead({ method: 'POST', headers: ['host', 'a', 'content-type', 'application/grpc', ...headers] });

test.each([
  ['application/grpc', 20, true],
  ['application/grpc+proto', 20, true],
  ['application/grpc;charset=x', 20, true],
  ['application/grpc-web', 20, false],
  ['application/grpcx', 20, false],
  ['application/json', 20, false],
  ['application/grpc', 11, false],
] as const)('%s in HTTP version %d is gRPC: %s', (type, version, expected) => {
  expect(isGrpc({ version, headers: ['content-type', type] })).toBe(expected);
});

describe('grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['99999999m', 99_999_999],
    ['5u', 0.005],
    ['1000000n', 1],
    ['123456789m', undefined],
    ['1', undefined],
    ['-1S', undefined],
    ['1.5S', undefined],
    ['S', undefined],
    ['1s', undefined],
  ])('%s is %s ms', (text, ms) => {
    expect(grpcTimeoutMs(grpc('grpc-timeout', text))).toBe(ms);
  });

  test.each([
    [0, '1u'],
    [-5, '1u'],
    [0.5, '500u'],
    [1_500.25, '1500250u'],
    [99_998.9, '99998900u'],
    [120_000, '120000m'],
    [100_000_000, '100000S'],
  ])('%s ms is written %s, never more', (ms, text) => {
    expect(grpcTimeoutText(ms)).toBe(text);
    expect(grpcTimeoutMs(grpc('grpc-timeout', text))!).toBeLessThanOrEqual(Math.max(ms, 0.001));
  });
});

test.each([
  ['trailers-only UNAVAILABLE', { headers: ['grpc-status', '14'], framing: 'none' }, 503],
  ['trailers-only RESOURCE_EXHAUSTED', { headers: ['grpc-status', '8'], framing: 'none' }, 429],
  ['trailers-only NOT_FOUND', { headers: ['grpc-status', '5'], framing: 'none' }, 404],
  ['OK', { headers: ['grpc-status', '0'], framing: 'none' }, 200],
  ['an unknown status', { headers: ['grpc-status', '99'], framing: 'none' }, 500],
  ['not a number', { headers: ['grpc-status', 'x'], framing: 'none' }, 200],
  ['a head before messages', { headers: ['grpc-status', '14'], framing: 'chunked' }, 200],
  ['an HTTP error', { status: 503, framing: 'none' }, 503],
  ['HTTP/1.1', { version: 11, headers: ['grpc-status', '14'], framing: 'none' }, 200],
] as const)('%s counts as %s', (_name, changes, status) => {
  const headers = 'headers' in changes ? [...changes.headers] : [];
  expect(meantStatus(responseHead({ ...changes, headers } as Partial<ResponseHead>))).toBe(status);
});

test.each([
  [['grpc-status', '0'], 0],
  [['grpc-message', 'x', 'grpc-status', '16'], 16],
  [['grpc-status', '17'], 'unknown'],
  [['grpc-status', '-1'], 'unknown'],
  [['grpc-status', '0x1'], 'unknown'],
  [['grpc-status', ''], 'unknown'],
  [['grpc-status', '100000000000000000000'], 'unknown'],
  [['x', 'y'], 'unknown'],
  [undefined, 'unknown'],
] as const)('the status in %j is %s', (fields, status) => {
  expect(grpcStatusIn(fields === undefined ? undefined : [...fields])).toBe(status);
});

test.each([
  [200, undefined, 200],
  [200, 0, 200],
  [200, 5, 404],
  [200, 14, 503],
  [200, 13, 500],
  // Clients make UNKNOWN of an answer without a status.
  [200, 'unknown', 500],
  [404, 'unknown', 404],
  [503, 7, 503],
] as const)('HTTP %d with gRPC status %s ended as %d', (http, grpcStatus, status) => {
  expect(endStatus(http, grpcStatus)).toBe(status);
});

describe('the status of an answer', () => {
  const head = (framing: ResponseHead['framing'], ...headers: string[]): ResponseHead =>
    responseHead({ framing, headers });

  test('is in the trailers, or in a head that is the whole answer', () => {
    const messages = new GrpcAnswer();
    messages.answered(head('chunked', 'grpc-status', '3'));
    expect(messages.status).toBe('unknown');
    messages.ended(['grpc-status', '5']);
    expect(messages.status).toBe(5);
    const trailersOnly = new GrpcAnswer();
    trailersOnly.answered(head('none', 'grpc-status', '7'));
    trailersOnly.ended(undefined);
    expect(trailersOnly.status).toBe(7);
  });

  test('is unknown when the application says none, and ours when we answer', () => {
    const silent = new GrpcAnswer();
    silent.answered(head('chunked'));
    silent.ended(undefined);
    expect(silent.status).toBe('unknown');
    silent.refused('no_endpoints');
    expect(silent.status).toBe(14);
  });
});

test('gRFC A6: pushback', () => {
  const head = (value: string): ResponseHead => responseHead({ headers: ['grpc-retry-pushback-ms', value] });
  expect(grpcPushback(head('250'))).toBe(250);
  expect(grpcPushback(head('-1'))).toBe('never');
  expect(grpcPushback(responseHead())).toBeUndefined();
});

describe('own answers', () => {
  test.each([
    ['no_endpoints', 14],
    ['upstream_reset', 14],
    ['config_pending', 14],
    ['request_timeout', 4],
    ['per_try_timeout', 4],
    ['unauthorized', 7],
    ['overloaded', 8],
    ['no_route', 12],
    ['malformed_request', 13],
  ] as const)('%s is status %d', (reason, status) => {
    const { head, body } = ownMessage(grpc(), { status: 503, reason, text: 'why' });
    expect(head).toMatchObject({ status: 200, framing: 'none', version: 20 });
    expect(head.headers).toEqual([
      'content-type',
      'application/grpc',
      'grpc-status',
      String(status),
      'grpc-message',
      `heddle: ${reason}: ${REASONS[reason]}: why`,
      'x-heddle-reason',
      reason,
    ]);
    expect(body).toHaveLength(0);
  });

  test('every reason has a status that clients know', () => {
    for (const reason of Object.keys(REASONS)) {
      expect(grpcStatusOf(reason as Reason)).toBeGreaterThan(0);
      expect(grpcStatusOf(reason as Reason)).toBeLessThan(17);
    }
  });

  test('other requests get text, gRPC-Web included', () => {
    const web = requestHead({ headers: ['content-type', 'application/grpc-web'] });
    expect(ownMessage(web, { status: 503, reason: 'no_endpoints', text: '' }).head.status).toBe(503);
  });
});

test('grpc-message is percent-encoded UTF-8, bounded, and a field value', () => {
  expect(grpcMessage(' 100 %\nü ')).toBe('100 %25%0A%C3%BC');
  expect(grpcMessage('x'.repeat(5_000))).toHaveLength(1_024);
});

test('the end of the first message is found wherever the bytes are cut', () => {
  const message = Buffer.concat([Buffer.from([0, 0, 0, 1, 0]), Buffer.alloc(256, 7)]);
  for (let at = 0; at <= message.length; at++) {
    const first = new FirstMessage();
    const early = at > 0 && first.completes(message, 0, at);
    expect(early).toBe(at === message.length);
    if (!early) expect(first.completes(message, at, message.length)).toBe(true);
    expect(first.completes(message, 0, message.length)).toBe(false);
  }
  expect(new FirstMessage().completes(Buffer.alloc(5), 0, 5)).toBe(true);
});
