import { describe, expect, test } from '@jest/globals';
import { ERROR, FRAME, PREFACE } from './codes.ts';
import { block, frame, headers, settings, uint32 } from './testing/harness.ts';
import { type HeardRequest, responseHead, ServerScript } from './testing/messages.ts';

const PSEUDO = [':method', 'POST', ':scheme', 'http', ':authority', 'a:80', ':path', '/p?q'];
const data = (id: number, end: boolean, text = ''): Buffer => frame(FRAME.data, end ? 1 : 0, id, text);
const section = (id: number, end: boolean, ...list: string[]): Buffer => headers(id, end, list);

/** Runs `check` with the bytes whole, byte by byte, and cut in two at every place. */
function everyCut(bytes: Buffer, run: (pieces: Buffer[]) => void): void {
  run([bytes]);
  run([...bytes].map((byte) => Buffer.from([byte])));
  for (let at = 1; at < bytes.length; at++) run([bytes.subarray(0, at), bytes.subarray(at)]);
}

describe('requests that are malformed (RFC 9113 8.1.1): the stream is reset, the connection goes on', () => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ['8.3.1 no :method', section(1, true, ':scheme', 'http', ':authority', 'a', ':path', '/')],
    ['8.3.1 :method that is no token', section(1, true, ':method', 'G T', ...PSEUDO.slice(2))],
    ['8.3.1 no :scheme', section(1, true, ':method', 'GET', ':authority', 'a', ':path', '/')],
    ['8.3.1 another scheme', section(1, true, ':method', 'GET', ':scheme', 'ftp', ...PSEUDO.slice(4))],
    ['8.3.1 no :path', section(1, true, ...PSEUDO.slice(0, 6))],
    ['8.3.1 empty :path', section(1, true, ...PSEUDO.slice(0, 6), ':path', '')],
    ['8.3.1 :path without a slash', section(1, true, ...PSEUDO.slice(0, 6), ':path', 'p')],
    ['8.3.1 absolute :path', section(1, true, ...PSEUDO.slice(0, 6), ':path', 'http://a/')],
    ['8.3.1 * for another method than OPTIONS', section(1, true, ...PSEUDO.slice(0, 6), ':path', '*')],
    ['9112 3.2 a space in :path', section(1, true, ...PSEUDO.slice(0, 6), ':path', '/a b')],
    ['9110 7.1 a fragment in :path', section(1, true, ...PSEUDO.slice(0, 6), ':path', '/a#b')],
    ['8.3.1 no :authority and no Host', section(1, true, ':method', 'GET', ':scheme', 'http', ':path', '/')],
    ['8.3.1 empty :authority', section(1, true, ':method', 'GET', ':scheme', 'http', ':authority', '', ':path', '/')],
    ['8.3.1 userinfo', section(1, true, ':method', 'GET', ':scheme', 'http', ':authority', 'u@a', ':path', '/')],
    ['8.3.1 Host that says something else', section(1, true, ...PSEUDO, 'host', 'b')],
    ['8.3.1 Host twice', section(1, true, ...PSEUDO, 'host', 'a:80', 'host', 'a:80')],
    ['8.3 :method twice', section(1, true, ':method', 'GET', ...PSEUDO)],
    ['8.3 :path twice', section(1, true, ...PSEUDO, ':path', '/p?q')],
    ['8.3 a pseudo-header of responses', section(1, true, ...PSEUDO, ':status', '200')],
    ['8.3 an unknown one', section(1, true, ...PSEUDO, ':protocol', 'websocket')],
    ['8.3 a pseudo-header of the mesh', section(1, true, ...PSEUDO, ':heddle-dst', '10.0.0.1:80')],
    ['8.3 after a regular field', section(1, true, ':method', 'GET', 'a', 'b', ...PSEUDO.slice(2))],
    ['8.2.2 connection', section(1, true, ...PSEUDO, 'connection', 'close')],
    ['8.2.2 keep-alive', section(1, true, ...PSEUDO, 'keep-alive', '1')],
    ['8.2.2 proxy-connection', section(1, true, ...PSEUDO, 'proxy-connection', 'x')],
    ['8.2.2 transfer-encoding', section(1, false, ...PSEUDO, 'transfer-encoding', 'chunked')],
    ['8.2.2 upgrade', section(1, true, ...PSEUDO, 'upgrade', 'websocket')],
    ['8.2.2 te', section(1, true, ...PSEUDO, 'te', 'gzip')],
    ['8.2.1 an upper-case name', section(1, true, ...PSEUDO, 'X-A', 'b')],
    ['8.2.1 LF in a value', section(1, true, ...PSEUDO, 'a', 'b\nc: d')],
    ['8.2.1 a value that ends with a space', section(1, true, ...PSEUDO, 'a', 'b ')],
    ['9110 8.6 Content-Length twice', section(1, false, ...PSEUDO, 'content-length', '1', 'content-length', '1')],
    ['9110 8.6 Content-Length with a sign', section(1, false, ...PSEUDO, 'content-length', '+1')],
    ['9110 8.6 Content-Length as a list', section(1, false, ...PSEUDO, 'content-length', '1, 1')],
    ['8.1.1 END_STREAM before the body', section(1, true, ...PSEUDO, 'content-length', '1')],
    ['8.5 CONNECT with :path', section(1, false, ':method', 'CONNECT', ':authority', 'a:80', ':path', '/')],
    ['8.5 CONNECT without a port', section(1, false, ':method', 'CONNECT', ':authority', 'a')],
    ['8.5 CONNECT that has ended', section(1, true, ':method', 'CONNECT', ':authority', 'a:80')],
  ];

  test.each(cases)('%s', (_name, bytes) => {
    everyCut(bytes, (pieces) => {
      const script = ServerScript.ready();
      script.deliver(...pieces);
      expect(script.requests).toHaveLength(0);
      expect(script.sent()).toEqual([`RST 1 ${ERROR.protocol}`]);
      script.deliver(section(3, true, ...PSEUDO));
      expect(script.requests).toHaveLength(1);
    });
  });

  test('what is wrong is told for the log', () => {
    expect(ServerScript.ready().deliver(cases[0]![1]).bad).toEqual(['400 malformed_request']);
  });
});

describe('bodies that contradict their head, trailers that are not trailers: the request is aborted and reset', () => {
  const begun = section(1, false, ...PSEUDO, 'content-length', '5');
  test.each([
    ['8.1.1 more DATA', Buffer.concat([begun, data(1, false, 'six...')])],
    ['8.1.1 fewer DATA', Buffer.concat([begun, data(1, true, 'four')])],
    ['8.1.1 fewer before trailers', Buffer.concat([begun, data(1, false, 'four'), section(1, true, 'a', 'b')])],
    ['8.1 a pseudo-header in trailers', Buffer.concat([section(1, false, ...PSEUDO), section(1, true, ':path', '/')])],
    [
      '8.2.2 connection in trailers',
      Buffer.concat([section(1, false, ...PSEUDO), section(1, true, 'connection', 'x')]),
    ],
    [
      '9110 6.5.1 framing in trailers',
      Buffer.concat([section(1, false, ...PSEUDO), section(1, true, 'content-length', '0')]),
    ],
    ['8.1 a second head', Buffer.concat([section(1, false, ...PSEUDO), section(1, false, 'a', 'b')])],
  ])('%s', (_name, bytes) => {
    everyCut(bytes, (pieces) => {
      const script = ServerScript.ready();
      script.deliver(...pieces);
      expect(script.requests[0]?.events).toEqual(['abort']);
      expect(script.requests[0]?.failure?.reason).toBe('malformed_request');
      expect(script.sent()).toContain(`RST 1 ${ERROR.protocol}`);
    });
  });
});

describe('what a request becomes', () => {
  const headOf = (...list: string[]): HeardRequest['exchange']['head'] =>
    ServerScript.ready().deliver(section(1, false, ...list)).requests[0]!.exchange.head;

  test('the whole of it, cut anywhere', () => {
    const bytes = Buffer.concat([
      section(1, false, ...PSEUDO, 'content-length', '5', 'x-a', '1', 'te', 'trailers', 'x-a', '2'),
      data(1, false, 'he'),
      data(1, false, 'llo'),
      section(1, true, 'x-sum', '7'),
    ]);
    everyCut(bytes, (pieces) => {
      const [request] = ServerScript.ready().deliver(...pieces).requests;
      expect(request).toMatchObject({ body: 'hello', events: ['end'], trailers: ['x-sum', '7'] });
      expect(request!.exchange.head).toEqual({
        method: 'POST',
        target: '/p?q',
        form: 'origin',
        path: '/p?q',
        authority: 'a:80',
        version: 20,
        headers: ['host', 'a:80', 'content-length', '5', 'x-a', '1', 'te', 'trailers', 'x-a', '2'],
        spelling: 'lower',
        framing: 'length',
        contentLength: 5,
        upgrade: undefined,
        expectContinue: false,
      });
    });
  });

  test('8.2.3 cookie crumbs become one field, at the place of the first', () => {
    expect(headOf(...PSEUDO, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3').headers).toEqual([
      'host',
      'a:80',
      'cookie',
      'a=1; b=2; c=3',
      'x',
      'y',
    ]);
  });

  test('8.3.1 Host stands in for :authority; spelled otherwise it is the same host', () => {
    expect(headOf(':method', 'GET', ':scheme', 'http', ':path', '/', 'host', 'b').authority).toBe('b');
    expect(headOf(...PSEUDO, 'host', 'A:80').authority).toBe('a:80');
  });

  test('8.3.1 OPTIONS *', () => {
    expect(headOf(':method', 'OPTIONS', ':scheme', 'https', ':authority', 'a', ':path', '*')).toMatchObject({
      form: 'asterisk',
      target: '*',
    });
  });

  test.each([
    [['content-length', '0'], 'none'],
    [['content-length', '7'], 'length'],
    [[], 'chunked'],
  ])('framing of %j', (fields, framing) => {
    expect(headOf(...PSEUDO, ...fields).framing).toBe(framing);
  });

  test('8.5 CONNECT: nothing is read before the tunnel is open, then bytes flow both ways with half-close', () => {
    const script = ServerScript.ready();
    script.deliver(section(1, false, ':method', 'CONNECT', ':authority', 'a:443'), data(1, false, 'early'));
    const [request] = script.requests;
    expect(request!.exchange.head).toMatchObject({ method: 'CONNECT', target: 'a:443', form: 'authority' });
    request!.exchange.resume();
    expect(request!.body).toBe('');
    request!.exchange.respond(responseHead({ framing: 'tunnel' }));
    expect(request!.body).toBe('early');
    request!.exchange.write(Buffer.from('back'), 0, 4);
    script.deliver(data(1, true));
    expect(request!.events).toEqual(['end']);
    request!.exchange.end();
    expect(script.sent()).toEqual(['HEADERS 1 :status=200', 'DATA 1 end back']);
  });
});

describe('answers', () => {
  const ask = section(1, true, ...PSEUDO);

  test('1xx, head, body, trailers', () => {
    const script = ServerScript.ready(({ exchange }) => {
      exchange.inform(responseHead({ status: 103, headers: ['link', 'x'] }));
      exchange.inform(responseHead({ status: 101 }));
      exchange.respond(responseHead({ headers: ['a', 'b', 'connection', 'x', 'transfer-encoding', 'chunked'] }));
      exchange.write(Buffer.from('hello'), 1, 4);
      exchange.end(['grpc-status', '0', 'content-length', '3']);
    });
    expect(script.deliver(ask).sent()).toEqual([
      'HEADERS 1 :status=103 link=x',
      'HEADERS 1 :status=200 a=b',
      'DATA 1 ell',
      'HEADERS 1 end grpc-status=0',
    ]);
    expect(script.requests[0]!.events).toEqual([]);
  });

  test.each([
    ['HEAD', 200, 'chunked'],
    ['GET', 204, 'none'],
    ['GET', 304, 'length'],
    ['GET', 200, 'none'],
  ] as const)('%s %d %s has no body: one frame', (method, status, framing) => {
    const script = ServerScript.ready(({ exchange }) => {
      exchange.respond(responseHead({ status, framing, contentLength: 5 }));
      exchange.write(Buffer.from('never'), 0, 5);
      exchange.end();
    });
    expect(script.deliver(section(1, true, ':method', method, ...PSEUDO.slice(2))).sent()).toEqual([
      `HEADERS 1 end :status=${status}`,
    ]);
  });

  test('8.1 an answer before the request is complete lets the rest of it go', () => {
    const script = ServerScript.ready(({ exchange }) => exchange.respond(responseHead({ framing: 'none' })));
    expect(script.deliver(section(1, false, ...PSEUDO)).sent()).toEqual(['HEADERS 1 end :status=200', 'RST 1 0']);
    expect(script.deliver(data(1, true, 'late')).sent()).toEqual([]);
    expect(script.requests[0]!.body).toBe('');
  });

  test.each([
    [{ reason: 'upstream_reset', unprocessed: false }, ERROR.internal],
    [{ reason: 'upstream_reset', unprocessed: true }, ERROR.refusedStream],
    [{ reason: 'overloaded', unprocessed: false }, ERROR.enhanceYourCalm],
    [{ reason: 'request_timeout', unprocessed: false }, ERROR.cancel],
  ] as const)('abort %j', (failure, code) => {
    const script = ServerScript.ready(({ exchange }) => exchange.abort({ ...failure, detail: '' }));
    expect(script.deliver(ask).sent()).toEqual([`RST 1 ${code}`]);
  });

  test('a reset of the client aborts the exchange; an answer to it goes nowhere', () => {
    const script = ServerScript.ready();
    script.deliver(section(1, false, ...PSEUDO), frame(FRAME.rstStream, 0, 1, uint32(ERROR.cancel)));
    const [request] = script.requests;
    expect(request!.events).toEqual(['abort']);
    expect(request!.failure).toMatchObject({ reason: 'client_closed' });
    request!.exchange.respond(responseHead());
    request!.exchange.write(Buffer.from('x'), 0, 1);
    request!.exchange.end();
    expect(script.sent()).toEqual([]);
  });

  test('a client that does not read stops the writer; window updates let it go on', () => {
    const script = ServerScript.ready();
    script.deliver(ask);
    const { exchange, events } = script.requests[0]!;
    exchange.respond(responseHead());
    const piece = Buffer.alloc(40_000, 0x61);
    expect(exchange.write(piece, 0, piece.length)).toBe(true);
    expect(exchange.write(piece, 0, piece.length)).toBe(true);
    expect(exchange.write(piece, 0, piece.length)).toBe(false);
    script.sent();
    expect(events).toEqual(['end'].slice(0, events.length));
    script.deliver(frame(FRAME.windowUpdate, 0, 1, uint32(200_000)), frame(FRAME.windowUpdate, 0, 0, uint32(200_000)));
    script.sent();
    expect(events).toContain('drain');
  });
});

describe('the connection', () => {
  test('bytes that were read before come first, and no request begins inside the call', () => {
    const first = Buffer.concat([PREFACE, settings(), section(1, true, ...PSEUDO)]);
    const script = new ServerScript({ first });
    expect(script.requests).toHaveLength(0);
    expect(script.transport.paused).toBe(true);
    return Promise.resolve().then(() => {
      expect(script.requests).toHaveLength(1);
      expect(script.transport.paused).toBe(false);
      expect(script.server.busy).toBe(true);
    });
  });

  test('RFC 6585 5: a header list that is too large is answered with 431, and the connection goes on', () => {
    const script = ServerScript.ready();
    const list = [...PSEUDO];
    for (let count = 0; count < 10; count++) list.push(`x-${count}`, 'v'.repeat(6_600));
    const bytes = block(...list);
    script.deliver(frame(FRAME.headers, 1, 1, bytes.subarray(0, 16_000)));
    for (let at = 16_000; at < bytes.length; at += 16_000) {
      const piece = bytes.subarray(at, at + 16_000);
      script.deliver(frame(FRAME.continuation, at + 16_000 >= bytes.length ? 4 : 0, 1, piece));
    }
    expect(script.sent()[0]).toContain('HEADERS 1 end :status=431 x-heddle-reason=head_too_large');
    expect(script.bad).toEqual(['431 head_too_large']);
    script.deliver(section(3, true, ...PSEUDO));
    expect(script.requests).toHaveLength(1);
  });

  test('drain: GOAWAY, what is running is answered, then the connection ends', () => {
    const script = ServerScript.ready();
    script.deliver(section(1, true, ...PSEUDO));
    script.server.drain();
    expect(script.sent()).toEqual([`GOAWAY 2147483647 0`, 'PING']);
    script.deliver(frame(FRAME.ping, 1, 0, Buffer.from('heddle:d')));
    expect(script.sent()).toEqual(['GOAWAY 1 0']);
    expect(script.transport.ended).toBe(false);
    script.requests[0]!.exchange.respond(responseHead({ framing: 'none' }));
    expect(script.sent()).toEqual(['HEADERS 1 end :status=200']);
    expect(script.transport.ended).toBe(true);
  });

  test('an idle connection is drained', () => {
    const script = ServerScript.ready(undefined, { keepalive: { intervalMs: 1e9, timeoutMs: 1e9 } });
    script.clock.advance(3_600_000);
    expect(script.sent()[0]).toBe('GOAWAY 2147483647 0');
  });

  test('10 s of silence: PING; 3 s more: the client is dead', () => {
    const script = ServerScript.ready();
    script.deliver(section(1, false, ...PSEUDO));
    script.clock.advance(10_000);
    script.clock.advance(10_000);
    expect(script.sent()).toEqual(['PING']);
    script.clock.advance(3_000);
    expect(script.requests[0]!.events).toEqual(['abort']);
    expect(script.transport.destroyed).toBe(true);
  });

  test.each([
    ['the preface', [PREFACE.subarray(0, 10)]],
    ['a field section', [PREFACE, settings(), frame(FRAME.headers, 1, 1, block(...PSEUDO))]],
    ['a frame', [PREFACE, settings(), section(1, true, ...PSEUDO).subarray(0, 12)]],
  ])('slow heads are cut: %s', (_name, pieces) => {
    const script = new ServerScript({ keepalive: { intervalMs: 1e9, timeoutMs: 1e9 } });
    script.deliver(...pieces);
    script.clock.advance(10_000);
    expect(script.transport.ended).toBe(false);
    script.clock.advance(10_000);
    expect(script.bad).toEqual(['408 head_timeout']);
    expect(script.transport.ended).toBe(true);
  });

  test('a slow body is not', () => {
    const script = ServerScript.ready(undefined, { keepalive: { intervalMs: 1e9, timeoutMs: 1e9 } });
    script.deliver(section(1, false, ...PSEUDO), frame(FRAME.data, 0, 1, 'x'.repeat(100)).subarray(0, 50));
    script.clock.advance(60_000);
    expect(script.transport.ended).toBe(false);
  });

  test('PINGs are counted, but not those that measure the path of DATA', () => {
    const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
    const script = ServerScript.ready();
    script.deliver(section(1, true, ...PSEUDO));
    const { exchange } = script.requests[0]!;
    exchange.respond(responseHead());
    for (let count = 0; count < 1_000; count++) {
      exchange.write(Buffer.from('x'), 0, 1);
      script.deliver(ping);
    }
    expect(script.sent().filter((line) => line === 'PING ack')).toHaveLength(1_000);
    for (let count = 0; count < 200; count++) script.deliver(ping);
    expect(script.sent().at(-1)).toMatch(`GOAWAY 1 ${ERROR.enhanceYourCalm}`);
  });

  test('close: what runs is aborted, onClose is told once', async () => {
    const script = ServerScript.ready();
    script.deliver(section(1, false, ...PSEUDO));
    script.server.close();
    expect(script.requests[0]!.events).toEqual(['abort']);
    script.transport.deliverClose();
    expect(script.closed).toBe(1);
  });
});
