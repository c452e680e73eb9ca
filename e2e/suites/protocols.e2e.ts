import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { V1Pod } from '@kubernetes/client-node';
import { eventually } from '../../hack/mesh/kubectl.ts';
import type { LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { CONTAINER } from '../../proxy/contract/bootstrap.ts';
import { permissive, serviceManifest, strict, testerManifests } from '../harness/manifests.ts';
import { addressOf, type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-protocols';
const OFF = 'e2e-protocols-off';
let mesh: Mesh;
let client: Tester;
let outside: Tester;
let web: V1Pod;

interface Exchanged {
  readonly received: string;
  readonly ended: boolean;
  readonly error?: string;
  readonly firstByteMs?: number;
}

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.namespace(OFF, {});
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(NS, 'web'),
    serviceManifest(NS, 'web-headless', { clusterIP: 'None', selector: { app: 'web' } }),
    ...testerManifests(OFF, 'client', { noService: true }),
    strict(NS),
  );
  await mesh.available(NS);
  await mesh.available(OFF);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  client = await mesh.tester(NS, 'client');
  outside = await mesh.tester(OFF, 'client');
  [web] = (await mesh.pods(NS, 'app=web')) as [V1Pod];
});

afterAll(async () => {
  await mesh.removeNamespace(NS);
  await mesh.removeNamespace(OFF);
});

const tcp = (from: Tester, order: object): Promise<Exchanged> => from.ask<Exchanged>('tcp', order);
const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

describe('raw TCP', () => {
  test('client first, with half-close both ways', async () => {
    const answer = await tcp(client, { host: 'web', port: 9000, send: 'ping', end: true });
    expect(answer).toMatchObject({ received: 'ping', ended: true });
  });

  test('server first under Strict, meshed client', async () => {
    const answer = await tcp(client, { host: 'web', port: 9001, send: 'HELO', listenFirst: true, waitMs: 1500 });
    expect(answer.received).toMatch(/^220 .*ready\r\nHELO$/);
    process.stderr.write(`figure: first byte of a server-first protocol, meshed: ${answer.firstByteMs} ms\n`);
  });

  test('server first under Strict, client without the mesh: refused, nothing leaks', async () => {
    const answer = await tcp(outside, { host: `web.${NS}`, port: 9001, waitMs: 12_000 });
    expect(answer.received).toBe('');
  });

  test('server first under Permissive, both clients', async () => {
    await mesh.apply(permissive(NS));
    await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
    for (const [from, host] of [
      [client, 'web'],
      [outside, `web.${NS}`],
    ] as const) {
      const answer = await tcp(from, { host, port: 9001, send: 'HELO', listenFirst: true, waitMs: 2000 });
      expect(answer.received).toMatch(/^220 .*ready\r\nHELO$/);
    }
    await mesh.apply(strict(NS));
    await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  });
});

test('a WebSocket conversation is echoed and closed', async () => {
  const messages = ['one', 'two', 'three'];
  expect(await client.ask('websocket', { url: 'http://web/ws', messages })).toEqual({ status: 101, echoed: messages });
});

test('headless names and pod addresses reach exactly that pod, over mutual TLS (the namespace is Strict)', async () => {
  for (const host of ['web-headless:8080', `${addressOf(web)}:8080`]) {
    const answer = await client.ask<{ status: number; body: string }>('fetch', { url: `http://${host}/whoami` });
    expect([answer.status, JSON.parse(answer.body).pod]).toEqual([200, web.metadata?.name]);
  }
});

test('a pod that calls its own Service is served', async () => {
  const self = await mesh.tester(NS, 'web');
  const answer = await self.ask<{ status: number }>('fetch', { url: 'http://web/whoami' });
  expect(answer.status).toBe(200);
});

test.each(['up', 'down'] as const)('1 GiB %s arrives whole and the proxies stay flat', async (direction) => {
  const bytes = 2 ** 30;
  const pids = await Promise.all([
    mesh.pid(NS, (await mesh.pods(NS, 'app=client'))[0]!.metadata!.name!, CONTAINER.proxy),
    mesh.pid(NS, web.metadata!.name!, CONTAINER.proxy),
  ]);
  const samples: number[][] = [pids.map(memoryOf)];
  const watch = setInterval(() => samples.push(pids.map(memoryOf)), 100);
  const url = direction === 'up' ? 'http://web/upload' : `http://web/download?bytes=${bytes}`;
  const moved = await client
    .ask<{ status: number; bytes: number; sha256: string; answer: string; ms: number }>(
      'transfer',
      { url, direction, bytes },
      150_000,
    )
    .finally(() => clearInterval(watch));
  expect([moved.status, moved.bytes]).toEqual([200, bytes]);
  if (direction === 'up') expect(JSON.parse(moved.answer)).toEqual({ bytes, sha256: moved.sha256 });
  const first = samples[0]!;
  const most = pids.map((_, one) => Math.max(...samples.map((sample) => sample[one]!)));
  const said = pids.map((_, one) => `${first[one]!.toFixed(0)} to ${most[one]!.toFixed(0)} MiB`);
  process.stderr.write(
    `figure: 1 GiB ${direction} in ${moved.ms} ms, resident before and at most: client ${said[0]}, server ${said[1]}\n`,
  );
  for (const one of pids.keys()) expect(most[one]! - first[one]!).toBeLessThan(32);
});

test('1,000 slow connections are all answered', async () => {
  const result = await client.ask<{ answered: number; failed: number; samples: string[] }>('slow-connections', {
    host: 'web',
    port: 80,
    path: '/whoami',
    count: 1000,
    spreadMs: 3000,
  });
  expect(result).toEqual({ answered: 1000, failed: 0, samples: [] });
});

test('malformed, oversized and doubly framed heads get their status and disturb nobody', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['GET / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\nHost: web\r\nBad Header: x\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\nHost: web\r\nHost: other\r\n\r\n', '400'],
    [`GET / HTTP/1.1\r\nHost: web\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`, '431'],
  ];
  const good = client.ask<LoadResult>('load', {
    url: 'http://web/whoami',
    count: 500,
    concurrency: 2,
  });
  for (const [send, status] of cases) {
    const answer = await tcp(client, { host: 'web', port: 80, send, waitMs: 3000 });
    expect(answer.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.received.toLowerCase()).toContain('x-heddle-reason: ');
  }
  const { byStatus, reasons, errorSamples } = await good;
  expect({ byStatus, reasons, errorSamples }).toEqual({ byStatus: { '200': 500 }, reasons: {}, errorSamples: [] });
});

test('a head that never ends gets 408', async () => {
  const answer = await tcp(client, { host: 'web', port: 80, send: 'GET / HTTP/1.1\r\nHost: we', waitMs: 40_000 });
  expect(answer.received).toMatch(/^HTTP\/1\.1 408 /);
});

test('addresses outside of the cluster pass through untouched', async () => {
  // The node itself: inside the machine, outside of the mesh.
  const answer = await eventually('the API server answers', () =>
    tcp(client, { host: 'kubernetes.default', port: 443, send: 'GET / HTTP/1.1\r\n\r\n', waitMs: 2000 }),
  );
  expect(answer.received).toContain('400');
});
