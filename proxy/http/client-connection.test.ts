import { describe, expect, test } from '@jest/globals';
import { settle } from '../base/testing/fake-clock.ts';
import { clientHarness } from './testing/client-harness.ts';
import { cuts, raw } from './testing/cuts.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SENT = 'GET /a HTTP/1.1\r\nhost: h\r\n\r\n';
const POST = {
  method: 'POST',
  framing: 'length',
  contentLength: 5,
  headers: ['host', 'h', 'content-length', '5'],
} as const;
const post = { ...POST, headers: [...POST.headers] };

describe('exchanges', () => {
  test('persistent: request, response, idle, again', () => {
    const { transport, client, send, idles } = clientHarness();
    for (let count = 1; count <= 3; count++) {
      const answer = send();
      expect(transport.take().toString()).toBe(SENT);
      expect([client.idle, client.reusable]).toEqual([false, false]);
      transport.deliver(OK);
      expect(answer).toMatchObject({
        body: 'ok',
        ends: 1,
        failure: undefined,
        head: { status: 200, framing: 'length' },
      });
      expect([client.idle, client.reusable, idles()]).toEqual([true, true, count]);
    }
  });

  test('head and first body piece go out in one write', async () => {
    const { transport, begin } = clientHarness();
    let writes = 0;
    const write = transport.write.bind(transport);
    transport.write = (chunk) => {
      writes++;
      return write(chunk);
    };
    const answer = begin(post);
    answer.exchange.write(raw('hello'), 0, 5);
    answer.exchange.end();
    await settle();
    expect([transport.text, writes]).toEqual(['POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello', 1]);
  });

  test('a chunked request with trailers', async () => {
    const { transport, send } = clientHarness();
    const { exchange } = send({ method: 'POST', framing: 'chunked' });
    exchange.write(raw('hello'), 0, 5);
    exchange.end(['x-sum', '1']);
    await settle();
    expect(transport.text).toBe(
      'POST /a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n',
    );
  });

  test('two requests at once are a fault of the caller', () => {
    const { send } = clientHarness();
    send();
    expect(() => send()).toThrow('one request at a time');
  });

  test('pause and resume reach the transport', () => {
    const { transport, send } = clientHarness();
    const { exchange } = send();
    exchange.pause();
    expect(transport.paused).toBe(true);
    exchange.resume();
    expect(transport.paused).toBe(false);
    exchange.pause();
    transport.deliver(OK);
    expect(transport.paused).toBe(false);
  });

  test('backpressure of the request body', async () => {
    const { transport, send } = clientHarness();
    const answer = send({ method: 'POST', framing: 'chunked' });
    transport.accepts = false;
    answer.exchange.write(raw('x'), 0, 1);
    await settle();
    expect(answer.exchange.write(raw('x'), 0, 1)).toBe(false);
    transport.drain();
    expect(answer.drains).toBe(1);
  });

  test('abort closes the connection and nothing more is heard', async () => {
    const { transport, client, send, closes } = clientHarness();
    const answer = send();
    answer.exchange.abort();
    transport.deliver(OK);
    await settle();
    expect(answer).toMatchObject({ head: undefined, ends: 0, failure: undefined });
    expect([transport.destroyed, client.reusable, closes()]).toEqual([true, false, 1]);
  });

  test('a caller that breaks its own length is told, and the connection closes', () => {
    for (const text of ['hello!', 'hel']) {
      const { transport, send } = clientHarness();
      const answer = send(post);
      answer.exchange.write(raw(text), 0, text.length);
      answer.exchange.end();
      expect([answer.failure?.reason, transport.destroyed]).toEqual(['malformed_request', true]);
    }
  });
});

describe('responses, each also cut at every byte', () => {
  const cases: [string, string, Record<string, unknown>, boolean][] = [
    [OK, 'GET', { body: 'ok', ends: 1, informs: [] }, true],
    [
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n',
      'GET',
      { body: 'ok', ends: 1, trailers: ['a', 'b'] },
      true,
    ],
    ['HTTP/1.1 204 No Content\r\n\r\n', 'GET', { body: '', ends: 1 }, true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n', 'HEAD', { body: '', ends: 1 }, true],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n', 'GET', { body: '', ends: 1 }, true],
    ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok', 'GET', { body: 'ok', ends: 1 }, false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'GET', { body: 'ok', ends: 1 }, false],
    ['HTTP/1.1 200 OK\r\n\r\nok', 'GET', { body: 'ok', ends: 0 }, false],
    [
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`,
      'GET',
      { body: 'ok', ends: 1 },
      true,
    ],
  ];
  test.each(cases)('%j to %s', (text, method, expected, reusable) => {
    for (const pieces of cuts(raw(text))) {
      const { transport, client, send } = clientHarness();
      const answer = send({ method });
      for (const piece of pieces) transport.deliver(piece);
      expect(answer).toMatchObject({ ...expected, failure: undefined });
      expect(client.reusable).toBe(reusable);
    }
  });

  test('informational responses are passed on, within a bound', () => {
    const { transport, send } = clientHarness();
    const answer = send();
    transport.deliver('HTTP/1.1 100 Continue\r\n\r\n'.repeat(32));
    expect([answer.informs.length, answer.failure]).toEqual([32, undefined]);
    transport.deliver('HTTP/1.1 100 Continue\r\n\r\n');
    expect(answer.failure?.reason).toBe('upstream_protocol');
  });

  test('until close: the end of the peer completes it, a broken connection does not', () => {
    const good = clientHarness();
    const answer = good.send();
    good.transport.deliver('HTTP/1.1 200 OK\r\n\r\nsome');
    good.transport.deliverEnd();
    expect(answer).toMatchObject({ body: 'some', ends: 1, failure: undefined });
    const bad = clientHarness();
    const cut = bad.send();
    bad.transport.deliver('HTTP/1.1 200 OK\r\n\r\nsome');
    bad.transport.deliverClose(new Error('read ECONNRESET'));
    expect(cut).toMatchObject({ ends: 0, failure: { reason: 'upstream_reset', unprocessed: false } });
  });

  test.each([
    'garbage\r\n\r\n',
    '\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokk\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    '\x16\x03\x03\x00\x02\x01\x02',
  ])('%j is upstream_protocol', async (text) => {
    for (const pieces of cuts(raw(text))) {
      const { transport, client, send } = clientHarness();
      const answer = send();
      for (const piece of pieces) transport.deliver(piece);
      await Promise.resolve();
      expect(answer.failure).toMatchObject({ reason: 'upstream_protocol', unprocessed: false });
      expect(answer.failure?.detail).toContain('10.0.0.7:40000');
      expect([answer.ends, transport.destroyed, client.reusable]).toEqual([0, true, false]);
    }
  });

  test('heads are bounded', () => {
    const { transport, send } = clientHarness({ headBytes: 200 });
    const answer = send();
    transport.deliver(`HTTP/1.1 200 OK\r\nA: ${'x'.repeat(300)}`);
    expect(answer.failure?.reason).toBe('upstream_protocol');
  });

  test('bytes after a response, or while idle, end the connection: no later answer could be trusted', () => {
    const after = clientHarness();
    const answer = after.send();
    after.transport.deliver(`${OK}${OK}`);
    expect(answer).toMatchObject({ body: 'ok', ends: 1 });
    expect([after.transport.destroyed, after.client.reusable]).toEqual([true, false]);
    const idle = clientHarness();
    idle.transport.deliver('HTTP/1.1 408 Request Timeout\r\n\r\n');
    expect([idle.transport.destroyed, idle.client.reusable]).toEqual([true, false]);
  });
});

describe('when the upstream goes away', () => {
  test('before or within the response: reset, and never called unprocessed once bytes were written', () => {
    for (const part of ['', 'HTTP/1.1 200', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no']) {
      for (const how of ['deliverEnd', 'deliverClose'] as const) {
        const { transport, client, send } = clientHarness();
        const answer = send();
        if (part !== '') transport.deliver(part);
        transport[how]();
        expect(answer.failure).toMatchObject({ reason: 'upstream_reset', unprocessed: false });
        expect(client.reusable).toBe(false);
      }
    }
  });

  test('a request that was never written is unprocessed', async () => {
    const closed = clientHarness();
    closed.transport.deliverEnd();
    const late = closed.send();
    expect(late.failure).toBeUndefined();
    await settle();
    expect(late.failure).toMatchObject({ reason: 'upstream_reset', unprocessed: true });
    expect(closed.transport.text).toBe('');
    // The head still waits for its body when the connection breaks.
    const waiting = clientHarness();
    const answer = waiting.begin(post);
    waiting.transport.deliverClose();
    expect(answer.failure).toMatchObject({ unprocessed: true });
    await settle();
    expect(waiting.transport.text).toBe('');
  });

  test.each(['HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n', OK, 'x'])(
    'what came before the request left is no answer to it: %j',
    async (early) => {
      const { transport, client, begin, idles } = clientHarness();
      const answer = begin();
      transport.deliver(early);
      expect(answer).toMatchObject({
        head: undefined,
        failure: { reason: 'upstream_reset', unprocessed: true, detail: expect.stringContaining('before the request') },
      });
      await settle();
      expect([transport.text, transport.destroyed, client.reusable, idles()]).toEqual(['', true, false, 0]);
    },
  );

  test('an answer before the request is complete is passed on; the connection is not used again', async () => {
    const { transport, client, send, idles } = clientHarness();
    const answer = send(post);
    await settle();
    transport.deliver('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
    expect(answer).toMatchObject({ ends: 1, failure: undefined, head: { status: 413 } });
    expect(answer.exchange.write(raw('hello'), 0, 5)).toBe(true);
    answer.exchange.end();
    expect([transport.destroyed, client.reusable, idles()]).toEqual([true, false, 0]);
  });

  test('close tells the receiver', () => {
    const { client, send } = clientHarness();
    const answer = send();
    client.close();
    expect(answer.failure?.reason).toBe('upstream_reset');
  });
});

describe('tunnels', () => {
  const upgrade = { upgrade: 'websocket', headers: ['host', 'h'] };
  const connect = { method: 'CONNECT', target: 'h:1', form: 'authority' } as const;
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  test.each([
    [upgrade, SWITCH],
    [connect, 'HTTP/1.1 200 Connected\r\n\r\n'],
  ])('%j', async (request, head) => {
    for (const pieces of cuts(raw(`${head}hello`))) {
      const { transport, client, send, idles } = clientHarness();
      const answer = send(request);
      for (const piece of pieces) transport.deliver(piece);
      expect(answer).toMatchObject({ body: 'hello', ends: 0, head: { framing: 'tunnel' } });
      transport.take();
      answer.exchange.write(raw('up'), 0, 2);
      answer.exchange.end();
      await Promise.resolve();
      expect([transport.text, transport.ended]).toEqual(['up', true]);
      transport.deliver('bye');
      transport.deliverEnd();
      expect(answer).toMatchObject({ body: 'hellobye', ends: 1, failure: undefined });
      expect([client.reusable, idles(), transport.destroyed]).toEqual([false, 0, true]);
    }
  });

  test('an end before there is a tunnel half-closes it once there is', () => {
    const { transport, send } = clientHarness();
    const answer = send(upgrade);
    answer.exchange.end();
    expect(transport.ended).toBe(false);
    transport.deliver(SWITCH);
    expect(transport.ended).toBe(true);
    transport.deliver('x');
    expect(answer.body).toBe('x');
  });

  test('the end of the peer leaves our direction open', async () => {
    const { transport, send } = clientHarness();
    const answer = send(upgrade);
    transport.deliver(SWITCH);
    transport.deliverEnd();
    expect([answer.ends, transport.destroyed]).toEqual([1, false]);
    transport.take();
    answer.exchange.write(raw('more'), 0, 4);
    await settle();
    expect(transport.text).toBe('more');
  });

  test('a broken tunnel is a failure', () => {
    const { transport, send } = clientHarness();
    const answer = send(upgrade);
    transport.deliver(SWITCH);
    transport.deliverClose(new Error('read ECONNRESET'));
    expect(answer).toMatchObject({ ends: 0, failure: { reason: 'upstream_reset' } });
  });

  test('a refused upgrade is an ordinary exchange', () => {
    const { transport, client, send } = clientHarness();
    const answer = send(upgrade);
    answer.exchange.end();
    transport.deliver(OK);
    expect([answer.body, answer.ends, client.reusable]).toEqual(['ok', 1, true]);
  });
});
