import { randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../proxy/base/clock.ts';
import { silentLog } from '../proxy/base/log.ts';
import { until } from '../proxy/base/testing/wait.ts';
import { Cell } from '../proxy/base/watch.ts';
import { createSigner, makeSlot } from './ca/authority.ts';
import { bundleOf } from './ca/bundle.ts';
import { type AuthorityState, type IssueAnswer, issueServing, type ServingCertificate } from './ca/ca.ts';
import { type ControlServer, createControlServer } from './control-server.ts';
import { PerAddress } from './per-address.ts';

const OPERATOR = 'spiffe://cluster.local/ns/heddle-system/sa/heddle-operator';
const ORDER = 'spiffe://cluster.local/ns/shop/sa/order';

interface Scene {
  readonly port: number;
  readonly serving: ServingCertificate;
  readonly certificate: Cell<ServingCertificate | undefined>;
  readonly streams: string[];
  readonly bodies: unknown[];
  /** A client certificate under the server's root (or another). */
  client(
    spiffeId: string,
    lifeMs?: number,
    authority?: AuthorityState & { kind: 'ready' },
  ): Promise<ServingCertificate>;
}

const servers: ControlServer[] = [];
const sessions: http2.ClientHttp2Session[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const server of servers.splice(0)) await server.stop();
});

async function authorityNow(): Promise<AuthorityState & { kind: 'ready' }> {
  const slots = { current: await makeSlot(Date.now()) };
  return { kind: 'ready', slots, signer: await createSigner(slots.current), bundle: bundleOf(slots) };
}

async function notYet(): Promise<IssueAnswer> {
  return { status: 503, body: { reason: 'Starting', message: 'not yet' } };
}

async function start(
  issue: () => Promise<IssueAnswer> = notYet,
  more: { readonly anonymousPerAddress?: number } = {},
): Promise<Scene> {
  const authority = await authorityNow();
  const make = (spiffeId: string, lifeMs = 60_000, by = authority) =>
    issueServing(by, { spiffeId, usages: 'client-and-server' }, Date.now(), lifeMs);
  const serving = await make(OPERATOR);
  const certificate = new Cell<ServingCertificate | undefined>(undefined);
  const streams: string[] = [];
  const bodies: unknown[] = [];
  const server = createControlServer({
    host: '127.0.0.1',
    port: 0,
    certificate,
    trustDomain: () => 'cluster.local',
    async issue(body) {
      bodies.push(body);
      return issue();
    },
    acceptStream(stream, identity) {
      streams.push(identity);
      stream.respond({ ':status': 200 });
      stream.write('welcome');
    },
    clock: systemClock,
    log: silentLog,
    ...more,
  });
  servers.push(server);
  server.start();
  certificate.set(serving);
  return { port: await server.listening, serving, certificate, streams, bodies, client: make };
}

function connect(scene: Scene, own?: ServingCertificate, localAddress?: string): http2.ClientHttp2Session {
  const session = http2.connect(`https://127.0.0.1:${scene.port}`, {
    ca: scene.serving.bundlePem,
    checkServerIdentity: (_, certificate) =>
      certificate.subjectaltname === `URI:${OPERATOR}`
        ? undefined
        : new Error(`not the operator: ${certificate.subjectaltname}`),
    ...(own === undefined ? {} : { key: own.keyPem, cert: own.chainPem }),
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function call(
  session: http2.ClientHttp2Session,
  path: string,
  body: string | Buffer,
  method = 'POST',
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const stream = session.request({ ':method': method, ':path': path });
  let status = 0;
  let text = '';
  stream.on('response', (headers) => {
    status = headers[':status'] ?? 0;
  });
  stream.on('data', (chunk) => {
    text += String(chunk);
    if (text === 'welcome') resolve({ status, body: text });
  });
  stream.on('end', () => resolve({ status, body: text }));
  stream.on('error', reject);
  stream.end(body);
  return promise;
}

/** A certificate request gets no answer: the connection ends, with an error or without. */
async function isCut(session: http2.ClientHttp2Session): Promise<boolean> {
  const answer = await call(session, '/v1/certificate', '{}').catch(() => undefined);
  return answer === undefined || answer.status === 0;
}

describe('control port', () => {
  test('a certificate request needs no client certificate', async () => {
    const scene = await start();
    const answer = await call(connect(scene), '/v1/certificate', JSON.stringify({ csr: 'c', token: 't' }));
    expect(answer).toEqual({ status: 503, body: JSON.stringify({ reason: 'Starting', message: 'not yet' }) });
    expect(scene.bodies).toEqual([{ csr: 'c', token: 't' }]);
  });

  test.each<[string, string | Buffer]>([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['more than 64 KiB', JSON.stringify({ csr: randomBytes(40_000).toString('hex') })],
  ])('%s is refused', async (_, body) => {
    const scene = await start();
    const answer = await call(connect(scene), '/v1/certificate', body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ reason: 'MalformedRequest' });
    expect(scene.bodies).toEqual([]);
  });

  test('other paths and methods are not there', async () => {
    const session = connect(await start());
    expect((await call(session, '/', '')).status).toBe(404);
    expect((await call(session, '/v1/certificate', '', 'PUT')).status).toBe(404);
  });

  test('a stream is handed over with the verified identity', async () => {
    const scene = await start();
    const answer = await call(connect(scene, await scene.client(ORDER)), '/v1/stream', 'hello');
    expect(answer).toEqual({ status: 200, body: 'welcome' });
    expect(scene.streams).toEqual([ORDER]);
  });

  test('a stream without, with an untrusted, a foreign or an expired certificate is refused', async () => {
    const scene = await start();
    const impostor = await scene.client(ORDER, 60_000, await authorityNow());
    const foreign = await scene.client('spiffe://elsewhere/ns/shop/sa/order');
    const expired = await scene.client(ORDER, -1_000);
    for (const own of [undefined, impostor, foreign, expired]) {
      const answer = await call(connect(scene, own), '/v1/stream', 'hello');
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.body)).toMatchObject({ reason: 'PeerUnverified' });
    }
    expect(scene.streams).toEqual([]);
  });

  test('a session ends with the certificate of its peer', async () => {
    const scene = await start();
    const session = connect(scene, await scene.client(ORDER, 2_000));
    await call(session, '/v1/stream', 'hello');
    await until('the session closes', () => session.destroyed, 4_000);
  });

  test('a renewed certificate serves new connections, and running ones stay', async () => {
    const scene = await start();
    const before = connect(scene);
    await call(before, '/v1/certificate', '{}');
    const renewed = await scene.client(OPERATOR, 120_000);
    scene.certificate.set(renewed);
    const after = connect(scene);
    await call(after, '/v1/certificate', '{}');
    const serials = [before, after].map((session) => peerSerial(session));
    expect(serials[0]).not.toBe(serials[1]);
    expect((await call(before, '/v1/certificate', '{}')).status).toBe(503);
  });
});

function peerSerial(session: http2.ClientHttp2Session): string {
  return (session.socket as TLSSocket).getPeerX509Certificate()?.serialNumber ?? '';
}

describe('one address cannot take what all share', () => {
  const OTHER = '127.0.0.2';

  test('sessions without a certificate', async () => {
    const scene = await start(notYet, { anonymousPerAddress: 3 });
    const held = Array.from({ length: 3 }, () => connect(scene));
    await Promise.all(held.map((session) => call(session, '/v1/certificate', '{}')));
    expect(await isCut(connect(scene))).toBe(true);
    expect((await call(connect(scene, undefined, OTHER), '/v1/certificate', '{}')).status).toBe(503);
    expect((await call(connect(scene, await scene.client(ORDER)), '/v1/stream', 'hello')).status).toBe(200);
    held[0]?.destroy();
    await until('room for one more', async () => {
      const answer = await call(connect(scene), '/v1/certificate', '{}').catch(() => undefined);
      return answer?.status === 503;
    });
  });

  test('certificate requests', async () => {
    const slow = Promise.withResolvers<IssueAnswer>();
    const scene = await start(() => slow.promise);
    const held = Array.from({ length: 4 }, () => connect(scene));
    const first = held.flatMap((session) => Array.from({ length: 4 }, () => call(session, '/v1/certificate', '{}')));
    await until('16 in work', () => scene.bodies.length === 16);
    expect((await call(connect(scene), '/v1/certificate', '{}')).status).toBe(429);
    const other = call(connect(scene, undefined, OTHER), '/v1/certificate', '{}');
    await until('the other one in work', () => scene.bodies.length === 17);
    slow.resolve({ status: 503, body: { reason: 'Starting', message: '' } });
    for (const answer of [...first, other]) expect((await answer).status).toBe(503);
    expect((await call(connect(scene), '/v1/certificate', '{}')).status).toBe(503);
  });
});

test('a session is for a few certificate requests, not for a loop of them', async () => {
  const scene = await start();
  const session = connect(scene);
  for (let at = 0; at < 4; at++) expect((await call(session, '/v1/certificate', '{}')).status).toBe(503);
  expect(await isCut(session)).toBe(true);
  expect(scene.bodies.length).toBe(4);
  expect((await call(connect(scene), '/v1/certificate', '{}')).status).toBe(503);
});

test('TLS 1.2 is refused, also after a renewal', async () => {
  const scene = await start();
  const old = () =>
    new Promise<string>((resolve) => {
      const socket = connectTls({
        port: scene.port,
        host: '127.0.0.1',
        maxVersion: 'TLSv1.2',
        rejectUnauthorized: false,
      });
      socket.on('secureConnect', () => resolve(socket.getProtocol() ?? ''));
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => socket.destroy());
    });
  expect(await old()).toBe('refused');
  scene.certificate.set(await scene.client(OPERATOR, 120_000));
  expect(await old()).toBe('refused');
});

describe('per address', () => {
  test('one address has its share and no more, others are not touched, and what is given back counts no more', () => {
    const counts = new PerAddress(2);
    const first = counts.take('10.0.0.1');
    const taken = [first, ...['10.0.0.1', '10.0.0.1', '10.0.0.2'].map((address) => counts.take(address))];
    expect(taken.map((leave) => leave !== undefined)).toEqual([true, true, false, true]);
    first?.();
    expect(counts.take('10.0.0.1')).toBeDefined();
    expect(counts.addresses).toBe(2);
  });

  test('an address with nothing open costs nothing', () => {
    const counts = new PerAddress(2);
    counts.take('10.0.0.1')?.();
    expect(counts.addresses).toBe(0);
  });
});
