import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../base/testing/wait.ts';
import { classifyFirstBytes } from './first-bytes.ts';
import { addHeader, type HeaderHolder, isReserved, removeHeader, removeReserved, withoutReserved } from './headers.ts';
import { isTraceparent, trace } from './trace.ts';

describe('first bytes', () => {
  test.each<[string, string, string | undefined]>([
    ['a request', 'GET / HTTP/1.1\r\n', 'http'],
    ['HTTP/1.0', 'GET / HTTP/1.0\n', 'http'],
    ['a method of its own', 'M-SEARCH * HTTP/1.1\r\n', 'http'],
    ['a bad version is for the codec to refuse', 'GET / HTTP/3.0\r\n', 'http'],
    ['a line that is not complete', 'GET /long', undefined],
    ['a method that is not complete', 'GE', undefined],
    ['nothing', '', undefined],
    ['HTTP/0.9', 'GET /\r\n', 'opaque'],
    ['redis', 'SET key value\r\n', 'opaque'],
    ['memcached', 'get key\r\n', 'opaque'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['TLS', '\x16\x03\x01\x02', 'opaque'],
    ['postgres', '\x00\x00\x00\x08\x04\xd2\x16\x2f', 'opaque'],
    ['a method without end', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'opaque'],
    ['white space first', ' GET / HTTP/1.1\r\n', 'opaque'],
  ])('%s', (_name, text, expected) => {
    expect(classifyFirstBytes(Buffer.from(text, 'latin1'))).toBe(expected);
  });

  test('an endless line goes to the codec', () => {
    expect(classifyFirstBytes(Buffer.from(`GET /${'a'.repeat(16_384)}`))).toBe('http');
  });

  test('no prefix of a request decides otherwise than the whole', () => {
    const whole = 'POST /charge?x=1 HTTP/1.1\r\nHost: a\r\n';
    for (let cut = 0; cut < whole.length; cut++) {
      expect([undefined, 'http']).toContain(classifyFirstBytes(Buffer.from(whole.slice(0, cut))));
    }
  });
});

describe('headers', () => {
  const holder = (spelling: HeaderHolder['spelling']): HeaderHolder => ({
    headers: ['host', 'a', 'x-heddle-peer', 'me', 'x-a', '1', 'x-heddle-reason', 'r', 'x-a', '2'],
    spelling,
  });
  test('reserved names go, order and spelling stay together', () => {
    const head = holder(['Host', 'X-Heddle-Peer', 'x-A', 'X-HEDDLE-Reason', 'X-a']);
    removeReserved(head);
    expect(head).toEqual({ headers: ['host', 'a', 'x-a', '1', 'x-a', '2'], spelling: ['Host', 'x-A', 'X-a'] });
    addHeader(head, 'b', 'c');
    expect(head.spelling).toEqual(['Host', 'x-A', 'X-a', 'b']);
    removeHeader(head, 'x-a');
    expect(head).toEqual({ headers: ['host', 'a', 'b', 'c'], spelling: ['Host', 'b'] });
  });
  test('a uniform spelling stays', () => {
    const head = holder('title');
    removeReserved(head);
    expect(head.spelling).toBe('title');
  });
});

describe('names that only proxies may say', () => {
  test.each(['x-heddle-peer', 'x_heddle_peer', 'x-heddle_peer', 'x.heddle.peer', 'x-heddle-', "x'heddle|new"])(
    '%s is one',
    (name) => {
      expect(isReserved(name)).toBe(true);
      expect(withoutReserved(['a', name, name, 'a', 'b', 'c'])).toEqual(['a', name, 'b', 'c']);
    },
  );
  test.each(['x-heddle', 'xheddle-peer', 'x--heddle-peer', 'y-heddle-peer', 'x-heddles', 'x-request-id', ''])(
    '%s is none',
    (name) => {
      expect(isReserved(name)).toBe(false);
      const trailers = [name, 'v'];
      expect(withoutReserved(trailers)).toBe(trailers);
    },
  );
});

describe('traceparent', () => {
  const id = '0af7651916cd43dd8448eb211c80319c';
  const run = (headers: string[], sampling = 100) => {
    const head: HeaderHolder = { headers, spelling: 'lower' };
    const traceId = trace(head, seededRandom(3), sampling);
    return { head, traceId, value: head.headers[head.headers.indexOf('traceparent') + 1]! };
  };
  test('a trace goes on with a span of this hop', () => {
    const { value, traceId } = run(['traceparent', `00-${id}-b7ad6b7169203331-00`, 'tracestate', 'a=1']);
    expect(traceId).toBe(id);
    expect(value).toMatch(new RegExp(`^00-${id}-(?!b7ad6b7169203331)[0-9a-f]{16}-00$`));
  });
  test.each([
    ['none', []],
    ['zeros', ['traceparent', `00-${'0'.repeat(32)}-b7ad6b7169203331-00`]],
    ['upper case', ['traceparent', `00-${id.toUpperCase()}-b7ad6b7169203331-00`]],
    ['version ff', ['traceparent', `ff-${id}-b7ad6b7169203331-00`]],
    ['version 00 with more', ['traceparent', `00-${id}-b7ad6b7169203331-01-more`]],
    ['a later version with more that is not set apart', ['traceparent', `01-${id}-b7ad6b7169203331-01more`]],
    ['a span of zeros', ['traceparent', `00-${id}-0000000000000000-01`]],
    ['white space', ['traceparent', ` 00-${id}-b7ad6b7169203331-01`]],
    ['two of them', ['traceparent', `00-${id}-b7ad6b7169203331-00`, 'traceparent', `00-${id}-b7ad6b7169203331-00`]],
  ])('%s: a new trace, without the old state', (_name, headers) => {
    const { head, value } = run([...headers, 'tracestate', 'a=1']);
    expect(value).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(value).not.toContain(id);
    expect(head.headers.filter((text) => text === 'traceparent')).toHaveLength(1);
    expect(head.headers).not.toContain('tracestate');
  });
  test.each([
    ['00', '00', '00'],
    ['00', '01', '01'],
    ['00', 'ff', '01'],
    ['00', '02', '00'],
    ['00', '0a', '00'],
    ['00', '0b', '01'],
    ['00', 'a9', '01'],
    ['01', '01', '01'],
    ['cc', '03', '01'],
  ])('version %s with flags %s goes on as version 00 with flags %s, its state with it', (version, flags, expected) => {
    for (const more of version === '00' ? [''] : ['', '-', '-more-later']) {
      const { head, value, traceId } = run([
        'traceparent',
        `${version}-${id}-b7ad6b7169203331-${flags}${more}`,
        'tracestate',
        'a=1',
      ]);
      expect(traceId).toBe(id);
      expect(value).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-${expected}$`));
      expect(head.headers).toContain('tracestate');
    }
  });
  test('what is valid is what the grammar says', () => {
    const grammar = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00.{53})-)/;
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0000123af'), minLength: length, maxLength: length });
    const near = fc
      .tuple(
        fc.constantFrom('00', '01', 'ff', 'fe', 'f'),
        hex(32),
        hex(16),
        hex(2),
        fc.constantFrom('', '-', '-x', 'x', '\n'),
      )
      .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`);
    const edited = fc
      .tuple(near, fc.nat(60), fc.constantFrom('', '-', 'g', 'A', ' ', '/', ':', '`', '0', '\xff'))
      .map(([text, at, character]) => text.slice(0, at) + character + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(near, edited, fc.string()), (text) => {
        expect(isTraceparent(text)).toBe(grammar.test(text));
      }),
      { numRuns: 3_000 },
    );
  });
  test('sampling 0 samples nothing', () => expect(run([], 0).value).toMatch(/-00$/));
});
