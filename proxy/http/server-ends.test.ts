import { describe, expect, test } from '@jest/globals';
import { settle } from '../base/testing/fake-clock.ts';
import { raw } from './testing/cuts.ts';
import { answer, deliver, response, serverHarness } from './testing/server-harness.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const failure = { reason: 'upstream_reset', unprocessed: false, detail: 'x' } as const;

describe('the end', () => {
  test('a client that ends or closes while it is served is told to the receiver, once', async () => {
    for (const act of ['deliverEnd', 'deliverClose'] as const) {
      const { transport, last, closes } = serverHarness();
      transport.deliver(GET);
      transport[act]();
      await settle();
      expect(last().failure).toMatchObject({
        reason: 'client_closed',
        detail: expect.stringContaining('10.0.0.2:40000'),
      });
      expect([transport.destroyed, closes()]).toEqual([true, 1]);
      answer(last().exchange, 'ok');
      await settle();
      expect(transport.text).toBe('');
    }
  });

  test('a client that asks and does not read gets no further answers until it does', async () => {
    const { transport, heard, bad, clock } = serverHarness({
      limits: { pipelineBytes: 200 },
      onEnd: ({ exchange }) => answer(exchange, 'ok'),
    });
    transport.accepts = false;
    await deliver(transport, [GET.repeat(100)]);
    const asked = heard.length;
    expect(asked).toBeLessThan(100);
    expect(transport.paused).toBe(true);
    // What waits is no slow head.
    clock.advance(60_000);
    expect(bad).toEqual([]);
    for (let turn = 0; turn < 100; turn++) {
      transport.drain();
      await settle();
    }
    expect(heard).toHaveLength(100);
    expect(transport.paused).toBe(false);
    expect(transport.text).toBe(OK.repeat(100));
  });

  test('an idle client that ends is answered with our end', () => {
    const { transport } = serverHarness();
    transport.deliverEnd();
    expect(transport.ended).toBe(true);
  });

  test('lingering: what still comes is dropped, then the connection is destroyed (RFC 9112, 9.6)', async () => {
    const { transport, clock, heard } = serverHarness({ limits: { lingerMs: 500 } });
    await deliver(transport, ['GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n']);
    const exchange = heard[0]?.exchange;
    if (exchange !== undefined) answer(exchange, 'ok');
    expect([transport.ended, transport.destroyed]).toEqual([true, false]);
    await deliver(transport, [GET, 'garbage']);
    expect(heard.length).toBe(1);
    clock.advance(500);
    expect(transport.destroyed).toBe(true);
    await settle();
    expect(clock.pending).toBe(0);
  });

  test('a slow reader of the last answer is waited for as long as it reads', async () => {
    const { transport, clock, last } = serverHarness({ limits: { lingerMs: 500 } });
    let pending = 1_000;
    Object.defineProperty(transport, 'pending', { get: () => pending });
    await deliver(transport, ['GET / HTTP/1.0\r\n\r\n']);
    answer(last().exchange, 'ok');
    for (pending = 900; pending > 0; pending -= 300) clock.advance(500);
    expect(transport.destroyed).toBe(false);
    pending = 300;
    clock.advance(1_000);
    expect(transport.destroyed).toBe(true);
  });

  test('drain: the running exchange is finished with Connection: close', async () => {
    const { transport, connection, last } = serverHarness();
    transport.deliver(GET);
    connection.drain();
    answer(last().exchange, 'ok');
    expect(transport.text).toBe('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    expect(transport.ended).toBe(true);
  });

  test('drain when idle: a request on its way is still served, then or after the wait the connection closes', async () => {
    const late = serverHarness({ limits: { drainIdleMs: 200 } });
    late.connection.drain();
    late.clock.advance(199);
    await deliver(late.transport, [GET]);
    answer(late.last().exchange, 'ok');
    expect([late.transport.text.includes('connection: close'), late.transport.ended]).toEqual([true, true]);
    const never = serverHarness({ limits: { drainIdleMs: 200 } });
    never.connection.drain();
    never.clock.advance(200);
    expect(never.transport.ended).toBe(true);
    const now = serverHarness({ limits: { drainIdleMs: 0 } });
    now.connection.drain();
    expect(now.transport.ended).toBe(true);
  });

  test('drain after a response head without close: the connection still closes when idle', async () => {
    const { transport, connection, last, clock } = serverHarness({ limits: { drainIdleMs: 200 } });
    transport.deliver(GET);
    last().exchange.respond(response(200, { framing: 'chunked' }));
    connection.drain();
    last().exchange.end();
    clock.advance(200);
    expect(transport.ended).toBe(true);
  });

  test('close ends at once and tells the receiver', async () => {
    const { transport, connection, last, closes, clock } = serverHarness();
    transport.deliver(GET);
    connection.close();
    await settle();
    expect([last().failure?.reason, transport.destroyed, closes(), clock.pending]).toEqual(['draining', true, 1, 0]);
  });

  test('a head that comes too slowly gets 408; the time runs from its first byte', async () => {
    const { transport, clock, bad } = serverHarness({ limits: { headTimeoutMs: 1_000, idleTimeoutMs: 60_000 } });
    clock.advance(30_000);
    transport.deliver('GET / HT');
    clock.advance(600);
    transport.deliver('TP/1.1\r\n');
    clock.advance(399);
    expect(transport.text).toBe('');
    clock.advance(1);
    expect(transport.text).toMatch(/^HTTP\/1.1 408 Request Timeout\r\nx-heddle-reason: head_timeout\r\n/);
    expect([bad[0]?.reason, transport.ended]).toEqual(['head_timeout', true]);
  });

  test('the time of a pipelined head runs from the end of the exchange before it', async () => {
    const { transport, clock, last } = serverHarness({ limits: { headTimeoutMs: 1_000 } });
    await deliver(transport, [GET + GET.slice(0, 4)]);
    clock.advance(5_000);
    answer(last().exchange, 'ok');
    await settle();
    clock.advance(999);
    expect(transport.text).toBe(OK);
    clock.advance(1);
    expect(transport.text).toContain('408');
  });

  test('an idle connection closes without a word', async () => {
    const { transport, clock, last } = serverHarness({ limits: { idleTimeoutMs: 1_000 } });
    clock.advance(900);
    transport.deliver(GET);
    clock.advance(5_000);
    answer(last().exchange, 'ok');
    clock.advance(999);
    expect(transport.ended).toBe(false);
    clock.advance(1);
    expect([transport.text, transport.ended]).toEqual([OK, true]);
  });
});

describe('tunnels', () => {
  const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const CONNECT = 'CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n';
  const tunnel = (status: number) => response(status, { framing: 'tunnel', headers: ['sec-websocket-accept', 'x'] });

  test.each([
    [
      UPGRADE,
      101,
      'HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n',
    ],
    [CONNECT, 200, 'HTTP/1.1 200 OK\r\nsec-websocket-accept: x\r\n\r\n'],
  ])('%j opens with %d', async (request, status, head) => {
    const { transport, last, clock } = serverHarness();
    await deliver(transport, [`${request}early`]);
    const heard = last();
    expect([heard.ended, heard.body]).toEqual([false, '']);
    heard.exchange.respond(tunnel(status));
    await settle();
    expect(transport.take().toString()).toBe(head);
    expect(heard.body).toBe('early');
    await deliver(transport, ['-late\0']);
    expect(heard.body).toBe('early-late\0');
    heard.exchange.write(raw('down'), 0, 4);
    await settle();
    expect(transport.take().toString()).toBe('down');
    // Half-close of either side leaves the other open.
    transport.deliverEnd();
    expect([heard.ended, transport.ended]).toEqual([true, false]);
    heard.exchange.write(raw('more'), 0, 4);
    heard.exchange.end();
    await settle();
    expect([transport.text, transport.ended, heard.failure]).toEqual(['more', true, undefined]);
    clock.advance(10_000);
    await settle();
    expect([transport.destroyed, heard.failure]).toEqual([true, undefined]);
  });

  test('our half-close first', async () => {
    const { transport, last } = serverHarness();
    await deliver(transport, [CONNECT]);
    last().exchange.respond(tunnel(200));
    last().exchange.end();
    expect(transport.ended).toBe(true);
    await deliver(transport, ['still coming']);
    expect(last().body).toBe('still coming');
    transport.deliverEnd();
    expect(last().ended).toBe(true);
  });

  test('a cut tunnel is told to the receiver, and an abort resets', async () => {
    const cut = serverHarness();
    await deliver(cut.transport, [CONNECT]);
    cut.last().exchange.respond(tunnel(200));
    cut.transport.deliverClose(new Error('read ECONNRESET'));
    expect(cut.last().failure?.detail).toContain('ECONNRESET');
    const abort = serverHarness();
    await deliver(abort.transport, [CONNECT]);
    abort.last().exchange.respond(tunnel(200));
    abort.last().exchange.abort(failure);
    expect(abort.transport.reset).toBe(true);
  });

  test('an upgrade that is refused goes on as HTTP, unless bytes came that may have been meant for it (RFC 9931)', async () => {
    const goesOn = serverHarness();
    await deliver(goesOn.transport, [UPGRADE]);
    answer(goesOn.last().exchange, 'ok');
    expect(goesOn.heard[0]?.ended).toBe(true);
    await deliver(goesOn.transport, [GET]);
    expect(goesOn.heard.length).toBe(2);
    const early = serverHarness();
    await deliver(early.transport, [UPGRADE + GET]);
    answer(early.last().exchange, 'ok');
    await settle();
    expect([early.heard.length, early.transport.ended]).toEqual([1, true]);
    expect(early.transport.text).toContain('connection: close');
    const connect = serverHarness();
    await deliver(connect.transport, [CONNECT]);
    connect.last().exchange.respond(response(403));
    expect([connect.transport.text.includes('connection: close'), connect.transport.ended]).toEqual([true, true]);
  });

  test('a tunnel that nobody asked for is not opened', async () => {
    const { transport, last } = serverHarness();
    await deliver(transport, [GET]);
    last().exchange.respond(tunnel(101));
    expect([transport.text, transport.destroyed]).toEqual(['', true]);
  });
});
