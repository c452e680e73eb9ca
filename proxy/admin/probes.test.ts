import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import type { Probe } from '../contract/bootstrap.ts';
import { createTestAuthority } from '../identity/testing/test-authority.ts';
import { runProbe } from './probe.ts';
import { decodeStatus, encodeRequest } from './probe-grpc.ts';
import { createProbes } from './probes.ts';

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
