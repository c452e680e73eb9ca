import { expect, test } from '@jest/globals';
import { createLog } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { Cell } from '../base/watch.ts';
import type { AccessLogMode } from '../contract/snapshot.ts';
import { AccessLimit, type AccessRecord, isWorthLogging, writeAccess } from './access-log.ts';
import { createTrafficMetrics, exportCertificateExpiry, PeerMetricsTable } from './metrics.ts';

test.each<[AccessLogMode, number, string, number, boolean]>([
  ['Errors', 200, '', 10, false],
  ['Errors', 404, '', 10, false],
  ['Errors', 503, '', 10, true],
  ['Errors', 404, 'no_route', 10, true],
  ['Errors', 200, '', 1_000, true],
  ['Errors', 101, '', 60_000, false],
  ['All', 200, '', 10, true],
  ['Off', 503, 'unauthorized', 9_999, false],
])('%s: status %i, reason "%s", %i ms: logged %s', (mode, status, reason, ms, expected) => {
  expect(isWorthLogging(mode, status, reason, ms, 1_000)).toBe(expected);
});

const RECORD: AccessRecord = {
  direction: 'outbound',
  method: 'GET',
  path: '/x',
  authority: 'a',
  status: 503,
  reason: 'no_endpoints',
  detail: 'none',
  durationMs: 1.23456,
  attempts: 1,
  source: 'shop/order',
  destination: 'shop/payment:80',
  endpoint: '',
  route: '',
  traceId: '',
  requestBytes: 12,
  responseBytes: 34,
};

test('an access line is one JSON object, whatever the client sent, and bounded', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line), wall: () => 0 });
  writeAccess(log, { ...RECORD, path: `/"\n{${'a'.repeat(100_000)}`, attempts: 3 });
  expect(lines).toHaveLength(1);
  expect(lines[0]!.length).toBeLessThan(1_500);
  expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1);
  const line = JSON.parse(lines[0]!);
  expect(line).toMatchObject({ log: 'access', status: 503, reason: 'no_endpoints', durationMs: 1.235, attempts: 3 });
  expect(line).toMatchObject({ requestBytes: 12, responseBytes: 34 });
  expect(line).not.toHaveProperty('endpoint');
});

test('control characters of any kind are escaped: no terminal acts on them, no line is split', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line), wall: () => 0 });
  const path = '/\x1b[31m\u009b31m\x7f\u2028\u202e\r\n"}';
  writeAccess(log, { ...RECORD, path });
  expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(lines[0]!).path).toBe(path);
});

test('lines of errors are bounded: 500 at once, 100 a second, the dropped ones counted and said; All is not', () => {
  const clock = new FakeClock();
  let counted = 0;
  const limit = new AccessLimit(clock, () => {
    counted++;
  });
  const written = (times: number): number => Array.from({ length: times }, () => limit.allows()).filter(Boolean).length;
  expect(written(600)).toBe(500);
  expect([counted, limit.takeDropped(), limit.takeDropped()]).toEqual([100, 100, undefined]);
  clock.advance(1_000);
  expect(written(200)).toBe(100);
  expect(limit.allows('All')).toBe(true);
  clock.advance(60_000);
  expect(written(600)).toBe(500);
});

test('requests count by peers, code and reason, and durations in seconds', () => {
  const metrics = createMetrics();
  const table = new PeerMetricsTable(createTrafficMetrics(metrics), 'inbound', {
    workload: 'payment',
    namespace: 'shop',
  });
  for (let count = 0; count < 3; count++) table.of('order', 'shop').request(200, '', 20);
  table.of('order', 'shop').request(403, 'unauthorized', 1);
  table.of('order', 'shop').tcp('', 10, 20);
  const peers =
    'direction="inbound",source_workload="order",source_namespace="shop",destination_workload="payment",destination_namespace="shop"';
  const text = metrics.text();
  expect(text).toContain(`heddle_requests_total{${peers},code="200",reason="",grpc_status=""} 3\n`);
  expect(text).toContain(`heddle_requests_total{${peers},code="403",reason="unauthorized",grpc_status=""} 1\n`);
  expect(text).toContain(`heddle_request_duration_seconds_bucket{${peers},le="0.025"} 4\n`);
  expect(text).toContain(`heddle_request_duration_seconds_bucket{${peers},le="0.001"} 1\n`);
  expect(text).toContain(`heddle_tcp_bytes_total{${peers},flow="received"} 20\n`);
});

test('gRPC requests count by their status too; an application that invents pairs of statuses fills no table', () => {
  const metrics = createMetrics();
  const peer = new PeerMetricsTable(createTrafficMetrics(metrics), 'outbound', { workload: 'a', namespace: 'n' }).of(
    'b',
    'n',
  );
  peer.request(200, '', 1);
  for (let count = 0; count < 2; count++) peer.request(200, '', 1, 0);
  peer.request(200, '', 1, 14);
  peer.request(200, '', 1, 'unknown');
  peer.request(503, 'no_endpoints', 1, 14);
  peer.request(404, '', 1, 'unknown');
  const of = (labels: string): string | undefined =>
    metrics
      .text()
      .split('\n')
      .find((line) => line.startsWith('heddle_requests_total') && line.includes(labels));
  const counted = (labels: string): number => Number(of(labels)?.split(' ').at(-1) ?? 0);
  expect(counted('code="200",reason="",grpc_status=""}')).toBe(1);
  expect(counted('code="200",reason="",grpc_status="0"}')).toBe(2);
  expect(counted('code="200",reason="",grpc_status="14"}')).toBe(1);
  expect(counted('code="200",reason="",grpc_status="unknown"}')).toBe(1);
  expect(counted('code="503",reason="no_endpoints",grpc_status="14"}')).toBe(1);
  expect(counted('code="404",reason="",grpc_status="unknown"}')).toBe(1);
  for (let status = 400; status < 1_000; status++) peer.request(status, '', 1, status % 17);
  peer.request(200, '', 1, 0);
  peer.request(404, '', 1, 'unknown');
  expect(counted('code="200",reason="",grpc_status="0"}')).toBe(3);
  expect(counted('code="404",reason="",grpc_status="unknown"}')).toBe(2);
});

test('the access line of a gRPC call names its status, that of others does not', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line), wall: () => 0 });
  for (const grpcStatus of [0, 14, 'unknown', undefined] as const) writeAccess(log, { ...RECORD, grpcStatus });
  expect(lines.map((line) => JSON.parse(line).grpcStatus)).toEqual([0, 14, 'unknown', undefined]);
  expect(lines[3]).not.toContain('grpcStatus');
});

test('series survive the eviction of idle ones', () => {
  const metrics = createMetrics({ idleSweeps: 1 });
  const peer = new PeerMetricsTable(createTrafficMetrics(metrics), 'outbound', { workload: 'a', namespace: 'n' }).of(
    'b',
    'n',
  );
  peer.request(200, '', 1);
  for (let count = 0; count < 3; count++) metrics.sweep();
  expect(metrics.text()).not.toContain('code="200"');
  peer.request(200, '', 1);
  expect(metrics.text()).toContain('code="200",reason="",grpc_status=""} 1\n');
});

test('the expiry of the certificate follows the credentials', () => {
  const metrics = createMetrics();
  const credentials = new Cell<{ notAfter: number } | undefined>(undefined);
  exportCertificateExpiry(metrics, credentials);
  expect(metrics.text()).toContain('heddle_certificate_expiry_seconds 0\n');
  credentials.set({ notAfter: 1_800_000_000_123 });
  expect(metrics.text()).toContain('heddle_certificate_expiry_seconds 1800000000\n');
});
