import { describe, expect, test } from '@jest/globals';
import { parseRequestHead, parseResponseHead, type ReceivedRequest } from './head-parser.ts';
import { DEFAULT_HTTP_LIMITS as limits } from './limits.ts';
import type { RequestHead } from './message.ts';
import { ProtocolError } from './protocol-error.ts';
import { raw } from './testing/cuts.ts';

const parse = (text: string, with_ = limits): ReceivedRequest => {
  // Placed in the middle of a larger buffer, as it stands in a read buffer.
  const bytes = raw(`xx${text}yy`);
  return parseRequestHead(bytes, 2, bytes.length - 2, with_);
};
const get: RequestHead = parse('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
const parseAnswer = (text: string, request: RequestHead = get) => {
  const bytes = raw(text);
  return parseResponseHead(bytes, 0, bytes.length, request, limits);
};

/** `status reason` of the refusal, or 'accepted'. */
function verdict(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(error.detail).not.toBe('');
    return `${error.status} ${error.reason}`;
  }
}

describe('request line forms (RFC 9112, 3.2)', () => {
  test.each([
    ['GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n', 'GET', '/a?b=c', 'origin', '/a?b=c', 'h'],
    ['GET //a/../b HTTP/1.1\r\nHost: h\r\n\r\n', 'GET', '//a/../b', 'origin', '//a/../b', 'h'],
    ['GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n', 'GET', '/\xc3\xa4', 'origin', '/\xc3\xa4', 'h'],
    ['GET http://x:81/a?b HTTP/1.1\r\nHost: h\r\n\r\n', 'GET', 'http://x:81/a?b', 'absolute', '/a?b', 'x:81'],
    ['GET http://x HTTP/1.1\r\nHost: x\r\n\r\n', 'GET', 'http://x', 'absolute', '/', 'x'],
    ['GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n', 'GET', 'http://x?q', 'absolute', '/?q', 'x'],
    ['OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n', 'OPTIONS', 'http://x', 'absolute', '*', 'x'],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 'OPTIONS', '*', 'asterisk', '*', 'x'],
    ['CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 'CONNECT', 'x:443', 'authority', '', 'x:443'],
    ['CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n', 'CONNECT', '[fd00::1]:443', 'authority', '', '[fd00::1]:443'],
    ['GET / HTTP/1.0\r\n\r\n', 'GET', '/', 'origin', '/', ''],
    ["M-S!#$%&'*+.^_`|~ / HTTP/1.1\r\nHost:\r\n\r\n", "M-S!#$%&'*+.^_`|~", '/', 'origin', '/', ''],
  ])('%j', (text, method, target, form, path, authority) => {
    expect(parse(text)).toMatchObject({ method, target, form, path, authority });
  });

  test('the authority of an absolute target replaces Host (RFC 9112, 3.2.2)', () => {
    expect(parse('GET http://x/ HTTP/1.1\r\nA: b\r\nHost: evil\r\n\r\n').headers).toEqual(['a', 'b', 'host', 'x']);
    expect(parse('CONNECT x:1 HTTP/1.1\r\nA: b\r\nHost: evil:1\r\n\r\n').headers).toEqual(['a', 'b', 'host', 'x:1']);
  });
});

describe('requests refused', () => {
  const H = 'Host: h\r\n';
  test.each([
    // RFC 9112, 3: request line
    ['GET  / HTTP/1.1\r\n', '400 malformed_request'],
    ['GET /  HTTP/1.1\r\n', '400 malformed_request'],
    ['GET\t/ HTTP/1.1\r\n', '400 malformed_request'],
    ['GET / HTTP/1.1 \r\n', '400 malformed_request'],
    [' GET / HTTP/1.1\r\n', '400 malformed_request'],
    ['GET /a b HTTP/1.1\r\n', '400 malformed_request'],
    ['GET / http/1.1\r\n', '400 malformed_request'],
    ['GET / HTTP/1.11\r\n', '400 malformed_request'],
    ['GET /\r\n', '400 malformed_request'],
    ['GET\r\n', '400 malformed_request'],
    ['\r\n', '400 malformed_request'],
    ['G(T / HTTP/1.1\r\n', '400 malformed_request'],
    ['G\xe4T / HTTP/1.1\r\n', '400 malformed_request'],
    ['GET HTTP/1.1\r\n', '400 malformed_request'],
    ['/ HTTP/1.1\r\n', '400 malformed_request'],
    // RFC 9112, 2.3: version
    ['GET / HTTP/2.0\r\n', '505 unsupported'],
    ['GET / HTTP/1.2\r\n', '505 unsupported'],
    ['GET / HTTP/0.9\r\n', '505 unsupported'],
    ['PRI * HTTP/2.0\r\n', '505 unsupported'],
    // RFC 9112, 3.2: target forms
    ['GET * HTTP/1.1\r\n', '400 malformed_request'],
    ['GET a HTTP/1.1\r\n', '400 malformed_request'],
    ['GET /#f HTTP/1.1\r\n', '400 malformed_request'],
    ['GET h:80 HTTP/1.1\r\n', '400 malformed_request'],
    ['GET http:/// HTTP/1.1\r\n', '400 malformed_request'],
    ['GET http://:80/ HTTP/1.1\r\n', '400 malformed_request'],
    ['GET http://u@h/ HTTP/1.1\r\n', '400 malformed_request'],
    ['GET http://h:99999/ HTTP/1.1\r\n', '400 malformed_request'],
    ['CONNECT / HTTP/1.1\r\n', '400 malformed_request'],
    ['CONNECT h HTTP/1.1\r\n', '400 malformed_request'],
    ['CONNECT h:0 HTTP/1.1\r\n', '400 malformed_request'],
    ['CONNECT :80 HTTP/1.1\r\n', '400 malformed_request'],
    ['CONNECT http://h:80 HTTP/1.1\r\n', '400 malformed_request'],
  ])('line %j: %s', (line, expected) => expect(verdict(() => parse(`${line}${H}\r\n`))).toBe(expected));

  test.each([
    // RFC 9112, 3.2: Host
    ['', '400 malformed_request'],
    ['Host: a\r\nHost: a\r\n', '400 malformed_request'],
    ['Host: a b\r\n', '400 malformed_request'],
    ['Host: a,b\r\n', '400 malformed_request'],
    ['Host: http://a\r\n', '400 malformed_request'],
    // RFC 9112, 5: fields
    [`${H}A : b\r\n`, '400 malformed_request'],
    [`${H}A\t: b\r\n`, '400 malformed_request'],
    [`${H} folded\r\n`, '400 malformed_request'],
    [`${H}A: b\r\n c\r\n`, '400 malformed_request'],
    [`${H}A: b\r\n\tc\r\n`, '400 malformed_request'],
    [`${H}: b\r\n`, '400 malformed_request'],
    [`${H}A\r\n`, '400 malformed_request'],
    [`${H}A(b): c\r\n`, '400 malformed_request'],
    [`${H}\xe4: c\r\n`, '400 malformed_request'],
    // RFC 9110, 5.5 and RFC 9112, 2.2: characters
    [`${H}A: b\0c\r\n`, '400 malformed_request'],
    [`${H}A: b\x0bc\r\n`, '400 malformed_request'],
    [`${H}A: b\x7fc\r\n`, '400 malformed_request'],
    [`${H}A: b\rc\r\n`, '400 malformed_request'],
    [`${H}A: b\nc: d\r\n`, '400 malformed_request'],
    [`${H}A: b\r\r\n`, '400 malformed_request'],
    // RFC 9110, 7.6.1: Connection
    [`${H}Connection: host\r\n`, '400 malformed_request'],
    [`${H}Connection: close, Content-Length\r\n`, '400 malformed_request'],
    [`${H}Connection: a b\r\n`, '400 malformed_request'],
  ])('fields %j: %s', (fields, expected) => {
    expect(verdict(() => parse(`GET / HTTP/1.1\r\n${fields}\r\n`))).toBe(expected);
  });

  test('sizes', () => {
    const long = 'x'.repeat(100);
    const small = { ...limits, startLineBytes: 60, headBytes: 300, fields: 5 };
    expect(verdict(() => parse(`GET /${long} HTTP/1.1\r\n${H}\r\n`, small))).toBe('414 head_too_large');
    expect(verdict(() => parse(`GET / HTTP/1.1\r\n${H}A: ${long}${long}${long}\r\n\r\n`, small))).toBe(
      '431 head_too_large',
    );
    expect(verdict(() => parse(`GET / HTTP/1.1\r\n${H}${'A: b\r\n'.repeat(4)}\r\n`, small))).toBe('accepted');
    expect(verdict(() => parse(`GET / HTTP/1.1\r\n${H}${'A: b\r\n'.repeat(5)}\r\n`, small))).toBe('431 head_too_large');
  });
});

describe('framing of requests (RFC 9112, 6)', () => {
  const post = (fields: string, version = '1.1') => parse(`POST / HTTP/${version}\r\nHost: h\r\n${fields}\r\n`);
  test.each([
    ['', 'none', 0],
    ['Content-Length: 0\r\n', 'none', 0],
    ['Content-Length:42\r\n', 'length', 42],
    ['content-length: \t 42 \t\r\n', 'length', 42],
    ['Content-Length: 999999999999999\r\n', 'length', 999_999_999_999_999],
    ['Transfer-Encoding: chunked\r\n', 'chunked', 0],
    ['transfer-encoding: Chunked\r\n', 'chunked', 0],
  ])('%j: %s %d', (fields, framing, contentLength) => {
    expect(post(fields)).toMatchObject({ framing, contentLength });
  });

  test.each([
    ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '400 malformed_request'],
    ['Content-Length: 5\r\nContent-Length: 6\r\n', '400 malformed_request'],
    ['Content-Length: 5\r\nContent-Length: 5\r\n', '400 malformed_request'],
    ['Content-Length: 5, 5\r\n', '400 malformed_request'],
    ['Content-Length: +5\r\n', '400 malformed_request'],
    ['Content-Length: -5\r\n', '400 malformed_request'],
    ['Content-Length: 0x5\r\n', '400 malformed_request'],
    ['Content-Length: 5 5\r\n', '400 malformed_request'],
    ['Content-Length: 05\r\n', '400 malformed_request'],
    ['Content-Length: 5e1\r\n', '400 malformed_request'],
    ['Content-Length: \r\n', '400 malformed_request'],
    ['Content-Length: 1000000000000000\r\n', '400 malformed_request'],
    ['Content-Length: \xb2\r\n', '400 malformed_request'],
    ['Transfer-Encoding: gzip, chunked\r\n', '501 unsupported'],
    ['Transfer-Encoding: identity\r\n', '501 unsupported'],
    ['Transfer-Encoding: xchunked\r\n', '501 unsupported'],
    ['Transfer-Encoding: chunked, chunked\r\n', '400 malformed_request'],
    ['Transfer-Encoding: chunked, identity\r\n', '400 malformed_request'],
    ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '400 malformed_request'],
    ['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '400 malformed_request'],
    ['Transfer-Encoding: "chunked"\r\n', '400 malformed_request'],
    ['Transfer-Encoding: chunked;q=1\r\n', '400 malformed_request'],
    ['Transfer-Encoding:\r\n', '400 malformed_request'],
  ])('%j: %s', (fields, expected) => expect(verdict(() => post(fields))).toBe(expected));

  test('Transfer-Encoding in HTTP/1.0 is faulty (6.1)', () => {
    expect(verdict(() => post('Transfer-Encoding: chunked\r\n', '1.0'))).toBe('400 malformed_request');
  });

  test('CONNECT has no content (RFC 9110, 9.3.6)', () => {
    for (const field of ['Content-Length: 5', 'Content-Length: 0', 'Transfer-Encoding: chunked']) {
      expect(verdict(() => parse(`CONNECT h:1 HTTP/1.1\r\nHost: h\r\n${field}\r\n\r\n`))).toBe('400 malformed_request');
    }
  });
});

describe('fields of the connection (RFC 9110, 7.6.1)', () => {
  const headersOf = (fields: string) => parse(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`);

  test('are removed, with those that Connection names; order and repeats of the others stay', () => {
    const head = headersOf(
      'B: 1\r\nConnection: keep-alive, X-Gone, close\r\nKeep-Alive: timeout=5\r\nX-Gone: 1\r\nProxy-Connection: x\r\nA: 2\r\nx-gone: 2\r\nB: 3\r\n',
    );
    expect(head.headers).toEqual(['host', 'h', 'b', '1', 'a', '2', 'b', '3']);
    expect(head.persistent).toBe(false);
  });

  test('TE is passed on as trailers only', () => {
    expect(headersOf('Connection: TE\r\nTE: gzip;q=0.5, Trailers\r\nTE: trailers\r\n').headers).toEqual([
      'host',
      'h',
      'te',
      'trailers',
    ]);
    expect(headersOf('Connection: TE\r\nTE: gzip, xtrailers\r\n').headers).toEqual(['host', 'h']);
  });

  test.each([
    ['1.1', '', true],
    ['1.1', 'Connection: close\r\n', false],
    ['1.1', 'Connection: keep-alive\r\nConnection: CLOSE\r\n', false],
    ['1.0', '', false],
    ['1.0', 'Connection: Keep-Alive\r\n', true],
    ['1.0', 'Connection: keep-alive, close\r\n', false],
  ])('HTTP/%s %j: persistent %s', (version, fields, persistent) => {
    expect(parse(`GET / HTTP/${version}\r\nHost: h\r\n${fields}\r\n`).persistent).toBe(persistent);
  });

  test.each([
    ['Connection: Upgrade\r\nUpgrade: WebSocket\r\n', 'websocket'],
    ['Connection: keep-alive, upgrade\r\nUpgrade: foo/2\r\n', 'foo/2'],
    ['Upgrade: websocket\r\n', undefined],
    ['Connection: upgrade\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: h2c, websocket\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: foo\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n', undefined],
  ])('upgrade %j: %s', (fields, upgrade) => {
    const head = headersOf(fields);
    expect(head.upgrade).toBe(upgrade);
    expect(head.headers.filter((name) => name === 'upgrade' || name === 'http2-settings')).toEqual([]);
  });

  test('Expect (RFC 9110, 10.1.1)', () => {
    const post = (version: string, body: string, expect_: string) =>
      parse(`POST / HTTP/${version}\r\nHost: h\r\nExpect: ${expect_}\r\n${body}\r\n`);
    expect(post('1.1', 'Content-Length: 1\r\n', '100-Continue')).toMatchObject({ expectContinue: true });
    expect(post('1.1', 'Content-Length: 1\r\n', '100-Continue').headers).toContain('expect');
    expect(post('1.1', '', '100-continue')).toMatchObject({ expectContinue: false });
    const old = post('1.0', 'Content-Length: 1\r\n', '100-continue');
    expect(old.expectContinue).toBe(false);
    expect(old.headers).not.toContain('expect');
  });
});

describe('spelling', () => {
  test.each([
    ['host: h\r\nx-a: 1\r\n', 'lower'],
    ['Host: h\r\nX-A-1: 1\r\nContent-Type: x\r\n', 'title'],
    ['Host: h\r\nETag: 1\r\nx-a: 2\r\n', ['Host', 'ETag', 'x-a']],
    ['host: h\r\nx-a: 1\r\nHOST2: x\r\n', ['host', 'x-a', 'HOST2']],
    ['Host: h\r\nconnection: close\r\n', 'title'],
    ['Host: h\r\nDNT: 1\r\nConnection: dnt\r\nA: b\r\n', ['Host', 'A']],
  ])('%j', (fields, spelling) => {
    expect(parse(`GET / HTTP/1.1\r\n${fields}\r\n`).spelling).toEqual(spelling);
  });
});

describe('responses', () => {
  const head: RequestHead = { ...get, method: 'HEAD' };
  const connect = parse('CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n');
  const socket = parse('GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  test.each([
    ['HTTP/1.1 200 OK\r\n\r\n', get, 200, 'OK', 'close', 0, false],
    ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', get, 200, '', 'none', 0, true],
    ['HTTP/1.1 200 \r\nContent-Length: 7\r\n\r\n', get, 200, '', 'length', 7, true],
    [
      'HTTP/1.1 999 Very \xe4 odd\tone\r\nTransfer-Encoding: chunked\r\n\r\n',
      get,
      999,
      'Very \xe4 odd\tone',
      'chunked',
      0,
      true,
    ],
    ['HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n', get, 200, 'OK', 'length', 7, false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n', get, 200, 'OK', 'length', 7, true],
    ['HTTP/1.1 204 No Content\r\n\r\n', get, 204, 'No Content', 'none', 0, true],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', get, 304, 'Not Modified', 'none', 0, true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n', head, 200, 'OK', 'none', 0, false],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', head, 200, 'OK', 'none', 0, true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', connect, 200, 'OK', 'tunnel', 0, false],
    ['HTTP/1.1 407 No\r\nContent-Length: 7\r\n\r\n', connect, 407, 'No', 'length', 7, true],
    ['HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n', socket, 101, 'S', 'tunnel', 0, false],
    ['HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', socket, 200, 'OK', 'length', 7, true],
    ['HTTP/1.1 100 Continue\r\n\r\n', get, 100, 'Continue', 'none', 0, true],
  ] as const)('%j', (text, request, status, reason, framing, contentLength, persistent) => {
    expect(parseAnswer(text, request)).toMatchObject({ status, reason, framing, contentLength, persistent });
  });

  test('Content-Length stays where it means something, and only there', () => {
    const lengthOf = (text: string, request: RequestHead) =>
      parseAnswer(text, request).headers.includes('content-length');
    expect(lengthOf('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', head)).toBe(true);
    expect(lengthOf('HTTP/1.1 304 OK\r\nContent-Length: 7\r\n\r\n', get)).toBe(true);
    expect(lengthOf('HTTP/1.1 204 OK\r\nContent-Length: 0\r\n\r\n', get)).toBe(false);
    expect(lengthOf('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n', connect)).toBe(false);
  });

  test('white space before a colon is removed from responses (RFC 9112, 5.1)', () => {
    expect(parseAnswer('HTTP/1.1 204 OK\r\nA \t: b\r\n\r\n').headers).toEqual(['a', 'b']);
  });

  test.each([
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 200OK\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'HTTP/1.1 200 O\0K\r\n\r\n',
    'HTTP/1.1 200 OK\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    'HTTP/1.1 304 OK\r\nContent-Length: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ])('%j is refused', (text) => expect(verdict(() => parseAnswer(text))).not.toBe('accepted'));

  test('a 101 must answer what was asked (RFC 9110, 15.2.2)', () => {
    const to = (fields: string) => verdict(() => parseAnswer(`HTTP/1.1 101 S\r\n${fields}\r\n`, socket));
    expect(to('Connection: upgrade\r\nUpgrade: foo\r\n')).toBe('400 malformed_request');
    expect(to('Upgrade: websocket\r\n')).toBe('400 malformed_request');
    expect(to('Connection: upgrade\r\n')).toBe('400 malformed_request');
    expect(to('Connection: upgrade\r\nUpgrade: websocket\r\n')).toBe('accepted');
  });
});
