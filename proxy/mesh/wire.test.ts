import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RequestHead, ResponseHead } from '../http/http.ts';
import { META, request, response } from './testing/pair.ts';
import { trailerFault, trailersToSend } from './wire-fields.ts';
import { formText, parseForm } from './wire-form.ts';
import { decodeRequest, encodeRequest, encodeTunnel } from './wire-request.ts';
import { decodeResponse, encodeResponse } from './wire-response.ts';

/** Whether END_STREAM comes with the head, as `MeshClient.open` decides. */
function endsWithHead(head: RequestHead): boolean {
  const tunnel = head.upgrade !== undefined || head.method === 'CONNECT';
  return !tunnel && (head.framing === 'none' || (head.framing === 'length' && head.contentLength === 0));
}

describe('requests there and back', () => {
  const CASES: [string, RequestHead][] = [
    ['canonical', request()],
    ['names in lower case', request({ spelling: 'lower' })],
    ['names as spelled', request({ authority: 'h', headers: ['x-a', '1', 'host', 'h'], spelling: ['X-a', 'hosT'] })],
    ['HTTP/1.0 without Host', request({ version: 10, authority: '', headers: ['accept', '*/*'] })],
    ['HTTP/1.1 with an empty Host', request({ authority: '', headers: ['host', ''] })],
    ['Host last', request({ headers: ['accept', '*/*', 'host', 'payment-service'] })],
    [
      'a body with a length',
      request({
        method: 'POST',
        framing: 'length',
        contentLength: 5,
        headers: ['host', 'payment-service', 'content-length', '5'],
      }),
    ],
    [
      'an empty body with a length',
      request({ method: 'POST', framing: 'length', headers: ['host', 'payment-service', 'content-length', '0'] }),
    ],
    ['a chunked body', request({ method: 'POST', framing: 'chunked' })],
    [
      'Expect',
      request({
        method: 'PUT',
        framing: 'chunked',
        expectContinue: true,
        headers: ['host', 'payment-service', 'expect', '100-Continue'],
      }),
    ],
    ['an upgrade', request({ upgrade: 'websocket' })],
    ['absolute form', request({ target: 'http://payment-service/a?b', form: 'absolute', path: '/a?b' })],
    ['asterisk form', request({ method: 'OPTIONS', target: '*', form: 'asterisk', path: '*' })],
    [
      'CONNECT of an application',
      request({
        method: 'CONNECT',
        target: 'db:5432',
        form: 'authority',
        path: '',
        authority: 'db:5432',
        headers: ['host', 'db:5432'],
      }),
    ],
    ['HTTP/2', request({ version: 20, spelling: 'lower', framing: 'chunked', method: 'POST' })],
    [
      'repeated fields and raw bytes',
      request({ headers: ['host', 'payment-service', 'x', 'é;,"', 'x', '', 'te', 'trailers'] }),
    ],
  ];
  test.each(CASES)('%s', (_name, head) => {
    expect(decodeRequest(encodeRequest(head, META), endsWithHead(head))).toEqual({ kind: 'http', head, meta: META });
  });

  test('a raw TCP connection', () => {
    const decoded = decodeRequest(encodeTunnel({ destination: '[fd00::1]:5432', attempt: 2, deadlineMs: 0 }), false);
    expect(decoded).toMatchObject({
      kind: 'tunnel',
      meta: { destination: '[fd00::1]:5432', attempt: 2, deadlineMs: 0 },
      head: { method: 'CONNECT', target: '[fd00::1]:5432' },
    });
  });

  test('spelling that a filter has made stale does not break the request', () => {
    const head = request({
      headers: ['x-new', '1', 'host', 'payment-service', 'accept', '*/*'],
      spelling: ['hOst', 'aCCept'],
    });
    const decoded = decodeRequest(encodeRequest(head, META), true);
    expect(decoded).toMatchObject({
      kind: 'http',
      head: { headers: head.headers, spelling: ['x-new', 'host', 'accept'] },
    });
  });

  test('fields of one connection are left at home', () => {
    const head = request({
      headers: [
        'host',
        'payment-service',
        'connection',
        'x',
        'transfer-encoding',
        'chunked',
        'upgrade',
        'a',
        'ok',
        '1',
      ],
    });
    expect(encodeRequest(head, META).slice(-2)).toEqual(['ok', '1']);
    expect(encodeRequest(head, META)).not.toContain('connection');
  });
});

describe('requests of a hostile peer', () => {
  const BASE = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/', ':heddle-dst', '10.0.0.1:80'];
  const put = (name: string, value: string): string[] =>
    BASE.map((text, index) => (BASE[index - 1] === name ? value : text));
  const drop = (name: string): string[] => {
    const at = BASE.indexOf(name);
    return [...BASE.slice(0, at), ...BASE.slice(at + 2)];
  };
  const CASES: [string, string[], boolean, RegExp][] = [
    ['an unknown pseudo-header', [...BASE, ':protocol', 'x'], true, /unknown pseudo-header/],
    ['a repeated pseudo-header', [...BASE, ':path', '/b'], true, /:path twice/],
    ['a late pseudo-header', [...BASE, 'a', 'b', ':heddle-attempt', '2'], true, /after a regular field/],
    ['a method with a space', put(':method', 'GET /x HTTP/1.1'), true, /:method/],
    ['no method', drop(':method'), true, /:method/],
    ['no path', drop(':path'), true, /:path/],
    ['a path with a space', put(':path', '/ HTTP/1.1'), true, /:path/],
    ['a path with a fragment', put(':path', '/a#b'), true, /:path/],
    ['a path of no form', put(':path', 'a/b'), true, /:path/],
    ['* without OPTIONS', put(':path', '*'), true, /:path/],
    ['a scheme of its own', put(':scheme', 'https'), true, /:scheme/],
    ['no authority', drop(':authority'), true, /:authority/],
    ['an authority that is no host', put(':authority', 'a b'), true, /:authority/],
    ['an authority with user information', put(':authority', 'u@a'), true, /:authority/],
    ['an authority beside the absolute target', put(':path', 'http://b/'), true, /:authority/],
    ['an authority beside the target of CONNECT', put(':path', 'b:1').with(1, 'CONNECT'), true, /:authority/],
    ['a Host field beside :authority', [...BASE, 'host', 'b'], true, /host, which never travels/],
    ['Transfer-Encoding', [...BASE, 'transfer-encoding', 'chunked'], false, /never travels/],
    ['Connection', [...BASE, 'connection', 'close'], true, /never travels/],
    ['Upgrade', [...BASE, 'upgrade', 'h2c'], true, /never travels/],
    ['TE other than trailers', [...BASE, 'te', 'gzip'], true, /TE/],
    ['Content-Length twice', [...BASE, 'content-length', '1', 'content-length', '1'], false, /twice/],
    ['Content-Length with a sign', [...BASE, 'content-length', '+1'], false, /not a number/],
    ['Content-Length as a list', [...BASE, 'content-length', '1, 1'], false, /not a number/],
    ['Content-Length beyond 2^53', [...BASE, 'content-length', '99999999999999999'], false, /not a number/],
    ['Content-Length and chunked', [...BASE, ':heddle-form', 'chunked', 'content-length', '1'], false, /both/],
    ['Content-Length and an end', [...BASE, 'content-length', '1'], true, /END_STREAM/],
    ['a body that nothing announces', BASE, false, /neither/],
    ['chunked in HTTP/1.0', [...BASE, ':heddle-form', 'v10;chunked'], false, /1.0/],
    [
      'an upgrade with a body',
      [...BASE, ':heddle-upgrade', 'websocket', 'content-length', '1'],
      false,
      /tunnel request/,
    ],
    ['an upgrade that ends', [...BASE, ':heddle-upgrade', 'websocket'], true, /tunnel request/],
    ['an upgrade to h2c', [...BASE, ':heddle-upgrade', 'h2c'], false, /:heddle-upgrade/],
    ['an upgrade to h2c, with a version', [...BASE, ':heddle-upgrade', 'h2c/2'], false, /:heddle-upgrade/],
    ['an upgrade with a line break', [...BASE, ':heddle-upgrade', 'a b'], false, /:heddle-upgrade/],
    [
      'an upgrade in HTTP/1.0',
      [...BASE, ':heddle-form', 'v10', ':heddle-upgrade', 'websocket'],
      false,
      /:heddle-upgrade/,
    ],
    ['no destination', drop(':heddle-dst'), true, /:heddle-dst/],
    ...[
      'a:80',
      '10.0.0.1',
      '10.0.0.1:0',
      '10.0.0.1:70000',
      'fd00::1:80',
      '[10.0.0.1]:80',
      '10.0.0.256:80',
      '[fd00::1%eth0]:80',
    ].map((text): [string, string[], boolean, RegExp] => [
      `the destination ${text}`,
      put(':heddle-dst', text),
      true,
      /:heddle-dst/,
    ]),
    ['attempt 0', [...BASE, ':heddle-attempt', '0'], true, /:heddle-attempt/],
    ['attempt 1e3', [...BASE, ':heddle-attempt', '1e3'], true, /:heddle-attempt/],
    ['a negative deadline', [...BASE, ':heddle-deadline', '-1'], true, /:heddle-deadline/],
    ['a place for Host beyond the fields', [...BASE, ':heddle-form', 'host=3', 'a', 'b'], true, /beyond/],
    ['nohost with a host', [...BASE, ':heddle-form', 'v10;nohost'], true, /nohost/],
    ['nohost in HTTP/1.1', [...put(':authority', ''), ':heddle-form', 'nohost'], true, /nohost/],
    ['names that are not those of the fields', [...BASE, ':heddle-form', 'names=Host,X-B', 'x-a', '1'], true, /names/],
    ['too few names', [...BASE, ':heddle-form', 'names=Host', 'x-a', '1'], true, /names/],
    ['names that split a line', [...BASE, ':heddle-form', 'names=Host,X-A: 1 y', 'x-a', '1'], true, /names/],
    ['the form of a response', [...BASE, ':heddle-form', 'close'], true, /:heddle-form/],
    [
      'a tunnel to another place',
      [':method', 'CONNECT', ':authority', '10.0.0.2:80', ':heddle-dst', '10.0.0.1:80'],
      false,
      /tunnel/,
    ],
    [
      'a tunnel with fields',
      [':method', 'CONNECT', ':authority', '10.0.0.1:80', ':heddle-dst', '10.0.0.1:80', 'a', 'b'],
      false,
      /tunnel/,
    ],
  ];
  test.each(CASES)('%s', (_name, list, ended, detail) => {
    expect(decodeRequest(list, ended)).toEqual({ kind: 'malformed', detail: expect.stringMatching(detail) });
  });
});

describe('responses', () => {
  const asked = { method: 'GET', upgrade: undefined };
  const CASES: [string, ResponseHead, boolean][] = [
    ['empty', response(), true],
    ['with a length', response({ framing: 'length', contentLength: 3, headers: ['content-length', '3'] }), false],
    ['chunked', response({ framing: 'chunked' }), false],
    ['until the end', response({ framing: 'close', version: 10 }), false],
    ['a phrase with a semicolon', response({ status: 299, reason: 'so; so', spelling: 'lower' }), true],
    ['304 with a length', response({ status: 304, headers: ['content-length', '3'] }), true],
    ['100', response({ status: 100 }), false],
    ['103 with fields', response({ status: 103, headers: ['link', 'x'], spelling: ['lInk'] }), false],
  ];
  test.each(CASES)('%s', (_name, head, ended) => {
    expect(decodeResponse(encodeResponse(head, false), asked, ended)).toEqual({
      kind: 'response',
      unprocessed: false,
      head,
    });
  });

  test('the standard phrase does not travel: whoever writes the head says it again', () => {
    expect(encodeResponse(response({ status: 404, reason: 'Not Found' }), false)).toEqual([':status', '404']);
    expect(encodeResponse(response({ status: 404, reason: 'Gone Fishing' }), false)).toEqual([
      ':status',
      '404',
      ':heddle-form',
      'reason=Gone Fishing',
    ]);
  });

  test('101 and a 2xx to CONNECT are tunnels, only for who asked', () => {
    const switching = encodeResponse(response({ status: 101, framing: 'tunnel' }), false);
    expect(decodeResponse(switching, { method: 'GET', upgrade: 'websocket' }, false)).toMatchObject({
      head: { framing: 'tunnel' },
    });
    expect(decodeResponse(switching, asked, false).kind).toBe('malformed');
    expect(decodeResponse([':status', '200'], { method: 'CONNECT', upgrade: undefined }, false)).toMatchObject({
      head: { framing: 'tunnel' },
    });
    expect(decodeResponse([':status', '200'], asked, false).kind).toBe('malformed');
  });

  test.each([
    ['no status', ['a', 'b'], true],
    ['a status of two digits', [':status', '20'], true],
    ['a status with a letter', [':status', '2x0'], true],
    ['an end with 1xx', [':status', '103'], true],
    ['a pseudo-header of requests', [':status', '200', ':path', '/'], true],
    ['unprocessed 2', [':status', '503', ':heddle-unprocessed', '2'], true],
    ['a host in the form', [':status', '200', ':heddle-form', 'host=1'], true],
    ['chunked and a length', [':status', '200', ':heddle-form', 'chunked', 'content-length', '1'], false],
    ['close and chunked', [':status', '200', ':heddle-form', 'close;chunked'], false],
    ['a body that nothing announces', [':status', '200'], false],
    ['Transfer-Encoding', [':status', '200', 'transfer-encoding', 'chunked'], false],
    ['Content-Length and an end', [':status', '200', 'content-length', '4'], true],
  ])('refused: %s', (_name, list, ended) => {
    expect(decodeResponse(list, asked, ended).kind).toBe('malformed');
  });
});

describe('forms', () => {
  test.each([
    '',
    ';',
    'v10;v10',
    'v10;v20',
    'lower;names=A',
    'title',
    'x',
    'host=0',
    'host=01',
    'host=-1',
    'host',
    'chunked;close',
    'v10=',
    'reason=',
    'reason= x',
    'lower;',
  ])('"%s" is none', (text) => {
    expect(parseForm(text)).toBeUndefined();
  });

  test('every form reads back as it was written', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/);
    const form = fc.record({
      version: fc.constantFrom(10 as const, 11 as const, 20 as const),
      host: fc.option(fc.nat(9_999), { nil: undefined }),
      spelling: fc.oneof(
        fc.constantFrom('lower' as const, 'title' as const),
        fc.array(name, { minLength: 1, maxLength: 5 }),
      ),
      chunked: fc.boolean(),
      close: fc.constant(false),
      reason: fc.stringMatching(/^(?:[!-~\x80-\xff][ -~]{0,20}[!-~])?$/),
    });
    fc.assert(
      fc.property(form, (value) => {
        const headers =
          typeof value.spelling === 'string' ? [] : value.spelling.flatMap((each) => [each.toLowerCase(), '']);
        const text = formText(value, headers, true);
        if (text === '')
          expect(value).toMatchObject({ version: 11, host: 0, spelling: 'title', chunked: false, reason: '' });
        else expect(parseForm(text)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test('any text: a form or none, never a throw', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => void parseForm(text)),
      { numRuns: 1_000 },
    );
  });
});

describe('trailers', () => {
  test('what frames or routes is neither sent nor taken', () => {
    expect(trailersToSend(['x-sum', '1', 'content-length', '4', 'te', 'x', 'y', '2'])).toEqual([
      'x-sum',
      '1',
      'y',
      '2',
    ]);
    expect(trailerFault(['x-sum', '1'])).toBeUndefined();
    for (const name of ['content-length', 'host', 'transfer-encoding', ':status', 'te', 'expect'])
      expect(trailerFault([name, '1'])).toBeDefined();
  });
});
