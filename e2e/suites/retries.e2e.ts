import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sum } from '../../hack/mesh/metrics.ts';
import type { LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { meshPolicy, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-retries';
let mesh: Mesh;
let client: Tester;

interface Fetched {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly ms: number;
}

const fetchOnce = (url: string, order: object = {}): Promise<Fetched> =>
  client.ask<Fetched>('fetch', { url, ...order });

async function retriesSeen(): Promise<number> {
  const [pod] = await mesh.pods(NS, 'app=client');
  return sum(await mesh.metrics(pod!), 'heddle_retries_total', { destination_workload: 'web' });
}

async function policy(
  name: string,
  retries: object,
  timeouts: object = { request: '10s', perTry: '1s' },
): Promise<void> {
  await mesh.apply(
    meshPolicy(NS, 'web', {
      targetRefs: [{ kind: 'Service', name: 'web' }],
      defaults: { timeouts, retries },
      telemetry: { accessLog: 'All' },
    }),
  );
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
  process.stderr.write(`policy ${name} in force\n`);
}

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  // One pod, so that the application's own count of a key is the truth.
  await mesh.apply(...testerManifests(NS, 'client', { noService: true }), ...testerManifests(NS, 'web'));
  await mesh.available(NS);
  client = await mesh.tester(NS, 'client');
});

afterAll(() => mesh.removeNamespace(NS));

test('503 twice, then 200: the caller sees 200 and the metrics show the retries', async () => {
  await policy('5xx', {
    attempts: 3,
    retryOn: ['5xx'],
    idempotencyKeyHeader: 'idempotency-key',
    budget: { percent: 20, minPerSecond: 10 },
  });
  const before = await retriesSeen();
  const answer = await fetchOnce('http://web/flaky/a?fail=2');
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { times: 3 }]);
  expect((await retriesSeen()) - before).toBe(2);
});

test('a POST without the idempotency key sees its 503, and the application sees one call', async () => {
  const answer = await fetchOnce('http://web/flaky/post?fail=2', { method: 'POST', body: 'x' });
  expect(answer.status).toBe(503);
  expect(JSON.parse((await fetchOnce('http://web/seen/post')).body)).toEqual({ times: 1 });
});

test('a POST with the idempotency key is tried again, with its body', async () => {
  const answer = await fetchOnce('http://web/flaky/keyed?fail=2', {
    method: 'POST',
    body: 'x'.repeat(10_000),
    headers: { 'idempotency-key': 'k1' },
  });
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { times: 3 }]);
});

test('a 4xx and its body pass untouched', async () => {
  const answer = await fetchOnce('http://web/status/409?key=conflict');
  expect([answer.status, answer.body]).toEqual([409, '{"status":409}']);
  expect(answer.headers['x-heddle-reason']).toBeUndefined();
});

test('with the budget spent the caller sees the 503 of the application', async () => {
  await policy('small budget', { attempts: 3, retryOn: ['5xx'], budget: { percent: 0, minPerSecond: 1 } });
  const result = await client.ask<LoadResult>('load', {
    url: 'http://web/status/503?key=spent',
    count: 200,
    concurrency: 4,
  });
  expect(result.byStatus).toEqual({ '503': 200 });
  const seen = JSON.parse((await fetchOnce('http://web/seen/spent')).body) as { times: number };
  // Ten retries in ten seconds at one a second; a second window may have begun.
  expect(seen.times - 200).toBeGreaterThanOrEqual(5);
  expect(seen.times - 200).toBeLessThanOrEqual(20);
});

test('the request timeout ends at its time with 504 and the reason', async () => {
  await policy('timeouts', { attempts: 0 }, { request: '700ms' });
  const answer = await fetchOnce('http://web/slow?ms=5000');
  expect([answer.status, answer.headers['x-heddle-reason']]).toEqual([504, 'request_timeout']);
  expect(answer.ms).toBeGreaterThanOrEqual(690);
  expect(answer.ms).toBeLessThan(1500);
});

test('the per-try timeout ends a try, and retries follow until they are used up', async () => {
  await policy('per try', { attempts: 1, retryOn: ['per-try-timeout'] }, { request: '10s', perTry: '400ms' });
  const answer = await fetchOnce('http://web/slow?ms=5000');
  expect([answer.status, answer.headers['x-heddle-reason']]).toEqual([504, 'per_try_timeout']);
  expect(answer.ms).toBeGreaterThanOrEqual(790);
  expect(answer.ms).toBeLessThan(2500);
});
