import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../proxy/base/clock.ts';
import { silentLog } from '../../proxy/base/log.ts';
import { until } from '../../proxy/base/testing/wait.ts';
import {
  MAX_MESSAGE_BYTES,
  type OperatorMessage,
  type ProxyMessage,
  STREAM_PATH,
} from '../../proxy/contract/stream.ts';
import { createDistributor, type Distributor } from './distribute.ts';
import { encodeFrame, FrameReader } from './framing.ts';
import { affected, FakeMesh } from './testing/fake-mesh.ts';

const KEY = 'service/shop/payment';

/** A proxy over a real socket, answering whatever it is told to. */
class Client {
  readonly session: http2.ClientHttp2Session;
  readonly stream: http2.ClientHttp2Stream;
  readonly received: OperatorMessage[] = [];
  status: number | undefined;
  closed = false;

  constructor(port: number, window: number) {
    this.session = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: window } });
    this.session.on('error', () => {});
    this.stream = this.session.request({ ':method': 'POST', ':path': STREAM_PATH }, { endStream: false });
    const frames = new FrameReader(MAX_MESSAGE_BYTES);
    this.stream.on('response', (headers) => {
      this.status = Number(headers[':status']);
    });
    this.stream.on('data', (chunk: Buffer) => {
      for (const text of frames.push(chunk)) this.received.push(JSON.parse(text) as OperatorMessage);
    });
    this.stream.on('error', () => {});
    this.stream.on('end', () => this.stream.end());
    this.stream.on('close', () => {
      this.closed = true;
    });
  }

  send(message: ProxyMessage): void {
    this.stream.write(encodeFrame(JSON.stringify(message), MAX_MESSAGE_BYTES));
  }

  hello(): void {
    const pod = { namespace: 'shop', name: 'order-1', uid: 'u1', addresses: ['10.1.0.7'] };
    this.send({ type: 'hello', contract: 1, proxyVersion: '0.1.0', features: [], token: 't', pod, epoch: 1, held: [] });
  }

  updates(key: string): Extract<OperatorMessage, { type: 'update' }>[] {
    return this.received.filter((one) => one.type === 'update').filter((one) => one.key === key);
  }

  goaway(): string | undefined {
    return this.received.find((one) => one.type === 'goaway')?.reason;
  }
}

describe('the stream over HTTP/2 on the loopback', () => {
  let mesh: FakeMesh;
  let distributor: Distributor;
  let server: http2.Http2Server;
  let port: number;
  let memory: () => number;
  const clients: Client[] = [];

  beforeEach(async () => {
    mesh = new FakeMesh();
    mesh.pods.set('u1', 'ready');
    distributor = createDistributor({
      world: mesh,
      compile: mesh.compiler,
      stateOf: mesh.stateOf,
      authenticate: () =>
        Promise.resolve({
          ok: true,
          pod: { namespace: 'shop', serviceAccount: 'order', podName: 'order-1', podUid: 'u1' },
        }),
      operator: 'operator-0',
      log: silentLog,
      clock: systemClock,
      onLedgerChange: () => {},
    });
    server = http2.createServer();
    let queued: http2.ServerHttp2Stream | undefined;
    memory = () => queued?.writableLength ?? 0;
    server.on('stream', (stream: http2.ServerHttp2Stream) => {
      queued = stream;
      distributor.acceptStream(stream, 'spiffe://cluster.local/ns/shop/sa/order');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });

  afterEach(async () => {
    distributor.stop();
    for (const client of clients.splice(0)) client.session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  function connect(window = 65_535): Client {
    const client = new Client(port, window);
    clients.push(client);
    return client;
  }

  test('hello, subscribe, ack, report: in force', async () => {
    mesh.policy('p', [KEY]);
    const client = connect();
    client.hello();
    client.send({ type: 'subscribe', keys: [KEY] });
    const update = await until('the update', () => client.updates(KEY)[0]);
    expect(client.status).toBe(200);
    expect(client.received[0]?.type).toBe('welcome');
    client.send({ type: 'ack', seq: update.seq });
    client.send({ type: 'report', inForce: update.seq, draining: 0 });
    const query = { uid: 'p', generation: 1, now: 0, mayHold: () => true, stateOf: mesh.stateOf, unheard: [] };
    await until('in force', () => distributor.ledger.rollout({ ...query, now: systemClock.now() }).inForce === 1);
  });

  test('a change reaches the proxy, measured from the change', async () => {
    const client = connect();
    client.hello();
    client.send({ type: 'subscribe', keys: [KEY] });
    const first = await until('the first', () => client.updates(KEY)[0]);
    client.send({ type: 'ack', seq: first.seq });
    mesh.endpoints.set(KEY, 1);
    distributor.worldChanged(affected({ keys: new Set([KEY]) }));
    await until('the second', () => client.updates(KEY)[1]);
    expect(distributor.stats.latencyMaxMs).toBeGreaterThanOrEqual(19);
    expect(distributor.stats.latencyMaxMs).toBeLessThan(2_000);
  });

  test('a proxy that does not read costs one update, whatever happens meanwhile', async () => {
    mesh.policy('p', [KEY], 'x'.repeat(200_000));
    const client = connect(16_384);
    client.hello();
    client.stream.once('response', () => client.stream.pause());
    client.send({ type: 'subscribe', keys: [KEY] });
    await until('the queue is full', () => memory() > 100_000);
    const compiled = mesh.compiles;
    for (let at = 1; at <= 20; at++) {
      mesh.endpoints.set(KEY, at);
      distributor.worldChanged(affected({ keys: new Set([KEY]) }));
    }
    await until('the push is over', () => distributor.ledger.record('u1')?.entries.get(KEY)?.dueAt !== undefined);
    expect(distributor.stats.updates).toBe(2);
    expect(memory()).toBeLessThan(300_000);
    client.stream.resume();
    await until('the last state', () => {
      const last = client.updates(KEY).at(-1)?.content;
      return last?.kind === 'service' && last.name.endsWith(' 20');
    });
    expect(client.updates(KEY).length).toBe(2);
    expect(mesh.compiles).toBe(compiled + 1);
  });

  test('a message that is announced too long is refused before it comes', async () => {
    const client = connect();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(1024 * 1024 + 1, 0);
    client.stream.write(head);
    await until('goaway', () => client.goaway() === 'message_too_large' && client.closed);
    expect(distributor.streams).toBe(0);
  });

  test('a stream that is cut in the middle of a message gives everything back', async () => {
    const client = connect();
    client.hello();
    await until('welcome', () => client.received.length > 0);
    client.stream.write(Buffer.from([0, 0, 4, 0, 0x7b]));
    client.session.destroy();
    await until('gone', () => distributor.streams === 0);
    expect(distributor.ledger.record('u1')?.connected).toBe(false);
  });

  test('goaway reaches the proxy before the end of the stream', async () => {
    const client = connect();
    client.hello();
    await until('welcome', () => client.received.length > 0);
    distributor.goaway('10.1.0.9:19810');
    await until('the end', () => client.closed);
    expect(client.received.at(-1)).toEqual({ type: 'goaway', reason: 'not_leader', leader: '10.1.0.9:19810' });
  });
});
