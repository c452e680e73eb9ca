import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_TABLE } from './codes.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder, hpackBound } from './hpack-encoder.ts';
import { SensitiveNames } from './sensitive-names.ts';

const RUNS = Number(process.env['HEDDLE_FUZZ_RUNS'] ?? 300);

/** Both ends of a connection's one direction. */
class Pair {
  readonly encoder: HpackEncoder;
  readonly decoder = new HpackDecoder({ tableBytes: DEFAULT_TABLE, maxListBytes: 1 << 20 });

  constructor(tableBytes?: number) {
    this.encoder = new HpackEncoder(tableBytes);
  }

  /** Sends a list; what arrives must be the same and both ends must agree on the table. Returns the block. */
  send(...list: string[]): Buffer {
    const buffer = Buffer.alloc(hpackBound(list));
    const block = buffer.subarray(0, this.encoder.encode(list, buffer, 0));
    const read: string[] = [];
    expect(this.decoder.decode(block, 0, block.length, read)).toBe('ok');
    expect(read).toEqual(list);
    expect(this.decoder.tableBytes).toBe(this.encoder.tableBytes);
    return block;
  }

  times(count: number, ...list: string[]): Buffer {
    let block = this.send(...list);
    for (let index = 1; index < count; index++) block = this.send(...list);
    return block;
  }
}

describe('what is kept', () => {
  test('a value that comes twice: one byte from the third time on', () => {
    const pair = new Pair();
    expect(pair.send(':path', '/shop.Payment/Charge')).toHaveLength(22);
    expect(pair.send(':path', '/shop.Payment/Charge')[0]).toBe(0x44);
    expect(pair.send(':path', '/shop.Payment/Charge').toString('hex')).toBe('be');
    expect(pair.send(':method', 'GET').toString('hex')).toBe('82');
  });

  test('of values that never repeat the name only, once', () => {
    const pair = new Pair();
    for (let index = 0; index < 200; index++) pair.send('traceparent', `00-${index}`);
    expect(pair.encoder.tableBytes).toBe('traceparent'.length + '00-1'.length + 32);
    expect(pair.send('traceparent', '00-x').toString('hex')).toBe(`0f2f04${Buffer.from('00-x').toString('hex')}`);
  });

  test('a value survives others in between, and gives way to the one that stays', () => {
    const pair = new Pair();
    pair.times(3, 'x-tenant', 'first');
    for (let index = 0; index < 100; index++) {
      pair.send('x-tenant', `other-${index}`);
      expect(pair.send('x-tenant', 'first')).toHaveLength(1);
    }
    expect(pair.times(20, 'x-tenant', 'second')).toHaveLength(1);
  });

  test('a field of more than 1 KiB is not', () => {
    const pair = new Pair();
    expect(pair.times(5, 'x-large', 'x'.repeat(1_000)).length).toBeGreaterThan(1_000);
    expect(pair.encoder.tableBytes).toBe(0);
  });

  test('nothing where no table is used', () => {
    const pair = new Pair(0);
    expect(pair.times(5, 'x-tenant', 'first')).toHaveLength(16);
    expect(pair.decoder.tableBytes).toBe(0);
  });

  test('fields that push each other out of a small table are soon written as they are', () => {
    const pair = new Pair();
    pair.encoder.peerTableSize(100);
    const list = Array.from({ length: 8 }, (_, index) => [`x-name-${index}`, `value-${index}`]).flat();
    let kept = 0;
    for (let index = 0; index < 400; index++) {
      const block = pair.send(...list);
      for (let at = 0; at < block.length; at++) if (block[at] === 0x40) kept++;
    }
    // Four insertions a name, then one in eight sights.
    expect(kept).toBeLessThan(8 * (4 + 400 / 8));
  });

  test('a name that is too long to be remembered makes nothing forgotten', () => {
    const pair = new Pair();
    pair.times(3, 'x-tenant', 'first');
    for (let index = 1; index < 64; index++) pair.send(`x-${index}`, 'value');
    for (let count = 0; count < 3; count++) expect(pair.send('x'.repeat(65), 'value')[0]).toBe(0x10);
    expect(pair.send('x-tenant', 'first')).toHaveLength(1);
    pair.send('x-64', 'value');
    expect(pair.send('x-tenant', 'first').length).toBeGreaterThan(1);
  });

  test('more names than are remembered: right, and bounded', () => {
    const pair = new Pair();
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 500; index++) pair.times(2, `x-${index}`, 'value');
    }
    expect(pair.encoder.tableBytes).toBeLessThanOrEqual(DEFAULT_TABLE);
    expect(pair.encoder.tableBytes).toBeGreaterThan(DEFAULT_TABLE / 2);
  });
});

describe('RFC 7541 4.2: the size of the table', () => {
  test.each<[string, number[], string]>([
    ['the default said once more', [4_096], ''],
    ['larger: we use no more', [65_536], ''],
    ['none', [0], '20'],
    ['smaller', [1_024], '3fe107'],
    ['smaller, then smaller', [1_024, 100], '3f45'],
    ['none and back: the smallest, then the last', [0, 65_536], '203fe11f'],
  ])('%s', (_name, sizes, updates) => {
    const pair = new Pair();
    pair.times(3, 'x-tenant', 'first');
    for (const size of sizes) pair.encoder.peerTableSize(size);
    expect(pair.send(':method', 'GET').toString('hex')).toBe(`${updates}82`);
    expect(pair.encoder.tableBytes).toBe(sizes.includes(0) ? 0 : 'x-tenantfirst'.length + 32);
    expect(pair.send(':method', 'GET').toString('hex')).toBe('82');
  });

  test('an encoder without a table answers an empty one', () => {
    const pair = new Pair(0);
    pair.encoder.peerTableSize(0);
    expect(pair.send(':method', 'GET').toString('hex')).toBe('2082');
    expect(pair.send(':method', 'GET').toString('hex')).toBe('82');
  });
});

describe('RFC 7541 7.1.3: never indexed', () => {
  test.each(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])('%s', (name) => {
    const pair = new Pair();
    for (let index = 0; index < 5; index++) expect(pair.send(name, 'secret')[0]! & 0xf0).toBe(0x10);
    expect(pair.encoder.tableBytes).toBe(0);
  });

  test('6.2.3: what a peer sent that way goes on that way, on connections that knew the name too', () => {
    const pair = new Pair();
    expect(pair.times(3, 'x-api-key', 'one', 'x-other', 'two')).toHaveLength(2);
    const never = Buffer.from('\x10\x09x-api-key\x03one', 'latin1');
    const other = new HpackDecoder({ tableBytes: DEFAULT_TABLE, maxListBytes: 1_000 });
    expect(other.decode(never, 0, never.length, [])).toBe('ok');
    for (let index = 0; index < 3; index++)
      expect(pair.send('x-api-key', 'one').subarray(0, 1).toString('hex')).toBe('10');
    expect(pair.times(3, 'x-other', 'two')).toHaveLength(1);
    expect(new Pair().times(3, 'x-api-key', 'one')[0]).toBe(0x10);
  });

  test('a name that is not one teaches nothing', () => {
    const malformed = Buffer.from('\x10\x09X-Tenant2\x03one', 'latin1');
    expect(new HpackDecoder({ tableBytes: 0, maxListBytes: 1_000 }).decode(malformed, 0, malformed.length, [])).toBe(
      'malformed',
    );
    expect(new Pair().times(3, 'x-tenant2', 'one')).toHaveLength(1);
  });

  test('names are bounded: with more than 64 learnt ones, or longer than 64 bytes, every name is sensitive', () => {
    const names = new SensitiveNames();
    expect(names.has('x'.repeat(64))).toBe(false);
    expect(names.has('x'.repeat(65))).toBe(true);
    for (let index = 0; index < 64; index++) names.learn(`x-${index}`);
    expect([names.has('x-0'), names.has('x-63'), names.has('x-64')]).toEqual([true, true, false]);
    const before = names.version;
    names.learn('x-0');
    expect(names.version).toBe(before);
    names.learn('x-64');
    expect([names.has('x-64'), names.has('x-65')]).toEqual([true, true]);
    expect(names.version).not.toBe(before);
  });
});

test('any lists, with any changes of the table: the other end reads the same and holds the same', () => {
  const name = fc.constantFrom(
    ':path',
    'x-a',
    'x-b',
    'x-c',
    'content-type',
    'date',
    'authorization',
    'x-long-name-of-a-field',
  );
  const value = fc.oneof(
    fc.constantFrom('', '/', 'one', 'two', 'x'.repeat(700), 'y'.repeat(2_000)),
    fc.nat(5).map((number) => `value-${number}`),
  );
  const block = fc.array(fc.tuple(name, value), { maxLength: 8 }).map((fields) => fields.flat());
  const size = fc.constantFrom(0, 33, 100, 1_000, 4_095, 4_096, 70_000);
  const step = fc.oneof({ weight: 9, arbitrary: block }, { weight: 1, arbitrary: size });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      let limit = DEFAULT_TABLE;
      for (const each of steps) {
        if (typeof each === 'number') {
          limit = Math.min(each, DEFAULT_TABLE);
          pair.encoder.peerTableSize(each);
        } else {
          pair.send(...each);
        }
        expect(pair.encoder.tableBytes).toBeLessThanOrEqual(limit);
      }
    }),
    { numRuns: RUNS },
  );
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  /** Bytes of the heap that `make` leaves behind while its result lives. */
  const held = (make: () => unknown): number => {
    gc();
    const before = process.memoryUsage().heapUsed;
    const kept = make();
    gc();
    const bytes = process.memoryUsage().heapUsed - before;
    expect(kept).toBeDefined();
    return bytes;
  };
  // Fewer than an encoder remembers names.
  const BLOCKS = 60;
  const filler = 'f'.repeat(60_000);

  // The blocks have 3.6 MB: a table of 4 KiB that held slices would hold all of them. The bound is far below that and far above what it needs.
  test('a table entry does not hold the block that brought it', () => {
    const bytes = held(() => {
      const decoder = new HpackDecoder({ tableBytes: DEFAULT_TABLE, maxListBytes: 1 << 20 });
      for (let index = 0; index < BLOCKS; index++) {
        const field = `x-name-of-field-${index}`;
        const large = Buffer.from(`\x00\x01f\x7f\xe1\xd3\x03${filler}`, 'latin1');
        const kept = Buffer.from(`\x40${String.fromCharCode(field.length)}${field}\x10value-of-a-field`, 'latin1');
        const block = Buffer.concat([large, kept]);
        expect(decoder.decode(block, 0, block.length, [])).toBe('ok');
      }
      expect(decoder.tableBytes).toBeGreaterThan(DEFAULT_TABLE / 2);
      return decoder;
    });
    expect(bytes).toBeLessThan(1_000_000);
  });

  test('a remembered field does not hold the head that it was cut from', () => {
    const bytes = held(() => {
      const encoder = new HpackEncoder();
      const buffer = Buffer.alloc(1_000);
      for (let index = 0; index < BLOCKS; index++) {
        const head = Buffer.from(`x-name-of-field-${index + 10}value-of-the-field${filler}`).toString('latin1');
        const field = [head.slice(0, 18), head.slice(18, 36)];
        for (let count = 0; count < 3; count++) encoder.encode(field, buffer, 0);
      }
      expect(encoder.tableBytes).toBeGreaterThan(DEFAULT_TABLE / 2);
      return encoder;
    });
    expect(bytes).toBeLessThan(1_000_000);
  });
});
