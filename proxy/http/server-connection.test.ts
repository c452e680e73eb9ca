import { describe, expect, test } from '@jest/globals';
import { settle } from '../base/testing/fake-clock.ts';
import { raw } from './testing/cuts.ts';
import { answer, deliver, response, serverHarness } from './testing/server-harness.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const post = (body: string, more = '') =>
  `POST /p HTTP/1.1\r\nHost: h\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const failure = { reason: 'upstream_reset', unprocessed: false, detail: 'x' } as const;

describe('exchanges on one connection', () => {
  test('persistent: one after the other, head and body in one write', async () => {
    const { transport, heard, last, connection } = serverHarness();
    let writes = 0;
    const write = transport.write.bind(transport);
    transport.write = (chunk) => {
      writes++;
      return write(chunk);
    };
    for (let count = 1; count <= 3; count++) {
      transport.deliver(post('hello'));
      expect(connection.busy).toBe(true);
      expect(last()).toMatchObject({ body: 'hello', ended: true });
      answer(last().exchange, 'ok');
      await settle();
      expect(transport.take().toString()).toBe(OK);
      expect([connection.busy, writes]).toEqual([false, count]);
    }
    await settle();
    expect([heard.length, writes, transport.ended]).toEqual([3, 3, false]);
  });

  test('the bytes read during detection come first', async () => {
    const { transport, last, heard } = serverHarness({ first: raw(GET.slice(0, 10)) });
    transport.deliver(GET.slice(10));
    await settle();
    expect(last().head.path).toBe('/a');
    expect(heard.length).toBe(1);
    const alone = serverHarness({ first: raw(GET) });
    await settle();
    expect(alone.heard.length).toBe(1);
  });

  test('pipelined requests are served one at a time, in order', async () => {
    const { transport, heard } = serverHarness();
    await deliver(transport, [GET + post('x') + GET.slice(0, 5), GET.slice(5)]);
    for (const [index, expected] of ['/a', '/p', '/a'].entries()) {
      expect(heard.length).toBe(index + 1);
      expect(heard[index]?.head.path).toBe(expected);
      const exchange = heard[index]?.exchange;
      if (exchange !== undefined) answer(exchange, 'ok');
      await settle();
    }
    expect(transport.text).toBe(OK.repeat(3));
  });

  test('pipelined requests answered inside onRequest need no recursion', async () => {
    const { transport, heard } = serverHarness({ onRequest: ({ exchange }) => answer(exchange, 'ok') });
    await deliver(transport, [GET.repeat(5_000)]);
    expect(heard.length).toBe(5_000);
    expect(transport.text).toBe(OK.repeat(5_000));
  });

  test('a pipeline beyond its bound pauses the transport until it is used up', async () => {
    const { transport, heard } = serverHarness({ limits: { pipelineBytes: 100 } });
    await deliver(transport, [GET, GET.repeat(2)]);
    expect(transport.paused).toBe(false);
    await deliver(transport, [GET.repeat(3)]);
    expect(transport.paused).toBe(true);
    for (let index = 0; index < 6; index++) {
      const exchange = heard[index]?.exchange;
      if (exchange !== undefined) answer(exchange, 'ok');
      await settle();
    }
    expect([heard.length, transport.paused]).toEqual([6, false]);
  });

  test('one empty line before a request is skipped (RFC 9112, 2.2)', async () => {
    const { transport, heard, bad } = serverHarness({ onRequest: ({ exchange }) => answer(exchange, 'ok') });
    await deliver(transport, ['\r', '\n', GET, '\r\n', GET]);
    expect(heard.length).toBe(2);
    await deliver(transport, [`\r\n\r\n${GET}`]);
    expect([heard.length, bad[0]?.status]).toEqual([2, 400]);
  });
});

describe('responses', () => {
  const reply = (
    request: string,
    act: (exchange: ReturnType<typeof serverHarness>['heard'][0]['exchange']) => void,
  ) => {
    const harness = serverHarness();
    harness.transport.deliver(request);
    act(harness.last().exchange);
    return settle().then(() => harness);
  };
  const body = raw('hello');

  test('chunked with trailers', async () => {
    const { transport } = await reply(GET, (exchange) => {
      exchange.respond(response(200, { framing: 'chunked', headers: ['trailer', 'x-sum'] }));
      exchange.write(body, 0, 5);
      exchange.write(body, 0, 0);
      exchange.write(body, 1, 3);
      exchange.end(['x-sum', '1']);
    });
    expect(transport.text).toBe(
      'HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\nel\r\n0\r\nx-sum: 1\r\n\r\n',
    );
    expect(transport.ended).toBe(false);
  });

  test('a body until close becomes chunked for 1.1 and ends the connection for 1.0', async () => {
    const act = (exchange: Parameters<Parameters<typeof reply>[1]>[0]) => {
      exchange.respond(response(200, { framing: 'close' }));
      exchange.write(body, 0, 5);
      exchange.end();
    };
    const now = await reply(GET, act);
    expect(now.transport.text).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
    const old = await reply('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', act);
    expect(old.transport.text).toBe('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello');
    expect([now.transport.ended, old.transport.ended]).toEqual([false, true]);
  });

  test.each([
    ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'keep-alive', false],
    ['GET / HTTP/1.0\r\n\r\n', 'close', true],
    ['GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 'close', true],
  ])('%j: Connection: %s', async (request, connection, ended) => {
    const { transport } = await reply(request, (exchange) => answer(exchange, 'ok'));
    expect(transport.text).toBe(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: ${connection}\r\n\r\nok`);
    expect(transport.ended).toBe(ended);
  });

  test('HEAD, 204 and 304 have no body and keep the connection (RFC 9112, 6.3)', async () => {
    const head = await reply('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n', (exchange) => {
      exchange.respond(response(200, { framing: 'length', contentLength: 5, headers: ['content-length', '5'] }));
      expect(exchange.write(body, 0, 5)).toBe(true);
      exchange.end();
    });
    expect(head.transport.text).toBe('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n');
    for (const [status, text] of [
      [204, 'HTTP/1.1 204 No Content\r\n\r\n'],
      [304, 'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n'],
    ] as const) {
      const { transport, connection } = await reply(GET, (exchange) =>
        exchange.respond(response(status, { headers: ['content-length', '9'] })),
      );
      expect([transport.text, connection.busy, transport.ended]).toEqual([text, false, false]);
    }
  });

  test('a response without body says so', async () => {
    const { transport } = await reply(GET, (exchange) => exchange.respond(response(503, { reason: 'Busy' })));
    expect(transport.text).toBe('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n');
  });

  test('1xx goes out before the answer, but not to HTTP/1.0 (RFC 9110, 15.2)', async () => {
    const act = (exchange: Parameters<Parameters<typeof reply>[1]>[0]) => {
      exchange.inform(response(103, { headers: ['link', 'x'] }));
      exchange.inform(response(101));
      exchange.respond(response(204));
      exchange.inform(response(100));
    };
    const now = await reply(GET, act);
    expect(now.transport.text).toBe('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n');
    const old = await reply('GET / HTTP/1.0\r\n\r\n', act);
    expect(old.transport.text).toBe('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
  });

  test('a body that breaks its length destroys the connection', async () => {
    for (const text of ['hel', 'hello!']) {
      const { transport, last } = await reply(GET, (exchange) => {
        exchange.respond(response(200, { framing: 'length', contentLength: 5 }));
        exchange.write(raw(text), 0, text.length);
        exchange.end();
      });
      expect([transport.destroyed, last().failure]).toEqual([true, undefined]);
    }
  });

  test('abort: before the head FIN, in a body that only a close would end RST', async () => {
    const early = await reply(GET, (exchange) => exchange.abort(failure));
    expect([early.transport.text, early.transport.destroyed, early.transport.reset]).toEqual(['', true, false]);
    const late = await reply('GET / HTTP/1.0\r\n\r\n', (exchange) => {
      exchange.respond(response(200, { framing: 'close' }));
      exchange.write(body, 0, 5);
      exchange.abort(failure);
    });
    expect([late.transport.destroyed, late.transport.reset, late.closes()]).toEqual([true, true, 1]);
    expect(late.transport.text).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\nhello$/s);
  });

  test('an answer that is cut right after its beginning is seen as cut, not as none', async () => {
    const { transport } = await reply(GET, (exchange) => {
      exchange.respond(response(200, { framing: 'length', contentLength: 10 }));
      exchange.write(body, 0, 5);
      exchange.abort(failure);
    });
    expect(transport.text).toBe('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello');
    expect(transport.destroyed).toBe(true);
  });

  test('backpressure: a full transport stops the writer until it drains', async () => {
    const { transport, last } = await reply(GET, (exchange) => {
      exchange.respond(response(200, { framing: 'chunked' }));
      expect(exchange.write(body, 0, 5)).toBe(true);
    });
    transport.accepts = false;
    last().exchange.write(body, 0, 5);
    await settle();
    expect(last().exchange.write(body, 0, 5)).toBe(false);
    expect(last().drains).toBe(0);
    transport.drain();
    expect(last().drains).toBe(1);
    expect(last().exchange.write(body, 0, 5)).toBe(true);
  });
});

describe('request bodies', () => {
  test('pause and resume reach the transport, and end with the exchange', async () => {
    const { transport, last } = serverHarness();
    await deliver(transport, [post('0123456789').slice(0, -5)]);
    last().exchange.pause();
    expect(transport.paused).toBe(true);
    last().exchange.resume();
    expect(transport.paused).toBe(false);
    last().exchange.pause();
    answer(last().exchange, 'ok');
    expect(transport.paused).toBe(false);
  });

  test('trailers of a chunked request', async () => {
    const { transport, last } = serverHarness();
    await deliver(transport, [
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n',
    ]);
    expect(last()).toMatchObject({ body: 'abc', ended: true, trailers: ['a', 'b'] });
  });

  test('Expect: the answer of the upstream decides; without a 100 the connection closes (RFC 9110, 10.1.1)', async () => {
    const request = 'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    const yes = serverHarness();
    await deliver(yes.transport, [request]);
    yes.last().exchange.inform(response(100));
    await settle();
    expect(yes.transport.take().toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await deliver(yes.transport, ['ab']);
    expect(yes.last()).toMatchObject({ body: 'ab', ended: true });
    answer(yes.last().exchange, 'ok');
    await settle();
    expect([yes.transport.text, yes.transport.ended]).toEqual([OK, false]);
    const no = serverHarness();
    await deliver(no.transport, [request]);
    no.last().exchange.respond(response(417));
    expect(no.transport.text).toContain('connection: close');
    await deliver(no.transport, ['ab', GET]);
    expect([no.heard.length, no.transport.ended]).toEqual([1, true]);
  });

  test('an answer before the end of the request: the rest is dropped and the connection goes on', async () => {
    const { transport, heard } = serverHarness();
    await deliver(transport, [post('0123456789').slice(0, -5)]);
    const first = heard[0];
    if (first !== undefined) answer(first.exchange, 'ok');
    expect(transport.text).toBe(OK);
    await deliver(transport, [`56789${GET}`]);
    expect(first).toMatchObject({ body: '01234', ended: false, failure: undefined });
    expect(heard.length).toBe(2);
  });

  const LEFT = {
    'as much as is read for nothing': 'Content-Length: 13\r\n\r\nabc',
    'more than that': 'Content-Length: 14\r\n\r\nabc',
    'an unknown amount': 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    nothing: 'Content-Length: 20\r\n\r\n01234567890123456789',
  } as const;

  test.each([
    { status: 502, left: 'as much as is read for nothing', close: false },
    { status: 502, left: 'more than that', close: true },
    { status: 413, left: 'an unknown amount', close: true },
    { status: 502, left: 'nothing', close: false },
    { status: 200, left: 'more than that', close: false },
    { status: 200, left: 'an unknown amount', close: false },
  ] as const)('... a refusal with much left announces the close: $status, $left', async ({ status, left, close }) => {
    const { transport, last } = serverHarness({ limits: { discardBytes: 10 } });
    await deliver(transport, [`POST / HTTP/1.1\r\nHost: h\r\n${LEFT[left]}`]);
    last().exchange.respond(response(status, { framing: 'length', contentLength: 0 }));
    last().exchange.end();
    await settle();
    expect([transport.text.includes('connection: close'), transport.ended]).toEqual([close, close]);
  });

  test('... and without an announcement the connection goes on, however much was left', async () => {
    const { transport, heard, last } = serverHarness({ limits: { discardBytes: 10 } });
    await deliver(transport, ['POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc']);
    answer(last().exchange, 'ok');
    await deliver(transport, ['x'.repeat(99_997), GET]);
    expect([heard.length, transport.ended]).toEqual([2, false]);
  });

  test('... within a bound of time', async () => {
    const slow = serverHarness({ limits: { headTimeoutMs: 1_000 } });
    await deliver(slow.transport, [`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n`]);
    answer(slow.last().exchange, 'ok');
    slow.clock.advance(1_000);
    expect(slow.transport.ended).toBe(true);
  });

  test('a body that breaks its framing is refused, or cut when the answer had begun', async () => {
    const request = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
    const early = serverHarness();
    await deliver(early.transport, [request, 'zz\r\n']);
    expect(early.last().failure).toMatchObject({ reason: 'malformed_request', unprocessed: false });
    expect(early.transport.text).toMatch(/^HTTP\/1.1 400 Bad Request\r\nx-heddle-reason: malformed_request\r\n/);
    const late = serverHarness();
    await deliver(late.transport, [request]);
    late.last().exchange.respond(response(200, { framing: 'chunked' }));
    await deliver(late.transport, ['zz\r\n']);
    expect([late.transport.text.includes('400'), late.transport.destroyed]).toEqual([false, true]);
    expect(late.bad.length).toBe(1);
  });
});
