import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createMetrics } from '../base/metrics.ts';
import { until } from '../base/testing/wait.ts';
import { startHealth } from './health.ts';
import { exportProcess, startMetricsPort } from './metrics-port.ts';
import { createReadiness, type Readiness, type ReadinessSources } from './readiness.ts';
import { startTextServer, type TextServer } from './text-server.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

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

/** `once` would take a reset for a failure of the test. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.once('close', () => resolve()));

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
      await closed(socket);
    }
    const large = connect(server.port, '127.0.0.1');
    large.on('error', () => {});
    large.resume();
    large.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n${'a'.repeat(4_000)}`);
    await closed(large);
    expect((await get(server.port, '/')).body).toBe('fine');
  });

  test('who sends no whole head, or takes no answer, is cut; others are served meanwhile', async () => {
    const route = (_method: string, path: string) => () => ({
      status: 200,
      body: path === '/large' ? 'x'.repeat(32_000_000) : 'fine',
    });
    // Not much shorter: making and writing 32 MB takes some 500 ms where the cores are shared, and then the honest client is too slow.
    const server = keep(await startTextServer({ name: 'x', port: 0, slowClientMs: 1_500, route }));
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
    await closed(slow);
    let cut = false;
    deaf.on('error', () => {
      cut = true;
    });
    await until(
      'the deaf client is cut',
      () => {
        if (!cut) deaf.write('x');
        return cut;
      },
      30_000,
    );
  });

  test('one address cannot take all connections: the kubelet is served whoever else comes', async () => {
    const route = () => () => ({ status: 200, body: 'fine' });
    const server = keep(await startTextServer({ name: 'x', port: 0, route }));
    let [connected, cut] = [0, 0];
    const idle = Array.from({ length: 300 }, () => {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      socket.on('connect', () => connected++).on('error', () => {});
      socket.on('close', () => cut++).resume();
      closing.push(() => socket.destroy());
      return socket;
    });
    await until('all to be connected or cut', () => connected + cut >= 300 && cut >= 300 - 64);
    expect((await get(server.port, '/')).body).toBe('fine');
    expect(cut).toBe(300 - 64);
    // What one gives back it may have again.
    for (const socket of idle) socket.destroy();
    await until('a connection again', async () => {
      const again = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      closing.push(() => again.destroy());
      again.on('error', () => {});
      again.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      let text = '';
      again.on('data', (piece) => {
        text += String(piece);
      });
      await closed(again);
      return text.endsWith('fine');
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
