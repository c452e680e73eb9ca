import { describe, expect, test } from '@jest/globals';
import { ERROR, FRAME, PREFACE } from './codes.ts';
import { frame, headers, parseFrames, settings, uint32 } from './testing/harness.ts';
import { ClientScript, HeardResponse, requestHead } from './testing/messages.ts';

const section = (id: number, end: boolean, ...list: string[]): Buffer => headers(id, end, list);
const data = (id: number, end: boolean, text = ''): Buffer => frame(FRAME.data, end ? 1 : 0, id, text);

function everyCut(bytes: Buffer, run: (pieces: Buffer[]) => void): void {
  run([bytes]);
  run([...bytes].map((byte) => Buffer.from([byte])));
  for (let at = 1; at < bytes.length; at++) run([bytes.subarray(0, at), bytes.subarray(at)]);
}

describe('responses', () => {
  test('1xx, head, body, trailers; cut anywhere', () => {
    const bytes = Buffer.concat([
      section(1, false, ':status', '103', 'link', 'x'),
      section(1, false, ':status', '200', 'content-type', 'text/plain', 'cookie', 'a', 'cookie', 'b'),
      data(1, false, 'hel'),
      data(1, false, 'lo'),
      section(1, true, 'grpc-status', '0', 'content-length', '9'),
    ]);
    everyCut(bytes, (pieces) => {
      const script = ClientScript.ready();
      const heard = script.ask();
      script.deliver(...pieces);
      expect(heard.informs.map(({ status }) => status)).toEqual([103]);
      expect(heard.head).toMatchObject({ status: 200, version: 20, framing: 'chunked' });
      expect(heard.head!.headers).toEqual(['content-type', 'text/plain', 'cookie', 'a; b']);
      expect(heard).toMatchObject({ body: 'hello', events: ['end'], trailers: ['grpc-status', '0'] });
      expect(script.told).toContain('idle');
    });
  });

  test.each([
    ['GET', ['200', 'content-length', '3'], false, 'length'],
    ['GET', ['200', 'content-length', '0'], true, 'none'],
    ['GET', ['200', 'grpc-status', '14'], true, 'none'],
    ['GET', ['200'], false, 'chunked'],
    ['HEAD', ['200', 'content-length', '3'], true, 'none'],
    ['GET', ['204'], true, 'none'],
    ['GET', ['304', 'content-length', '3'], true, 'none'],
    ['CONNECT', ['200'], false, 'tunnel'],
    ['CONNECT', ['403'], true, 'none'],
  ] as const)('%s %j ended %s: %s', (method, fields, ended, framing) => {
    const script = ClientScript.ready();
    const heard = script.ask({
      method,
      ...(method === 'CONNECT' ? { target: 'a:80', form: 'authority' as const } : {}),
    });
    script.deliver(section(1, ended, ':status', ...fields));
    expect(heard.head?.framing).toBe(framing);
  });

  test.each([
    ['8.3.2 no :status', section(1, true, 'a', 'b')],
    ['8.3.2 a :status of two digits', section(1, true, ':status', '20')],
    ['8.3.2 :status twice', section(1, true, ':status', '200', ':status', '200')],
    ['8.3 a pseudo-header of requests', section(1, true, ':status', '200', ':path', '/')],
    ['8.3 a pseudo-header of the mesh', section(1, true, ':status', '200', ':heddle-unprocessed', '1')],
    ['8.2.2 connection', section(1, true, ':status', '200', 'connection', 'close')],
    ['8.2.2 transfer-encoding', section(1, false, ':status', '200', 'transfer-encoding', 'chunked')],
    ['8.6 101', section(1, false, ':status', '101')],
    ['8.1 a 1xx that ends', section(1, true, ':status', '100')],
    ['8.1 DATA first', data(1, false, 'x')],
    ['8.1 a second head', Buffer.concat([section(1, false, ':status', '200'), section(1, false, 'a', 'b')])],
    [
      '8.1 a pseudo-header in trailers',
      Buffer.concat([section(1, false, ':status', '200'), section(1, true, ':a', 'b')]),
    ],
    [
      '9110 8.6 Content-Length twice',
      section(1, false, ':status', '200', 'content-length', '1', 'content-length', '2'),
    ],
    [
      '8.1.1 more DATA',
      Buffer.concat([section(1, false, ':status', '200', 'content-length', '1'), data(1, false, 'xy')]),
    ],
    [
      '8.1.1 fewer DATA',
      Buffer.concat([section(1, false, ':status', '200', 'content-length', '2'), data(1, true, 'x')]),
    ],
    ['8.1.1 an end where a body was said', section(1, true, ':status', '200', 'content-length', '2')],
    ['too many 1xx', Buffer.concat(Array.from({ length: 33 }, () => section(1, false, ':status', '100')))],
  ])('%s: the try fails, the connection goes on', (_name, bytes) => {
    everyCut(bytes, (pieces) => {
      const script = ClientScript.ready();
      const heard = script.ask();
      script.sent();
      script.deliver(...pieces);
      expect(heard.failure).toMatchObject({ reason: 'upstream_protocol', unprocessed: false });
      expect(heard.events).toEqual(['failure']);
      expect(script.sent()).toEqual([`RST 1 ${ERROR.protocol}`]);
      const next = script.ask();
      script.deliver(section(3, true, ':status', '200'));
      expect(next.head?.status).toBe(200);
    });
  });

  test.each([
    [ERROR.refusedStream, true],
    [ERROR.internal, false],
    [ERROR.noError, false],
  ])('RST_STREAM %d: unprocessed %s', (code, unprocessed) => {
    const script = ClientScript.ready();
    const heard = script.ask();
    script.deliver(frame(FRAME.rstStream, 0, 1, uint32(code)));
    expect(heard.failure).toMatchObject({ reason: 'upstream_reset', unprocessed });
  });

  test('8.1 RST_STREAM NO_ERROR behind a complete answer takes nothing of it away, even where it waits', () => {
    const script = ClientScript.ready();
    const heard = new HeardResponse();
    const exchange = script.client.request(requestHead({ method: 'POST', framing: 'chunked' }), heard);
    script.deliver(section(1, false, ':status', '200'));
    exchange.pause();
    script.deliver(data(1, true, 'early'), frame(FRAME.rstStream, 0, 1, uint32(ERROR.noError)));
    expect(heard.events).toEqual([]);
    exchange.resume();
    expect(heard).toMatchObject({ body: 'early', events: ['end'] });
  });

  test('REFUSED_STREAM after the head promises nothing', () => {
    const script = ClientScript.ready();
    const heard = script.ask();
    script.deliver(section(1, false, ':status', '200'), frame(FRAME.rstStream, 0, 1, uint32(ERROR.refusedStream)));
    expect(heard.failure).toMatchObject({ unprocessed: false });
  });

  test('6.8 GOAWAY: requests above its last stream are unprocessed, the others go on', () => {
    const script = ClientScript.ready();
    const [first, second] = [script.ask(), script.ask()];
    script.deliver(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
    expect(second.failure).toMatchObject({ reason: 'upstream_reset', unprocessed: true });
    expect(script.client.state).toBe('draining');
    script.deliver(section(1, true, ':status', '200'));
    expect(first.events).toEqual(['end']);
    expect(script.told.at(-1)).not.toBe('idle');
  });
});

describe('requests', () => {
  test('without a body: one frame; with one: HEADERS, DATA, trailers', () => {
    const script = ClientScript.ready();
    script.ask({ headers: ['accept', '*/*', 'host', 'a', 'te', 'trailers', 'connection', 'x'] });
    const post = { method: 'POST', target: '/x', path: '/x', headers: ['host', 'b'], framing: 'chunked' } as const;
    const exchange = script.client.request(requestHead({ ...post, headers: [...post.headers] }), new HeardResponse());
    exchange.write(Buffer.from('hello'), 0, 5);
    exchange.end(['x-sum', '7', 'host', 'evil']);
    expect(script.sent()).toEqual([
      'HEADERS 1 end :method=GET :scheme=http :authority=a :path=/ accept=*/* te=trailers',
      'HEADERS 3 :method=POST :scheme=http :authority=b :path=/x',
      'DATA 3 hello',
      'HEADERS 3 end x-sum=7',
    ]);
  });

  test.each([
    [{ form: 'absolute', target: 'http://b/x?y', path: '/x?y' }, ':authority=a :path=/x?y'],
    [{ method: 'OPTIONS', form: 'asterisk', target: '*', path: '*' }, ':authority=a :path=*'],
    [{ headers: [], version: 10 }, ':scheme=http :path=/'],
    [{ upgrade: 'websocket' }, ':authority=a :path=/'],
  ] as const)('8.3.1 %j', (changes, expected) => {
    const script = ClientScript.ready();
    script.ask({ ...changes, headers: [...('headers' in changes ? changes.headers : ['host', 'a'])] });
    expect(script.sent()[0]).toContain(expected);
  });

  test('8.5 CONNECT names only the authority and stays open', () => {
    const script = ClientScript.ready();
    script.ask({ method: 'CONNECT', target: 'a:80', form: 'authority', path: '' });
    expect(script.sent()).toEqual(['HEADERS 1 :method=CONNECT :authority=a:80']);
  });

  test('abort resets the stream; nothing more is heard', () => {
    const script = ClientScript.ready();
    const heard = script.ask();
    const exchange = script.client.request(requestHead(), heard);
    script.sent();
    exchange.abort();
    script.deliver(section(3, true, ':status', '200'));
    expect(script.sent()).toEqual([`RST 3 ${ERROR.cancel}`]);
    expect(heard.events).toEqual([]);
  });

  test('what cannot start is unprocessed, and told after the call', async () => {
    const limited = ClientScript.ready([0x3, 1]);
    limited.ask();
    expect(limited.client.capacity).toBe(0);
    const refused = limited.ask();
    expect(refused.failure).toBeUndefined();
    await Promise.resolve();
    expect(refused.failure).toMatchObject({ reason: 'overloaded', unprocessed: true });
    const small = ClientScript.ready([0x6, 100]);
    const large = small.ask({ headers: ['host', 'a', 'x', 'y'.repeat(200)] });
    await Promise.resolve();
    expect(large.failure).toMatchObject({ reason: 'head_too_large', unprocessed: true });
    limited.client.close();
    const late = limited.ask();
    await Promise.resolve();
    expect(late.failure).toMatchObject({ reason: 'upstream_reset', unprocessed: true });
  });

  test('the first bytes are preface and SETTINGS without push; ready when the server answers', () => {
    const script = new ClientScript();
    expect(script.client.state).toBe('connecting');
    const first = script.opening();
    expect(first.subarray(0, PREFACE.length)).toEqual(PREFACE);
    const [begin] = parseFrames(first.subarray(PREFACE.length));
    expect([begin!.type, begin!.payload.subarray(0, 6).toString('hex')]).toEqual([FRAME.settings, '000200000000']);
    script.deliver(settings([0x3, 7]));
    expect(script.told).toEqual(['ready']);
    expect(script.client).toMatchObject({ state: 'open', capacity: 7, active: 0 });
  });

  test('a server that speaks HTTP/1.1 is not HTTP/2: the connection fails', () => {
    const script = new ClientScript();
    const heard = script.ask();
    script.deliver(Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
    expect(heard.failure).toMatchObject({ reason: 'upstream_reset' });
    expect(script.client.state).toBe('closed');
  });
});
