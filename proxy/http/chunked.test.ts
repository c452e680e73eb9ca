import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChunkedReader } from './chunked.ts';
import { DEFAULT_HTTP_LIMITS } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';
import { cuts, raw } from './testing/cuts.ts';

const limits = { ...DEFAULT_HTTP_LIMITS, chunkExtensionBytes: 32, trailerBytes: 64, fields: 4 };

interface Outcome {
  body: string;
  end: boolean;
  rest: string;
  trailers: readonly string[] | undefined;
  error: string | undefined;
}

/** Reads pieces one after the other, as a connection does. What follows the body is `rest`. */
function readAll(pieces: readonly Buffer[]): Outcome {
  const reader = new ChunkedReader(limits);
  const outcome: Outcome = { body: '', end: false, rest: '', trailers: undefined, error: undefined };
  try {
    for (const piece of pieces) readPiece(reader, piece, outcome);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    outcome.error = `${error.status} ${error.detail}`;
  }
  outcome.trailers = reader.trailers;
  return outcome;
}

function readPiece(reader: ChunkedReader, piece: Buffer, outcome: Outcome): void {
  let at = 0;
  while (at < piece.length && !outcome.end) {
    const event = reader.read(piece, at, piece.length);
    if (event === 'data') outcome.body += piece.toString('latin1', reader.dataStart, reader.dataEnd);
    if (event === 'end') outcome.end = true;
    at = reader.position;
  }
  outcome.rest += piece.toString('latin1', at);
}

/** The outcome of the whole, after every cut was seen to give the same. */
function readCut(text: string): Outcome {
  const bytes = raw(text);
  const whole = readAll([bytes]);
  for (const pieces of cuts(bytes)) expect(readAll(pieces)).toEqual(whole);
  return whole;
}

describe('chunked bodies (RFC 9112, 7.1), each also cut at every byte', () => {
  test.each([
    ['0\r\n\r\n', '', undefined],
    ['5\r\nhello\r\n0\r\n\r\n', 'hello', undefined],
    ['5\r\nhello\r\n00000\r\n\r\n', 'hello', undefined],
    ['00000000000a\r\n0123456789\r\n0\r\n\r\n', '0123456789', undefined],
    ['A\r\n0123456789\r\n1;x\r\n!\r\n0\r\n\r\n', '0123456789!', undefined],
    ['2;a=b;c="d e"\r\n\r\n\r\n0;last\r\n\r\n', '\r\n', undefined],
    ['0\r\nX-Sum: abc\r\nB:c\r\n\r\n', '', ['x-sum', 'abc', 'b', 'c']],
    ['0\r\nConnection: x\r\n\r\n', '', 'refused'],
    ['0\r\nKeep-Alive: x\r\nTE: trailers\r\n\r\n', '', undefined],
  ])('%j', (text, body, trailers) => {
    const outcome = readCut(`${text}GET`);
    if (trailers === 'refused') expect(outcome.error).toContain('400');
    else expect(outcome).toEqual({ body, end: true, rest: 'GET', trailers, error: undefined });
  });

  test.each([
    '\r\n',
    'g\r\n',
    '5',
    '-5\r\nhello\r\n',
    '+5\r\nhello\r\n',
    '0x5\r\nhello\r\n',
    ' 5\r\nhello\r\n',
    '5 \r\nhello\r\n',
    '5\t;a\r\nhello\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\rhello\r\n0\r\n\r\n',
    '5\r\nhello0\r\n\r\n',
    '5\r\nhello\n0\r\n\r\n',
    '5\r\nhello\r0\r\n\r\n',
    '5\r\nhelloo\r\n0\r\n\r\n',
    '5;a\nb\r\nhello\r\n',
    '5;a\rb\r\nhello\r\n',
    '5;\0\r\nhello\r\n',
    '10000000000000\r\n',
    'ffffffffffffffff\r\n',
    `5;${'x'.repeat(33)}\r\nhello\r\n`,
    '0\r\nA: b\nC: d\r\n\r\n',
    '0\r\nA: b\r\n\n',
    '0\r\nA: b\rC\r\n\r\n',
    '0\r\n\rX\r\n',
    '0\r\n\n',
    '0\r\n folded\r\n\r\n',
    '0\r\nA : b\r\n\r\n',
    '0\r\nA: \0\r\n\r\n',
    '0\r\nContent-Length: 5\r\n\r\n',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    '0\r\nHost: x\r\n\r\n',
    `0\r\nA: ${'x'.repeat(70)}\r\n\r\n`,
    `0\r\n${'A:b\r\n'.repeat(5)}\r\n`,
  ])('%j never ends well', (text) => {
    const outcome = readCut(text);
    expect(outcome.end).toBe(false);
    if (text !== '5') expect(outcome.error).toBeDefined();
  });

  test('one-byte chunks with long extensions are cut off: overhead is counted over the whole body', () => {
    const chunk = `1;${'x'.repeat(30)}\r\n!\r\n`;
    // 30 bytes of extension less 18 allowed: about 16 each, so 16 KiB of excess after about 1,100 chunks.
    expect(readAll([raw(chunk.repeat(900))]).error).toBeUndefined();
    expect(readAll([raw(chunk.repeat(2_000))]).error).toContain('overhead');
    expect(readAll([raw('1\r\n!\r\n'.repeat(100_000))]).error).toBeUndefined();
  });
});

test('any body, chunked anyhow and cut anyhow, comes out as it went in', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(chunks, fc.array(fc.nat(), { maxLength: 6 }), (parts, places) => {
      const encoded = Buffer.concat([
        ...parts.map((part) => Buffer.concat([raw(`${part.length.toString(16)}\r\n`), part, raw('\r\n')])),
        raw('0\r\n\r\n'),
      ]);
      const marks = [0, ...places.map((place) => place % encoded.length), encoded.length].sort((a, b) => a - b);
      const pieces = marks.slice(1).map((mark, index) => encoded.subarray(marks[index], mark));
      const outcome = readAll(pieces);
      expect(outcome).toMatchObject({ end: true, error: undefined, rest: '' });
      expect(outcome.body).toBe(Buffer.concat(parts).toString('latin1'));
    }),
    { numRuns: 200 },
  );
});
