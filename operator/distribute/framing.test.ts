import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrame, FrameReader } from './framing.ts';
import { isKnownKey, readProxyMessage } from './proxy-messages.ts';

describe('framing', () => {
  const texts = ['{"type":"pong","id":1}', '"ä€😀"', `"${'x'.repeat(5_000)}"`];
  const bytes = Buffer.concat(texts.map((text) => encodeFrame(text, 10_000)));

  test('cut at every byte', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new FrameReader(10_000);
      const got = [
        ...reader.push(Buffer.from(bytes.subarray(0, cut))),
        ...reader.push(Buffer.from(bytes.subarray(cut))),
      ];
      expect(got).toEqual(texts);
      expect(reader.held).toBe(0);
    }
  });

  test('byte by byte, in a buffer that is used again', () => {
    const reader = new FrameReader(10_000);
    const one = Buffer.alloc(1);
    const got: string[] = [];
    for (const byte of bytes) {
      one[0] = byte;
      got.push(...reader.push(one));
    }
    expect(got).toEqual(texts);
  });

  test.each([
    ['longer than allowed', Buffer.from([0, 0, 0x27, 0x11]), 'message_too_large'],
    ['empty', Buffer.from([0, 0, 0, 0]), 'malformed'],
    ['not UTF-8', Buffer.from([0, 0, 0, 1, 0xff]), 'malformed'],
  ])('%s is refused', (_name, input, code) => {
    expect(() => new FrameReader(10_000).push(input)).toThrow(expect.objectContaining({ code }));
  });

  test('what is sent is bounded too', () => {
    expect(() => encodeFrame('x'.repeat(11), 10)).toThrow(expect.objectContaining({ code: 'message_too_large' }));
  });
});

describe('messages of proxies', () => {
  test('anything at all is read, ignored or refused as malformed, never anything else', () => {
    const type = fc.constantFrom('hello', 'subscribe', 'unsubscribe', 'ack', 'nack', 'report', 'pong', 'new', 7, null);
    const message = fc.record(
      {
        type,
        keys: fc.anything(),
        seq: fc.anything(),
        errors: fc.anything(),
        inForce: fc.anything(),
        draining: fc.anything(),
        id: fc.anything(),
        held: fc.anything(),
        pod: fc.anything(),
        token: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          message.map((one) => JSON.stringify(one)),
        ),
        (text) => {
          try {
            readProxyMessage(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'malformed' });
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('texts of a nack are shortened and lose control characters', () => {
    const errors = Array.from({ length: 40 }, () => ({ path: 'a\u0000b', message: `\u001b[31m${'x'.repeat(9_999)}` }));
    const nack = readProxyMessage(JSON.stringify({ type: 'nack', seq: 1, errors }));
    expect(nack).toMatchObject({ type: 'nack', errors: expect.any(Array) });
    if (nack?.type !== 'nack') throw new Error('no nack');
    expect(nack.errors.length).toBe(10);
    expect(nack.errors[0]?.path).toBe('a b');
    expect(nack.errors[0]?.message.length).toBe(512);
  });

  test.each([
    ['workload', true],
    ['service/shop/payment', true],
    ['pod/10.1.2.3', true],
    ['pod/fd00::1', true],
    ['pod/10.1.2', false],
    ['pod/', false],
    ['service/shop', false],
    ['service/shop/../x', false],
    ['service/Shop/payment', false],
    ['service/shop/payment/more', false],
    [`service/shop/${'a'.repeat(64)}`, false],
    ['passthrough', false],
    ['', false],
  ])('key %j is known: %j', (key, known) => {
    expect(isKnownKey(key)).toBe(known);
  });
});
