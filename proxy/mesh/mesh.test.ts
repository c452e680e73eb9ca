import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Reason } from '../contract/reasons.ts';
import type { Credentials } from '../tls/credentials.ts';
import { createTestAuthority, type TestAuthority } from '../tls/testing/authority.ts';
import type { ConnectMeshOptions, MeshClient, MeshServerExchange } from './api.ts';
import { connectMesh } from './mesh.ts';
import {
  Collector,
  clientOptions,
  echo,
  META,
  request,
  response,
  startTestServer,
  type TestServer,
} from './testing/pair.ts';

const ORDER = 'spiffe://cluster.local/ns/shop/sa/order';
const PAYMENT = 'spiffe://cluster.local/ns/shop/sa/payment';

let authority: TestAuthority;
let order: Credentials;
let payment: Credentials;
let server: TestServer;
/** What the server does with a request; a test may change it. */
let serve: (exchange: MeshServerExchange) => void = echo;
let authorize: (identity: string) => Reason | undefined = () => undefined;
const peerRefusals: string[] = [];

beforeAll(async () => {
  authority = await createTestAuthority('cluster.local');
  order = await authority.issue(ORDER);
  payment = await authority.issue(PAYMENT);
  server = await startTestServer({
    credentials: () => payment,
    onRequest: (exchange) => serve(exchange),
    authorizeConnection: (identity) => authorize(identity),
    onPeerRefused: (detail) => void peerRefusals.push(detail),
  });
});

afterAll(() => server.close());

beforeEach(() => {
  serve = echo;
  authorize = () => undefined;
});

function connect(more: Partial<ConnectMeshOptions> = {}, credentials = order): Promise<MeshClient> {
  return connectMesh(clientOptions(server.port, credentials, PAYMENT, more));
}

/** Runs `use` on a fresh connection and closes it. */
async function withClient(
  use: (client: MeshClient) => Promise<void>,
  more: Partial<ConnectMeshOptions> = {},
): Promise<void> {
  const client = await connect(more);
  try {
    await use(client);
  } finally {
    client.close();
  }
}

const settled = (collector: Collector): Promise<unknown> => until('the response', () => collector.settled);

/** Deterministic bytes that differ at every place. */
function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
  return bytes;
}

describe('requests', () => {
  test('what describes a request arrives as it was: form, order, spelling, meta, peer', async () => {
    let seen: MeshServerExchange | undefined;
    serve = (exchange) => {
      seen = exchange;
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
      exchange.respond(response({ status: 404, reason: 'Nope; not here', headers: ['x-a', '1'], spelling: ['X-a'] }));
    };
    const head = request({
      method: 'PATCH',
      target: '/a?b=%20c;d',
      path: '/a?b=%20c;d',
      version: 10,
      headers: ['accept', '*/*', 'host', 'payment-service', 'x-odd', 'Ä;,='],
      spelling: ['ACCEPT', 'hOST', 'X-ODD'],
    });
    await withClient(async (client) => {
      const collector = new Collector();
      client.open(head, { destination: '[fd00::1]:8080', attempt: 3, deadlineMs: 250.2 }, collector);
      await settled(collector);
      expect(collector.failure).toBeUndefined();
      expect(collector.head).toEqual(
        response({ status: 404, reason: 'Nope; not here', headers: ['x-a', '1'], spelling: ['X-a'] }),
      );
    });
    expect(seen?.head).toEqual(head);
    expect(seen?.meta).toEqual({ kind: 'http', destination: '[fd00::1]:8080', attempt: 3, deadlineMs: 251 });
    expect(seen?.peer).toEqual({ identity: ORDER, workload: 'order', namespace: 'shop' });
  });

  test('1xx, chunked body and trailers', async () => {
    serve = (exchange) => {
      exchange.inform(response({ status: 103, headers: ['link', '</a>'] }));
      echo(exchange);
    };
    await withClient(async (client) => {
      const collector = new Collector();
      const exchange = client.open(request({ method: 'POST', framing: 'chunked' }), META, collector);
      exchange.write(Buffer.from('hello '), 0, 6);
      exchange.write(Buffer.from('world'), 0, 5);
      exchange.end(['x-checksum', '42']);
      await settled(collector);
      expect(collector.informs.map((head) => head.status)).toEqual([103]);
      expect(collector.body.toString()).toBe('hello world');
      expect(collector.trailers).toEqual(['x-checksum', '42']);
    });
  });

  test('informational responses are bounded: 32 are passed on, one more fails the try', async () => {
    serve = (exchange) => {
      for (let count = 0; count < 33; count++) exchange.inform(response({ status: 103 }));
      echo(exchange);
    };
    await withClient(async (client) => {
      const collector = new Collector();
      client.open(request(), META, collector);
      await settled(collector);
      expect(collector.informs).toHaveLength(32);
      expect(collector.failure).toMatchObject({
        reason: 'upstream_protocol',
        unprocessed: false,
        detail: expect.stringContaining('too many informational responses'),
      });
    });
  });

  test('HEAD and 304 keep their Content-Length and have no body', async () => {
    serve = (exchange) =>
      exchange.respond(
        response({ status: exchange.head.method === 'HEAD' ? 200 : 304, headers: ['content-length', '99'] }),
      );
    await withClient(async (client) => {
      for (const method of ['HEAD', 'GET']) {
        const collector = new Collector();
        client.open(request({ method }), META, collector);
        await settled(collector);
        expect(collector.head?.headers).toEqual(['content-length', '99']);
        expect(collector.head?.framing).toBe('none');
        expect(collector.ended).toBe(true);
      }
    });
  });

  test('a response complete before the request stops the rest of the request, and is no failure', async () => {
    serve = (exchange) => exchange.respond(response({ status: 413 }));
    await withClient(async (client) => {
      const collector = new Collector();
      const exchange = client.open(request({ method: 'POST', framing: 'chunked' }), META, collector);
      await settled(collector);
      expect(collector.head?.status).toBe(413);
      await until('the stream is gone', () => client.active === 0);
      expect(exchange.write(Buffer.alloc(100_000), 0, 100_000)).toBe(true);
      expect(collector.failure).toBeUndefined();
    });
  });

  test('200 at once on one connection', async () => {
    await withClient(async (client) => {
      const all = Array.from({ length: 200 }, (_, index) => {
        const collector = new Collector();
        const exchange = client.open(request({ method: 'POST', framing: 'chunked' }), META, collector);
        const body = Buffer.from(`request ${index} `.repeat(index));
        exchange.write(body, 0, body.length);
        exchange.end();
        return { collector, body };
      });
      expect(client.active).toBe(200);
      await until('all answered', () => all.every(({ collector }) => collector.settled));
      for (const { collector, body } of all) expect(collector.body.equals(body)).toBe(true);
      expect(client.active).toBe(0);
    });
  });
});

describe('bodies', () => {
  test('10 MiB there and back, byte for byte, with a slow reader at the end', async () => {
    const body = pattern(10 * 1024 * 1024);
    await withClient(async (client) => {
      const collector = new Collector();
      let paused = 0;
      const take = collector.onBody.bind(collector);
      collector.onBody = (buffer, start, end) => {
        take(buffer, start, end);
        if (++paused % 40 !== 0) return;
        exchange.pause();
        setImmediate(() => exchange.resume());
      };
      const exchange = client.open(
        request({
          method: 'POST',
          framing: 'length',
          contentLength: body.length,
          headers: ['host', 'p', 'content-length', String(body.length)],
        }),
        META,
        collector,
      );
      let sent = 0;
      let refused = 0;
      const send = (): void => {
        while (sent < body.length) {
          const end = Math.min(body.length, sent + 60_001);
          const more = exchange.write(body, sent, end);
          sent = end;
          if (!more) {
            refused++;
            return;
          }
        }
        exchange.end();
      };
      collector.onDrain = send;
      send();
      await until('the response', () => collector.settled, 20_000);
      expect(collector.failure).toBeUndefined();
      expect(refused).toBeGreaterThan(10);
      expect(collector.body.equals(body)).toBe(true);
    });
  });

  test('a consumer that stops reading stops the sender, and others go on', async () => {
    serve = (exchange) => {
      if (exchange.head.path !== '/slow') {
        echo(exchange);
        return;
      }
      exchange.pause();
      exchange.respond(response({ framing: 'chunked' }));
    };
    await withClient(async (client) => {
      const slow = client.open(
        request({ method: 'POST', framing: 'chunked', target: '/slow', path: '/slow' }),
        META,
        new Collector(),
      );
      const piece = Buffer.alloc(65_536);
      let written = 0;
      while (slow.write(piece, 0, piece.length) && written < 100) written++;
      await until('the window is used up', () => !slow.write(piece, 0, 1));
      // Initial stream window 64 KiB and the queue's 64 KiB: nothing like 100 pieces.
      expect(written).toBeLessThan(5);
      const other = new Collector();
      client.open(request(), META, other);
      await settled(other);
      expect(other.head?.status).toBe(200);
    });
  });

  test('a large body does not stall a small one', async () => {
    // Long enough that it still runs when the small one is seen to be done, on a busy machine too.
    const large = pattern(64 * 1024 * 1024);
    serve = (exchange) => {
      if (exchange.head.path !== '/large') {
        echo(exchange);
        return;
      }
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
      exchange.respond(response({ framing: 'chunked' }));
      exchange.write(large, 0, large.length);
      exchange.end();
    };
    await withClient(async (client) => {
      const big = new Collector();
      client.open(request({ target: '/large', path: '/large' }), META, big);
      await until('the large one runs', () => big.bytes > 100_000);
      const small = new Collector();
      client.open(request(), META, small);
      await settled(small);
      expect(big.settled).toBe(false);
      await settled(big);
      expect(big.body.equals(large)).toBe(true);
    });
  });
});

describe('tunnels', () => {
  test('raw TCP with half-close each way', async () => {
    let kind: string | undefined;
    serve = (exchange) => {
      kind = exchange.meta.kind;
      exchange.respond(response({ framing: 'tunnel' }));
      exchange.receiver = {
        onBody: (buffer, start, end) => void exchange.write(buffer, start, end),
        onEnd() {
          exchange.write(Buffer.from('bye'), 0, 3);
          exchange.end();
        },
        onDrain() {},
        onAbort() {},
      };
    };
    await withClient(async (client) => {
      const collector = new Collector();
      const tunnel = client.tunnel(META, collector);
      await until('accepted', () => collector.head);
      expect(collector.head?.status).toBe(200);
      tunnel.write(Buffer.from('ping'), 0, 4);
      await until('the echo', () => collector.body.toString() === 'ping');
      tunnel.end();
      await until('their half', () => collector.ended);
      expect(collector.body.toString()).toBe('pingbye');
      await until('given back', () => client.active === 0);
    });
    expect(kind).toBe('tunnel');
  });

  test('the server may end its half first and still receive', async () => {
    let received = '';
    let ended = false;
    serve = (exchange) => {
      exchange.respond(response({ framing: 'tunnel' }));
      exchange.write(Buffer.from('220 hello'), 0, 9);
      exchange.end();
      exchange.receiver = {
        onBody: (buffer, start, end) => {
          received += buffer.toString('latin1', start, end);
        },
        onEnd: () => {
          ended = true;
        },
        onDrain() {},
        onAbort() {},
      };
    };
    await withClient(async (client) => {
      const collector = new Collector();
      const tunnel = client.tunnel(META, collector);
      await until('their half', () => collector.ended);
      tunnel.write(Buffer.from('still here'), 0, 10);
      tunnel.end();
      await until('our half', () => ended);
      expect(received).toBe('still here');
      expect(collector.failure).toBeUndefined();
    });
  });

  test('an upgrade: 101 opens a tunnel, another status does not', async () => {
    serve = (exchange) => {
      if (exchange.head.path === '/no') {
        exchange.respond(response({ status: 426 }));
        return;
      }
      exchange.receiver = {
        onBody: (buffer, start, end) => void exchange.write(buffer, start, end),
        onEnd: () => exchange.end(),
        onDrain() {},
        onAbort() {},
      };
      exchange.respond(response({ status: 101, framing: 'tunnel', headers: ['sec-websocket-accept', 'x'] }));
    };
    await withClient(async (client) => {
      const collector = new Collector();
      const exchange = client.open(request({ upgrade: 'websocket' }), META, collector);
      await until('switched', () => collector.head?.status === 101);
      expect(collector.head?.framing).toBe('tunnel');
      exchange.write(Buffer.from('frame'), 0, 5);
      exchange.end();
      await until('the echo', () => collector.ended);
      expect(collector.body.toString()).toBe('frame');
      const refused = new Collector();
      client.open(request({ upgrade: 'websocket', target: '/no', path: '/no' }), META, refused);
      await settled(refused);
      expect(refused.head?.status).toBe(426);
    });
  });
});

describe('what goes wrong', () => {
  test('the caller gives up: the application hears', async () => {
    let aborted: unknown;
    serve = (exchange) => {
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort: (failure) => (aborted = failure) };
    };
    await withClient(async (client) => {
      const collector = new Collector();
      const exchange = client.open(request({ method: 'POST', framing: 'chunked' }), META, collector);
      await until('it runs', () => server.connections.at(-1)!.active === 1);
      exchange.abort();
      await until('told', () => aborted);
      expect(aborted).toMatchObject({
        reason: 'client_closed',
        unprocessed: false,
        detail: expect.stringContaining(ORDER),
      });
      expect(collector.settled).toBe(false);
      expect(client.active).toBe(0);
    });
  });

  test('the application resets: the caller hears, and it names the peer', async () => {
    serve = (exchange) => {
      exchange.respond(response({ framing: 'chunked' }));
      exchange.abort({ reason: 'upstream_reset', unprocessed: false, detail: '' });
    };
    await withClient(async (client) => {
      const collector = new Collector();
      client.open(request(), META, collector);
      await settled(collector);
      expect(collector.failure).toMatchObject({
        reason: 'upstream_reset',
        unprocessed: false,
        detail: expect.stringContaining(PAYMENT),
      });
    });
  });

  test('an abort that proves that nothing was seen carries its reason', async () => {
    serve = (exchange) => exchange.abort({ reason: 'app_connect_failure', unprocessed: true, detail: 'refused' });
    await withClient(async (client) => {
      const collector = new Collector();
      client.open(request({ method: 'POST', framing: 'chunked' }), META, collector);
      await settled(collector);
      expect(collector.failure).toMatchObject({ reason: 'app_connect_failure', unprocessed: true });
      expect(collector.head).toBeUndefined();
    });
  });

  test('the connection dies in the middle: what runs fails, not as unprocessed', async () => {
    serve = (exchange) => exchange.respond(response({ framing: 'chunked' }));
    let closed = 0;
    const client = await connect({ onClose: () => closed++ });
    const collector = new Collector();
    client.open(request(), META, collector);
    await until('the head', () => collector.head);
    server.sockets.at(-1)!.destroy();
    await settled(collector);
    expect(collector.failure).toMatchObject({
      reason: 'upstream_reset',
      unprocessed: false,
      detail: expect.stringContaining(PAYMENT),
    });
    await until('closed', () => closed === 1);
    expect(client.state).toBe('closed');
    const late = new Collector();
    client.open(request(), META, late);
    await settled(late);
    expect(late.failure?.unprocessed).toBe(true);
  });

  test('drain by the server loses nothing: every request is answered or unprocessed', async () => {
    const seen = new Set<string>();
    serve = (exchange) => {
      seen.add(exchange.head.path);
      echo(exchange);
    };
    const client = await connect();
    const collectors: Collector[] = [];
    for (let round = 0; round < 30; round++) {
      for (let index = 0; index < 5; index++) {
        const collector = new Collector();
        const path = `/${collectors.length}`;
        collectors.push(collector);
        client.open(request({ target: path, path }), META, collector);
      }
      if (round === 10) server.connections.at(-1)!.drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('all settled', () => collectors.every((collector) => collector.settled));
    let unprocessed = 0;
    for (const [index, collector] of collectors.entries()) {
      if (collector.failure === undefined) continue;
      unprocessed++;
      expect(collector.failure.unprocessed).toBe(true);
      expect(seen.has(`/${index}`)).toBe(false);
    }
    expect(unprocessed).toBeGreaterThan(0);
    expect(unprocessed).toBeLessThan(100);
    await until('closed', () => client.state === 'closed');
  });

  test('drain by the client finishes what runs and takes nothing new', async () => {
    let finish: (() => void) | undefined;
    serve = (exchange) => {
      exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
      finish = () => exchange.respond(response());
    };
    const client = await connect();
    const collector = new Collector();
    client.open(request(), META, collector);
    await until('it runs', () => finish);
    client.drain();
    expect(client.state).toBe('draining');
    expect(client.capacity).toBe(0);
    const late = new Collector();
    client.open(request(), META, late);
    await settled(late);
    expect(late.failure?.unprocessed).toBe(true);
    finish?.();
    await settled(collector);
    expect(collector.head?.status).toBe(200);
    await until('closed', () => client.state === 'closed');
  });
});

describe('impostors', () => {
  async function refusal(attempt: Promise<MeshClient>): Promise<string> {
    return attempt.then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    );
  }

  test('a server with another service account: the caller refuses and the server hears why', async () => {
    const attempt = connectMesh(clientOptions(server.port, order, 'spiffe://cluster.local/ns/shop/sa/fraud'));
    await expect(attempt).rejects.toMatchObject({
      code: 'identity_mismatch',
      message: expect.stringContaining(PAYMENT),
    });
    await until('told', () => peerRefusals.some((text) => text.includes('identity_mismatch') && text.includes(ORDER)));
  });

  test('a server of another root', async () => {
    const other = await createTestAuthority('cluster.local');
    const mine = payment;
    payment = { ...(await other.issue(PAYMENT)), rootsPem: mine.rootsPem };
    const code = await refusal(connect());
    payment = mine;
    expect(code).toBe('untrusted_peer');
  });

  test('a client of another root learns the reason', async () => {
    const other = await createTestAuthority('cluster.local');
    const impostor = { ...(await other.issue(ORDER)), rootsPem: authority.rootsPem };
    expect(await refusal(connect({}, impostor))).toBe('untrusted_peer');
    expect(server.refusals.at(-1)).toMatchObject({
      reason: 'untrusted_peer',
      detail: expect.stringContaining('127.0.0.1'),
    });
  });

  test('a client of another trust domain learns the reason', async () => {
    const other = await authority.issue('spiffe://elsewhere.example/ns/shop/sa/order');
    expect(await refusal(connect({}, other))).toBe('identity_mismatch');
  });

  test('a client that is not allowed to connect learns the reason', async () => {
    authorize = (identity) => (identity === ORDER ? 'unauthorized' : undefined);
    expect(await refusal(connect())).toBe('unauthorized');
  });

  test('a client whose certificate has expired learns the reason', async () => {
    const expired = await authority.issue(ORDER, { notBefore: Date.now() - 60_000, notAfter: Date.now() - 5_000 });
    expect(await refusal(connect({}, expired))).toBe('untrusted_peer');
  });

  test('the connection closes itself when a certificate expires', async () => {
    const brief = await authority.issue(ORDER, { notAfter: Math.ceil(Date.now() / 1_000) * 1_000 + 2_000 });
    const client = await connect({}, brief);
    expect(client.expiresAt).toBe(brief.notAfter);
    await until('closed', () => client.state === 'closed');
    expect(Date.now()).toBeGreaterThanOrEqual(brief.notAfter - 50);
  });

  test('idle connections close', async () => {
    const client = await connect({ idleCloseMs: 30 });
    await until('closed', () => client.state === 'closed');
  });
});
