import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { requestDrain } from './admin/drain-command.ts';
import { type App, createApp } from './app.ts';
import { systemClock } from './base/clock.ts';
import { silentLog } from './base/log.ts';
import { until } from './base/testing/wait.ts';
import type { ProxyMessage } from './contract/stream.ts';
import { service, workload } from './contract/testing/configurations.ts';
import { encodeFrame, FrameReader } from './control/frames.ts';
import { readEnvironment } from './environment.ts';
import { type FakeOperator, OPERATOR_IDENTITY, startFakeOperator } from './identity/testing/fake-operator.ts';
import { createTestAuthority, type TestAuthority } from './identity/testing/test-authority.ts';
import { PROXY_VERSION } from './version.ts';

let directory = '';
let authority: TestAuthority;
const apps: App[] = [];
const operators: FakeOperator[] = [];
const servers: Server[] = [];
let count = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'heddle-app-'));
  authority = await createTestAuthority();
  writeFileSync(join(directory, 'token'), 'token');
  writeFileSync(join(directory, 'bundle.pem'), authority.rootPem);
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
  for (const operator of operators.splice(0)) await operator.close();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});
afterAll(() => rmSync(directory, { recursive: true }));

function variables(control: string, changes: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    HEDDLE_POD_NAME: 'payment-v1-abc',
    HEDDLE_POD_NAMESPACE: 'shop',
    HEDDLE_POD_UID: 'uid-1',
    HEDDLE_POD_IPS: '127.0.0.5',
    HEDDLE_SERVICE_ACCOUNT: 'payment',
    HEDDLE_WORKLOAD: 'payment-v1',
    HEDDLE_TRUST_DOMAIN: 'cluster.local',
    HEDDLE_CONTROL: control,
    HEDDLE_STATE_DIRECTORY: join(directory, `state-${count++}`),
    HEDDLE_TOKEN_FILE: join(directory, 'token'),
    HEDDLE_TRUST_BUNDLE_FILE: join(directory, 'bundle.pem'),
    ...changes,
  };
}

/** `original`: where the outbound listener believes its connections went. */
async function launch(env: Record<string, string>, original?: { address: string; port: number }): Promise<App> {
  const app = createApp({
    environment: readEnvironment(env),
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    ports: { outbound: 0, inbound: 0, admin: 0, health: 0, metrics: 0 },
    originalDestination: (socket) => ({
      address: '127.0.0.1',
      port: socket.localPort ?? 0,
      redirected: original !== undefined,
      ...original,
    }),
  });
  apps.push(app);
  await app.start();
  return app;
}

async function get(
  port: number | undefined,
  path: string,
  method = 'GET',
): Promise<{ status: number; body: string; reason: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, method, agent: false }, resolve).on('error', reject).end();
  });
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, body, reason: String(response.headers['x-heddle-reason'] ?? '') };
}

/** An operator that greets, sends the workload, and answers each subscription. */
async function operate(received: ProxyMessage[], port = 0): Promise<FakeOperator> {
  const operator = await startFakeOperator({
    authority,
    port,
    onStream(stream: ServerHttp2Stream) {
      stream.respond({ ':status': 200 });
      const reader = new FrameReader();
      let seq = 0;
      const update = (key: string, content: object): void => {
        stream.write(
          encodeFrame({ type: 'update', seq: ++seq, key, version: 'v1', provenance: [], mustUnderstand: [], content }),
        );
      };
      stream.on('data', (chunk: Buffer) =>
        reader.push(chunk, (raw) => {
          const message = raw as ProxyMessage;
          received.push(message);
          if (message.type === 'hello') {
            stream.write(encodeFrame({ type: 'welcome', operator: 'fake' }));
            const set = { '127.0.0.9': 'service/shop/payment' };
            stream.write(encodeFrame({ type: 'addresses', version: 'a', ranges: ['127.0.0.0/8'], set, remove: [] }));
            update('workload', { ...workload, preload: [], mtls: { mode: 'Permissive', ports: [] } });
          }
          if (message.type === 'subscribe') {
            for (const key of message.keys)
              update(key, { ...service, ports: [{ ...service.ports[0], endpoints: [plainEndpoint] }] });
          }
        }),
      );
    },
  });
  operators.push(operator);
  return operator;
}
let plainEndpoint = { address: '127.0.0.1', port: 1, subsets: ['v1', 'v2'] };

async function application(): Promise<number> {
  const server = createServer((request, response) => response.end(`hello ${request.url}`));
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('the proxy as a whole', () => {
  test('says what it waits for, becomes ready, serves, drains', async () => {
    const received: ProxyMessage[] = [];
    plainEndpoint = { ...plainEndpoint, port: await application() };
    const spare = await startFakeOperator({ authority });
    await spare.close();
    const app = await launch(variables(spare.target), { address: '127.0.0.9', port: 80 });
    const waiting = await get(app.listening.health, '/startup');
    expect(waiting.status).toBe(503);
    expect(waiting.body).toMatch(
      /^waiting for a certificate \(.*\); the configuration of this workload \(stream: no-identity\)\n$/,
    );
    await operate(received, spare.port);
    await until('ready', async () => (await get(app.listening.health, '/ready')).status === 200, 10_000);
    expect((await get(app.listening.health, '/startup')).body).toBe('started\n');
    const answered = await get(app.listening.outbound, '/charge/1');
    expect(answered).toMatchObject({ status: 200, body: 'hello /charge/1' });
    const metrics = (await get(app.listening.metrics, '/metrics')).body;
    expect(metrics).toMatch(/heddle_requests_total\{direction="outbound",.*code="200",reason="",grpc_status=""\} 1\n/);
    expect(metrics).toContain('heddle_control_connected 1\n');
    expect(metrics).toMatch(/heddle_certificate_expiry_seconds 1\d{9}\n/);
    const dump = JSON.parse((await get(app.listening.admin, '/configuration')).body);
    expect(dump).toMatchObject({
      control: 'connected',
      addresses: 'a',
      keys: { workload: { version: 'v1' }, 'service/shop/payment': { source: 'operator' } },
    });
    const certificates = (await get(app.listening.admin, '/certificates')).body;
    expect(certificates).toContain('spiffe://cluster.local/ns/shop/sa/payment');
    expect(certificates).not.toContain('PRIVATE');
    await requestDrain(app.listening.admin);
    expect(await get(app.listening.health, '/ready')).toMatchObject({ status: 503, body: 'draining\n' });
    expect((await get(app.listening.outbound, '/again')).status).toBe(200);
    expect(received.map((message) => message.type)).toEqual(
      expect.arrayContaining(['hello', 'ack', 'report', 'subscribe']),
    );
  });

  test('ready stays when the operator goes; a restart without it is ready from the kept copies', async () => {
    const received: ProxyMessage[] = [];
    plainEndpoint = { ...plainEndpoint, port: await application() };
    const operator = await operate(received);
    const env = variables(operator.target);
    const first = await launch(env, { address: '127.0.0.9', port: 80 });
    await until('ready', async () => (await get(first.listening.health, '/ready')).status === 200);
    expect((await get(first.listening.outbound, '/1')).status).toBe(200);
    await operator.close();
    await until('disconnected', async () =>
      (await get(first.listening.metrics, '/metrics')).body.includes('heddle_control_connected 0'),
    );
    expect((await get(first.listening.health, '/ready')).status).toBe(200);
    expect((await get(first.listening.outbound, '/2')).status).toBe(200);
    await first.stop();
    const again = await launch(env, { address: '127.0.0.9', port: 80 });
    expect((await get(again.listening.health, '/ready')).status).toBe(200);
    expect((await get(again.listening.outbound, '/3')).body).toBe('hello /3');
  });

  test('an address never used before, without an operator, is refused with its reason', async () => {
    const received: ProxyMessage[] = [];
    const operator = await operate(received);
    const app = await launch(variables(operator.target), { address: '127.0.0.77', port: 80 });
    await until('ready', async () => (await get(app.listening.health, '/ready')).status === 200);
    await operator.close();
    await until('disconnected', async () =>
      (await get(app.listening.metrics, '/metrics')).body.includes('heddle_control_connected 0'),
    );
    // Longer than the second that a stream is given to come back.
    await until('refused at once', async () => {
      const started = performance.now();
      await get(app.listening.outbound, '/');
      return performance.now() - started < 500;
    });
    expect(await get(app.listening.outbound, '/')).toMatchObject({ status: 503, reason: 'control_plane_unreachable' });
  });

  test('a configuration file instead of an operator, with a certificate made beforehand, as a real process', async () => {
    const state = join(directory, 'premade');
    const file = join(directory, 'static.json');
    const own = { ...workload, mtls: { mode: 'Strict', ports: [] } };
    writeFileSync(file, JSON.stringify({ addresses: { ranges: [], entries: {} }, configurations: { workload: own } }));
    const env = variables('', { HEDDLE_STATIC_CONFIGURATION: file, HEDDLE_STATE_DIRECTORY: state });
    const { createStateFiles } = await import('./identity/identity.ts');
    const issued = await authority.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/payment' }]);
    createStateFiles(state).write(
      'credentials.json',
      JSON.stringify({ ...issued, rootsPem: authority.rootPem, issuedAt: Date.now() }),
    );
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')],
      {
        env: { ...process.env, NODE_OPTIONS: '', ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    try {
      await until('ready', async () => (await get(19_804, '/ready')).status === 200, 10_000);
      child.kill('SIGHUP');
      await until('read again', () => output.split('configuration read').length === 3);
      const drain = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'drain'], {
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      const code = await new Promise((resolve) => drain.on('exit', resolve));
      expect(code).toBe(0);
      expect((await get(19_804, '/ready')).status).toBe(503);
      child.kill('SIGTERM');
      const ended = await new Promise((resolve) => child.on('exit', resolve));
      expect(ended).toBe(0);
      expect(output).toContain('"message":"stopping"');
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('stop', () => {
  test('finishes what runs', async () => {
    let release: (() => void) | undefined;
    const server = createServer((_request, response) => {
      release = () => void response.end('late');
    });
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const target = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const received: ProxyMessage[] = [];
    plainEndpoint = { ...plainEndpoint, port: target.port };
    const operator = await operate(received);
    const app = await launch(variables(operator.target), { address: '127.0.0.9', port: 80 });
    await until('ready', async () => (await get(app.listening.health, '/ready')).status === 200);
    const running = get(app.listening.outbound, '/');
    const finish = await until('the request arrived', () => release);
    let stopped = false;
    const stop = app.stop().then(() => {
      stopped = true;
    });
    await until('draining', async () => (await get(app.listening.health, '/ready')).body === 'draining\n');
    expect(stopped).toBe(false);
    finish();
    expect((await running).body).toBe('late');
    await stop;
    await expect(get(app.listening.health, '/live')).rejects.toThrow();
  });
});

describe('environment', () => {
  test.each([
    ['HEDDLE_POD_NAMESPACE', '', 'HEDDLE_POD_NAMESPACE is not set'],
    ['HEDDLE_CONTROL', '', 'HEDDLE_CONTROL is not set'],
    ['HEDDLE_TRUST_DOMAIN', 'a/b', 'make no SPIFFE id'],
    ['HEDDLE_POD_IPS', 'pod', 'which is no address'],
    ['HEDDLE_PROBES', '[{"path":"/x"}]', 'HEDDLE_PROBES: [0].path'],
    ['HEDDLE_LOG_LEVEL', 'loud', 'must be one of debug, info, warn, error'],
    ['HEDDLE_LEAF_SECONDS', '-1', 'must be a whole number'],
  ])('%s = "%s" is an error that says what is wrong', (name, value, message) => {
    expect(() => readEnvironment(variables('operator:1', { [name]: value }))).toThrow(message);
  });

  test('both families, defaults', () => {
    const environment = readEnvironment(variables('operator:1', { HEDDLE_POD_IPS: '10.1.0.7,FD00:0::7' }));
    expect(environment).toMatchObject({
      pod: { addresses: ['10.1.0.7', 'fd00::7'] },
      identity: 'spiffe://cluster.local/ns/shop/sa/payment',
      operatorIdentity: OPERATOR_IDENTITY,
      source: { kind: 'operator', target: 'operator:1' },
      unusedKeyMs: 1_800_000,
      leafSeconds: undefined,
      probes: [],
    });
  });

  test('the API server as the kubelet names it; a name is none', () => {
    const read = (host: string) =>
      readEnvironment(variables('operator:1', { KUBERNETES_SERVICE_HOST: host })).apiServer;
    expect(['10.96.0.1', 'FD00:0::1', 'kubernetes.default', ''].map(read)).toEqual([
      '10.96.0.1',
      'fd00::1',
      undefined,
      undefined,
    ]);
  });

  test('the version told to the operator is that of the package', () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(PROXY_VERSION).toBe(manifest.version);
  });
});
