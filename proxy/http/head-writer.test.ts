import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRequestHead, parseResponseHead } from './head-parser.ts';
import { requestHeadText, responseHeadText } from './head-writer.ts';
import { DEFAULT_HTTP_LIMITS as limits } from './limits.ts';
import type { RequestHead, ResponseHead } from './message.ts';
import { requestConnectionFields } from './request-fields.ts';
import { raw } from './testing/cuts.ts';

const TOKEN_CHARACTERS = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const SPECIAL =
  /^(?:host|content-length|transfer-encoding|connection|upgrade|expect|te|keep-alive|proxy-connection|http2-settings)$/i;
const name = fc
  .array(fc.constantFrom(...TOKEN_CHARACTERS), { minLength: 1, maxLength: 12 })
  .map((list) => list.join(''))
  .filter((text) => !SPECIAL.test(text));
const known = fc.constantFrom(
  'accept',
  'Accept',
  'ETag',
  'content-type',
  'Content-Type',
  'X-Request-ID',
  'x-request-id',
);
const value = fc
  .array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 20 })
  .map((codes) => String.fromCharCode(...codes.filter((code) => code !== 0x7f)).trim())
  // String.trim knows more white space than HTTP does.
  .filter((text) => !/^[\u0085\u00a0]|[\u0085\u00a0]$/.test(text));
const fields = fc.array(fc.tuple(fc.oneof(name, known), value), { maxLength: 8 });
const method = fc.constantFrom('GET', 'POST', 'DELETE', 'PROPFIND', 'x-odd');
const path = fc.webPath().map((text) => `/${text.replace(/#/g, '')}`);
const body = fc.constantFrom('', 'Content-Length: 12\r\n', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 0\r\n');

const parseRequest = (text: string): RequestHead => {
  const bytes = raw(text);
  return parseRequestHead(bytes, 0, bytes.length, limits);
};

test('a request head that was read and written reads the same', () => {
  fc.assert(
    fc.property(
      method,
      path,
      fields,
      body,
      fc.constantFrom('Host', 'host', 'HOST'),
      (verb, target, list, framing, host) => {
        const lines = list.map(([field, text]) => `${field}: ${text}\r\n`).join('');
        const first = parseRequest(`${verb} ${target} HTTP/1.1\r\n${host}: h:1\r\n${lines}${framing}\r\n`);
        const written = requestHeadText(first, requestConnectionFields(first), 'unused');
        expect(parseRequest(written)).toEqual(first);
      },
    ),
    { numRuns: 500 },
  );
});

test('a response head that was read and written reads the same', () => {
  const request = parseRequest('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  const parse = (text: string): ResponseHead => parseResponseHead(raw(text), 0, text.length, request, limits);
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 599 }), fields, body, (status, list, framing) => {
      fc.pre(status !== 204 && status !== 304 && framing !== '');
      const lines = list.map(([field, text]) => `${field}: ${text}\r\n`).join('');
      const first = parse(`HTTP/1.1 ${status} Some reason\r\n${lines}${framing}\r\n`);
      const chunked = first.framing === 'chunked';
      const length = first.framing === 'length' ? first.contentLength : chunked ? ('drop' as const) : 0;
      const written = responseHeadText(first, { connection: undefined, upgrade: undefined, chunked, length });
      expect(parse(written)).toEqual(first);
    }),
    { numRuns: 500 },
  );
});

describe('what a request says upstream', () => {
  const write = (text: string, change: Partial<RequestHead> = {}): string => {
    const head = { ...parseRequest(text), ...change };
    return requestHeadText(head, requestConnectionFields(head), '10.0.0.7:80');
  };

  test.each([
    ['GET /a HTTP/1.1\r\nhost: h\r\nConnection: close\r\n\r\n', 'GET /a HTTP/1.1\r\nhost: h\r\n\r\n'],
    ['GET http://x/a HTTP/1.0\r\n\r\n', 'GET http://x/a HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['GET /a HTTP/1.0\r\nAccept: x\r\n\r\n', 'GET /a HTTP/1.1\r\nHost: 10.0.0.7:80\r\nAccept: x\r\n\r\n'],
    [
      'GET / HTTP/1.1\r\nhost: h\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n',
    ],
    [
      'GET / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: te\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: TE\r\n\r\n',
    ],
    [
      'POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\nETag: x\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nETag: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    [
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n',
    ],
  ])('%j', (received, sent) => expect(write(received)).toBe(sent));

  test('Content-Length agrees with the framing, whatever the header list says', () => {
    const post = 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n';
    const headers = ['host', 'h', 'content-length', '5', 'content-length', '6'];
    expect(write(post, { headers, framing: 'chunked' })).toBe(
      'POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    expect(write(post, { headers, contentLength: 7 })).toBe('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 7\r\n\r\n');
    expect(write(post, { headers, framing: 'none' })).toBe('POST / HTTP/1.1\r\nhost: h\r\n\r\n');
    expect(write(post, { headers: ['host', 'h'] })).toBe('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n');
  });

  test('a listed spelling never renames a field when the headers were changed', () => {
    const text = write('GET / HTTP/1.1\r\nHost: h\r\nETag: x\r\n\r\n', {
      headers: ['x-new', '1', 'host', 'h', 'etag', 'x'],
    });
    expect(text).toBe('GET / HTTP/1.1\r\nX-New: 1\r\nHost: h\r\nEtag: x\r\n\r\n');
  });
});
