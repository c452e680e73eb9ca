import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { createMetrics } from '../base/metrics.ts';
import { until } from '../base/testing/wait.ts';
import type { Probe } from '../contract/bootstrap.ts';
import { createTestAuthority } from '../identity/testing/test-authority.ts';
import { startHealth } from './health.ts';
import { exportProcess, startMetricsPort } from './metrics-port.ts';
import { runProbe } from './probe.ts';
import { decodeStatus, encodeRequest } from './probe-grpc.ts';
import { createProbes } from './probes.ts';
import { createReadiness, type Readiness, type ReadinessSources } from './readiness.ts';
import { startTextServer, type TextServer } from './text-server.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function open(server: Server): Promise<number> {
  closing.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
function keep(server: TextServer): TextServer {
  closing.push(() => server.close());
  return server;
}

function get(
  port: number,
  path: string,
  method = 'GET',
): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    request.on('error', reject);
    request.end();
  });
}

describe('readiness', () => {
  function make(changes: Partial<Record<keyof ReadinessSources, unknown>> = {}): {
    readiness: Readiness;
    sources: Record<string, unknown>;
  } {
    const sources: Record<string, unknown> = {
      identity: undefined,
      configuration: undefined,
      listening: true,
      expired: false,
      ...changes,
    };
    const readiness = createReadiness({
      missingIdentity: () => sources['identity'] as string | undefined,
      missingConfiguration: () => sources['configuration'] as string | undefined,
      listening: () => sources['listening'] === true,
      expiredUnderStrict: () => sources['expired'] === true,
    });
    return { readiness, sources };
  }

  test('names everything that is missing, then latches', () => {
    const { readiness, sources } = make();
    Object.assign(sources, { identity: 'a certificate', configuration: 'the configuration', listening: false });
    expect(readiness.waitsFor()).toEqual(['the listeners', 'a certificate', 'the configuration']);
    expect(readiness.ready).toBe(false);
    Object.assign(sources, { identity: undefined, configuration: undefined, listening: true });
    expect(readiness.ready).toBe(true);
    Object.assign(sources, { identity: 'gone', configuration: 'gone' });
    expect([readiness.ready, readiness.waitsFor()]).toEqual([true, []]);
  });

  test('only drain and an expired certificate under Strict clear it; a new certificate brings it back, nothing ends a drain', () => {
    const { readiness, sources } = make();
    expect(readiness.ready).toBe(true);
    sources['expired'] = true;
    expect(readiness.ready).toBe(false);
    sources['expired'] = false;
    expect(readiness.ready).toBe(true);
    readiness.drain();
    expect([readiness.ready, readiness.draining]).toEqual([false, true]);
  });
});

describe('health port', () => {
  test('startup says what it waits for; ready and live; nothing else is there', async () => {
    let missing: string | undefined = 'a certificate (nothing listens there)';
    const readiness = createReadiness({
      missingIdentity: () => missing,
      missingConfiguration: () => undefined,
      listening: () => true,
      expiredUnderStrict: () => false,
    });
    const { port } = keep(await startHealth({ port: 0, readiness, probes: () => undefined }));
    expect(await get(port, '/startup')).toMatchObject({
      status: 503,
      body: 'waiting for a certificate (nothing listens there)\n',
    });
    expect((await get(port, '/ready')).status).toBe(503);
    expect((await get(port, '/live')).status).toBe(200);
    missing = undefined;
    expect((await get(port, '/startup?x')).status).toBe(200);
    expect((await get(port, '/ready')).body).toBe('ready\n');
    for (const path of ['/', '/constructor', '/__proto__', '/drain', '/configuration'])
      expect((await get(port, path)).status).toBe(404);
    expect((await get(port, '/ready', 'POST')).status).toBe(404);
    readiness.drain();
    expect(await get(port, '/ready')).toMatchObject({ status: 503, body: 'draining\n' });
    expect((await get(port, '/live')).status).toBe(200);
  });

  test('both families', async () => {
    const server = keep(await startTextServer({ name: 'x', port: 0, route: () => () => ({ status: 200, body: 'x' }) }));
    const socket = connect(server.port, '::1');
    closing.push(() => socket.destroy());
    await once(socket, 'connect');
  });

  test('oversized heads and bodies are cut, the next client is served', async () => {
    const server = keep(
      await startTextServer({ name: 'x', port: 0, route: () => () => ({ status: 200, body: 'fine' }) }),
    );
    for (const junk of [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'nonsense\r\n\r\n']) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(junk);
      await once(socket, 'close');
    }
    const large = connect(server.port, '127.0.0.1');
    large.on('error', () => {});
    large.resume();
    large.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n${'a'.repeat(4_000)}`);
    await once(large, 'close');
    expect((await get(server.port, '/')).body).toBe('fine');
  });

  test('who sends no whole head, or takes no answer, is cut; others are served meanwhile', async () => {
    const route = (_method: string, path: string) => () => ({
      status: 200,
      body: path === '/large' ? 'x'.repeat(32_000_000) : 'fine',
    });
    const server = keep(await startTextServer({ name: 'x', port: 0, slowClientMs: 200, route }));
    const slow = connect(server.port, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\nHo');
    slow.resume();
    const deaf = connect(server.port, '127.0.0.1');
    deaf.pause();
    deaf.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    for (const socket of [slow, deaf]) {
      socket.on('error', () => {});
      closing.push(() => socket.destroy());
    }
    expect((await get(server.port, '/')).body).toBe('fine');
    await once(slow, 'close');
    let cut = false;
    deaf.on('error', () => {
      cut = true;
    });
    await until('the deaf client is cut', () => {
      if (!cut) deaf.write('x');
      return cut;
    });
  });

  test('a handler that throws is a 500 without its text', async () => {
    const route = () => () => {
      throw new Error('secret');
    };
    const server = keep(await startTextServer({ name: 'x', port: 0, route }));
    expect(await get(server.port, '/')).toMatchObject({ status: 500, body: 'failed; see the log of the proxy\n' });
  });
});

const probe = (port: number, action: Probe['action'], timeoutSeconds = 1): Probe => ({
  path: '/probe/app/liveness',
  port,
  timeoutSeconds,
  action,
});
const options = { address: '127.0.0.1', clock: systemClock };
const http = (changes: Partial<Extract<Probe['action'], { kind: 'http' }>> = {}): Probe['action'] => ({
  kind: 'http',
  scheme: 'HTTP',
  path: '/health?full=1',
  headers: [],
  ...changes,
});

describe('probes of the application', () => {
  test.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [503, false],
  ])('http: %i is healthy: %s', async (status, healthy) => {
    const port = await open(
      createHttpServer((_request, response) => {
        response.writeHead(status, { location: 'http://elsewhere/' });
        response.end(status === 204 ? undefined : 'a body that nobody sees');
      }),
    );
    const result = await runProbe(probe(port, http()), options);
    expect(result).toEqual({ healthy, sentence: `the application answered ${status}` });
  });

  test('http: path, headers and Host as fixed at injection; a body without end does not hold it', async () => {
    const seen: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
    const port = await open(
      createHttpServer((request, response) => {
        seen.push({ url: request.url, headers: request.headers });
        response.writeHead(200);
        response.write('for ever');
      }),
    );
    await runProbe(probe(port, http()), options);
    await runProbe(
      probe(
        port,
        http({
          headers: [
            ['Host', 'shop.example'],
            ['X-Probe', '1'],
          ],
        }),
      ),
      options,
    );
    expect(seen).toMatchObject([
      {
        url: '/health?full=1',
        headers: { host: `127.0.0.1:${port}`, 'user-agent': 'kube-probe/heddle', connection: 'close' },
      },
      { url: '/health?full=1', headers: { host: 'shop.example', 'x-probe': '1' } },
    ]);
  });

  test('https: any certificate will do', async () => {
    const { keyPem, chainPem } = await (await createTestAuthority()).issue([{ type: 'dns', value: 'other' }]);
    const port = await open(createHttpsServer({ key: keyPem, cert: chainPem }, (_request, response) => response.end()));
    expect(await runProbe(probe(port, http({ scheme: 'HTTPS' })), options)).toMatchObject({ healthy: true });
  });

  test('tcp, and nothing there', async () => {
    const port = await open(createServer((socket) => socket.destroy()));
    expect((await runProbe(probe(port, { kind: 'tcp' }), options)).healthy).toBe(true);
    for (const action of [{ kind: 'tcp' }, http(), { kind: 'grpc', service: '' }] as const) {
      const result = await runProbe(probe(1, action), options);
      expect(result.healthy).toBe(false);
      expect(result.sentence).toMatch(/^127\.0\.0\.1:1: .*(refused|REFUSED)/);
    }
  });

  test('silence ends at the timeout', async () => {
    const port = await open(createServer(() => {}));
    const started = performance.now();
    const results = await Promise.all([
      runProbe(probe(port, http()), options),
      runProbe(probe(port, { kind: 'grpc', service: 'x' }), options),
    ]);
    expect(results.map((result) => result.healthy)).toEqual([false, false]);
    expect(results[0]?.sentence).toContain('no answer within 1000 ms');
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test.each([
    ['SERVING', '08 01', '0', true, 'the application says SERVING'],
    ['NOT_SERVING', '08 02', '0', false, 'the application says NOT_SERVING'],
    ['an empty message', '', '0', false, 'the application says UNKNOWN'],
    ['UNIMPLEMENTED', undefined, '12', false, 'the health service answered gRPC status 12'],
  ])('grpc: %s', async (_name, message, status, healthy, sentence) => {
    const asked: Buffer[] = [];
    const server = createHttp2Server();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('data', (chunk: Buffer) => void asked.push(chunk));
      if (message === undefined) {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status },
          { endStream: true },
        );
        return;
      }
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
        const body = Buffer.from(message.replaceAll(' ', ''), 'hex');
        stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]));
      });
    });
    const port = await open(server as unknown as Server);
    expect(await runProbe(probe(port, { kind: 'grpc', service: 'shop' }), options)).toEqual({ healthy, sentence });
    if (message !== undefined) expect(Buffer.concat(asked).toString('hex')).toBe('00000000060a0473686f70');
  });

  test('grpc bytes', () => {
    expect(encodeRequest('').toString('hex')).toBe('0000000000');
    expect(encodeRequest('s'.repeat(200)).subarray(0, 8).toString('hex')).toBe('00000000cb0ac801');
    for (const bad of ['', '00', '0100000000', '00000000020801ff', '000000000108', '00000000020881']) {
      expect(decodeStatus(Buffer.from(bad, 'hex'))).toBe(-1);
    }
  });

  test('one in flight each: whoever asks meanwhile hears the same answer', async () => {
    let runs = 0;
    let finish = (): void => {};
    const probes = createProbes({
      ...options,
      probes: [probe(1, { kind: 'tcp' }), { ...probe(2, { kind: 'tcp' }), path: '/probe/app/readiness' }],
      run: () => {
        runs++;
        return new Promise((resolve) => {
          finish = () => resolve({ healthy: true, sentence: 'fine' });
        });
      },
    });
    const handler = probes('/probe/app/liveness');
    const asked = [handler?.(), handler?.(), handler?.()];
    expect(runs).toBe(1);
    finish();
    expect(await Promise.all(asked)).toEqual(new Array(3).fill({ status: 200, body: 'fine\n' }));
    void handler?.();
    expect(runs).toBe(2);
    expect(probes('/probe/app/startup')).toBeUndefined();
    expect(probes('/probe/../ready')).toBeUndefined();
  });
});

describe('metrics port', () => {
  test('Prometheus text with the process in it', async () => {
    const metrics = createMetrics();
    exportProcess(metrics, Date.now);
    const { port } = keep(await startMetricsPort(0, metrics));
    const answer = await get(port, '/metrics');
    expect(answer.headers['content-type']).toContain('version=0.0.4');
    expect(Number(/^process_resident_memory_bytes (\d+)$/m.exec(answer.body)?.[1])).toBeGreaterThan(10_000_000);
    expect(Number(/^process_cpu_seconds_total ([\d.]+)$/m.exec(answer.body)?.[1])).toBeGreaterThan(0);
    expect((await get(port, '/')).status).toBe(404);
    await until('cpu grows', async () => (await get(port, '/metrics')).body !== answer.body);
  });
});
