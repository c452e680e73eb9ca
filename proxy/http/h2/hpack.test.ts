import { describe, expect, test } from '@jest/globals';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder, hpackBound } from './hpack-encoder.ts';
import { IntegerReader, writeInteger } from './hpack-integer.ts';
import { huffmanBound, huffmanDecode, huffmanEncode } from './huffman.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function decoder(tableBytes = 4_096, maxListBytes = 65_536): HpackDecoder {
  return new HpackDecoder({ tableBytes, maxListBytes });
}

function decode(target: HpackDecoder, block: Buffer): { outcome: string; list: string[] } {
  const list: string[] = [];
  const outcome = target.decode(block, 0, block.length, list);
  return { outcome, list };
}

const REQUEST_1 = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const REQUEST_2 = [...REQUEST_1, 'cache-control', 'no-cache'];
const REQUEST_3 = [
  ':method',
  'GET',
  ':scheme',
  'https',
  ':path',
  '/index.html',
  ':authority',
  'www.example.com',
  'custom-key',
  'custom-value',
];
const DATE_21 = 'Mon, 21 Oct 2013 20:13:21 GMT';
const DATE_22 = 'Mon, 21 Oct 2013 20:13:22 GMT';
const LOCATION = 'https://www.example.com';
const RESPONSE_1 = [':status', '302', 'cache-control', 'private', 'date', DATE_21, 'location', LOCATION];
const RESPONSE_2 = [':status', '307', 'cache-control', 'private', 'date', DATE_21, 'location', LOCATION];
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSE_3 = [
  ':status',
  '200',
  'cache-control',
  'private',
  'date',
  DATE_22,
  'location',
  LOCATION,
  'content-encoding',
  'gzip',
  'set-cookie',
  COOKIE,
];

describe('RFC 7541 appendix C', () => {
  test.each([
    ['C.1.1', 10, 5, '0a'],
    ['C.1.2', 1337, 5, '1f9a0a'],
    ['C.1.3', 42, 8, '2a'],
  ])('%s: the integer %d with a prefix of %d bits', (_name, value, bits, bytes) => {
    const reader = new IntegerReader();
    const buffer = hex(bytes);
    expect(reader.read(buffer, 0, buffer.length, bits)).toBe(value);
    expect(reader.at).toBe(buffer.length);
    const written = Buffer.alloc(8);
    expect(written.subarray(0, writeInteger(written, 0, 0, bits, value)).toString('hex')).toBe(bytes);
  });

  test.each([
    ['C.2.1', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', ['custom-key', 'custom-header'], 55],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path'], 0],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret'], 0],
    ['C.2.4', '82', [':method', 'GET'], 0],
  ])('%s', (_name, bytes, list, table) => {
    const target = decoder();
    expect(decode(target, hex(bytes))).toEqual({ outcome: 'ok', list });
    expect(target.tableBytes).toBe(table);
  });

  const SERIES: [string, number, [string, string[], number][]][] = [
    [
      'C.3, requests without Huffman',
      4_096,
      [
        ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', REQUEST_1, 57],
        ['8286 84be 5808 6e6f 2d63 6163 6865', REQUEST_2, 110],
        ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', REQUEST_3, 164],
      ],
    ],
    [
      'C.4, requests with Huffman',
      4_096,
      [
        ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', REQUEST_1, 57],
        ['8286 84be 5886 a8eb 1064 9cbf', REQUEST_2, 110],
        ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', REQUEST_3, 164],
      ],
    ],
    [
      'C.5, responses without Huffman, table of 256',
      256,
      [
        [
          '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
          RESPONSE_1,
          222,
        ],
        ['4803 3330 37c1 c0bf', RESPONSE_2, 222],
        [
          '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
          RESPONSE_3,
          215,
        ],
      ],
    ],
    [
      'C.6, responses with Huffman, table of 256',
      256,
      [
        [
          '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
          RESPONSE_1,
          222,
        ],
        ['4883 640e ffc1 c0bf', RESPONSE_2, 222],
        [
          '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
          RESPONSE_3,
          215,
        ],
      ],
    ],
  ];
  test.each(SERIES)('%s', (_name, tableBytes, blocks) => {
    const target = decoder(tableBytes);
    for (const [bytes, list, table] of blocks) {
      expect(decode(target, hex(bytes))).toEqual({ outcome: 'ok', list });
      expect(target.tableBytes).toBe(table);
    }
  });
});

describe('blocks that are refused', () => {
  test.each([
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['a name index beyond the tables', '7f00 0161'],
    ['an integer with five continuation bytes', 'ff80 8080 8001'],
    ['an integer that is cut off', 'ff80'],
    ['a string longer than the block', '000a 6162'],
    ['a name without a value', '0001 61'],
    ['a size update above the limit', '3fe2 1f82'],
    ['three size updates', '2020 2082'],
    ['a size update after a field', '8220'],
    ['Huffman padding of 8 bits', '0081 ff01 61'],
    ['Huffman padding with zeros', '0081 1801 61'],
    ['EOS inside a Huffman string', '0084 ffff fffc 0161'],
  ])('%s', (_name, bytes) => {
    expect(decode(decoder(), hex(bytes)).outcome).toBe('broken');
  });

  test.each([
    ['an upper-case name', ['Accept', 'x']],
    ['a space in a name', ['a b', 'x']],
    ['a colon inside a name', ['a:b', 'x']],
    ['an empty name', ['', 'x']],
    ['a lone colon', [':', 'x']],
    ['CR in a value', ['a', 'x\ry']],
    ['LF in a value', ['a', 'x\ny']],
    ['NUL in a value', ['a', 'x\0y']],
    ['DEL in a value', ['a', 'x\x7fy']],
    ['white space before a value', ['a', ' x']],
    ['white space after a value', ['a', 'x\t']],
  ])('%s is malformed, raw, by Huffman, and again from the table', (_name, [name, value]) => {
    const field = [name!, value!];
    const buffer = Buffer.alloc(hpackBound(field));
    const raw = buffer.subarray(0, new HpackEncoder().encode(field, buffer, 0));
    expect(decode(decoder(), raw).outcome).toBe('malformed');
    const kept = Buffer.concat([Buffer.from([0x40]), huffmanString(name!), huffmanString(value!)]);
    const target = decoder();
    expect(decode(target, kept).outcome).toBe('malformed');
    expect(decode(target, hex('be')).outcome).toBe('malformed');
    expect(decode(target, hex('82'))).toEqual({ outcome: 'ok', list: [':method', 'GET'] });
  });

  test('a good value with the name of an entry whose value is bad is sound', () => {
    const target = decoder();
    // a: NUL, kept; then the name of that entry with the value b.
    expect(decode(target, hex('4001610100')).outcome).toBe('malformed');
    expect(decode(target, hex('7e0162'))).toEqual({ outcome: 'ok', list: ['a', 'b'] });
    // A, kept: whatever refers to that name is malformed.
    expect(decode(target, hex('4001410162')).outcome).toBe('malformed');
    expect(decode(target, hex('7e0162')).outcome).toBe('malformed');
  });

  test('a bomb of references is counted, not kept', () => {
    const target = decoder(4_096, 65_536);
    const big = Buffer.concat([hex('4001 617f a11e'), Buffer.alloc(4_000, 'x')]);
    expect(decode(target, big)).toMatchObject({ outcome: 'ok' });
    const bomb = decode(target, Buffer.alloc(60_000, 0xbe));
    expect(bomb.outcome).toBe('too_large');
    expect(bomb.list.length).toBeLessThan(40);
  });

  test('the table never grows above its limit', () => {
    const target = decoder(256);
    for (let index = 0; index < 500; index++) {
      const name = `n${index}`;
      decode(target, Buffer.concat([hex('40'), Buffer.from([name.length]), Buffer.from(name), hex('0178')]));
      expect(target.tableBytes).toBeLessThanOrEqual(256);
    }
    expect(decode(target, hex('be')).list).toEqual(['n499', 'x']);
    expect(decode(target, hex('2082')).outcome).toBe('ok');
    expect(target.tableBytes).toBe(0);
  });
});

describe('Huffman', () => {
  test('all bytes there and back', () => {
    const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
    const encoded = huffmanEncode(all);
    const target = Buffer.alloc(huffmanBound(encoded.length));
    expect(target.toString('latin1', 0, huffmanDecode(encoded, 0, encoded.length, target))).toBe(all);
  });
});

describe('encoder', () => {
  test('what it writes is within its bound and reads back', () => {
    const list = [
      ':status',
      '200',
      ':status',
      '418',
      'x-long',
      'y'.repeat(70_000),
      'set-cookie',
      'a=b',
      'x',
      '',
      'é',
      'ÿ',
    ];
    const buffer = Buffer.alloc(hpackBound(list));
    const end = new HpackEncoder().encode(list, buffer, 0);
    expect(end).toBeLessThanOrEqual(buffer.length);
    const read = decode(decoder(4_096, 1 << 20), buffer.subarray(0, end));
    // A name of é is no token: the list is right, and it is malformed.
    expect(read).toEqual({ outcome: 'malformed', list });
    expect(buffer[0]).toBe(0x88);
  });

  test('a peer with a smaller table gets its size update once', () => {
    const encoder = new HpackEncoder();
    encoder.peerTableSize(0);
    const buffer = Buffer.alloc(64);
    expect(buffer.subarray(0, encoder.encode([':method', 'GET'], buffer, 0)).toString('hex')).toBe('2082');
    expect(buffer.subarray(0, encoder.encode([':method', 'GET'], buffer, 0)).toString('hex')).toBe('82');
  });
});

function huffmanString(text: string): Buffer {
  const encoded = huffmanEncode(text);
  return Buffer.concat([Buffer.from([0x80 | encoded.length]), encoded]);
}
