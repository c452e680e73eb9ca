import { HpackDecoder } from '../../../proxy/http/h2/hpack-decoder.ts';
import { HpackEncoder, hpackBound } from '../../../proxy/http/h2/hpack-encoder.ts';
import { huffmanEncode } from '../../../proxy/http/h2/huffman.ts';
import { block } from '../../../proxy/http/h2/testing/harness.ts';
import { ReferenceDecoder, soundField } from '../reference/hpack.ts';
import { bytes, type Target } from '../target.ts';

/** Small, so that mutations reach it. */
const MOST_LIST = 600;
const TABLES = [4_096, 200, 64, 0] as const;
/** Stands between the blocks of one connection. */
const BETWEEN = Buffer.from([0xfe, 0xfe, 0xfe]);

const huffman = (text: string): Buffer => {
  const packed = huffmanEncode(text);
  return Buffer.concat([Buffer.from([0x80 | packed.length]), packed]);
};
const kept = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x40, name.length]), bytes(name), Buffer.from([value.length]), bytes(value)]);

/** The first byte chooses the table's size; blocks of one connection follow. */
const decoding: Target = {
  name: 'hpack-decode',
  seeds: [
    Buffer.concat([Buffer.from([0]), block(':method', 'GET', ':path', '/', 'a', 'b')]),
    Buffer.concat([Buffer.from([0]), kept('x-a', 'b'), BETWEEN, Buffer.from([0xbe])]),
    Buffer.concat([Buffer.from([1, 0x20, 0x3f, 0x45]), kept('a', 'b'), kept('c', 'd'), Buffer.from([0xbf, 0xbe])]),
    Buffer.concat([
      Buffer.from([0, 0x40]),
      huffman('x-name'),
      huffman('value \xe9'),
      BETWEEN,
      Buffer.from([0x7e, 1, 65]),
    ]),
    Buffer.concat([Buffer.from([2, 0x0f, 0x2f]), huffman('www.example.com'), Buffer.from([0x10, 1, 97, 0])]),
  ],
  dictionary: [
    BETWEEN,
    kept('x-a', 'b'),
    kept('cookie', 'x'.repeat(40)),
    huffman('custom-key'),
    huffman('\0\r\n'),
    ...[
      [0x20],
      [0x3f, 0xa9, 1],
      [0x3f, 0xe1, 0x1f],
      [0x82],
      [0xbe],
      [0xbf],
      [0xff, 0],
      [0x7f, 0x80, 0x80, 0x80, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff],
    ].map((one) => Buffer.from(one)),
    Buffer.from([0x00, 1, 0x41, 0]),
    Buffer.from([0x04, 0x81, 0xff]),
    Buffer.from([0x04, 0x84, 0xff, 0xff, 0xff, 0xff]),
  ],
  check(input) {
    const tableBytes = TABLES[(input[0] ?? 0) % TABLES.length]!;
    const decoder = new HpackDecoder({ tableBytes, maxListBytes: MOST_LIST });
    const reference = new ReferenceDecoder(tableBytes, MOST_LIST);
    const outcomes: string[] = [];
    for (const one of split(input.subarray(1))) {
      const outcome = decodeBoth(decoder, reference, one);
      if (decoder.tableBytes > tableBytes)
        throw new Error(`a table of ${decoder.tableBytes} bytes, ${tableBytes} allowed`);
      outcomes.push(outcome);
      if (outcome === 'broken') return outcomes.join();
    }
    sameTable(decoder, reference);
    return `${outcomes.join().slice(-60)} ${reference.entries.length} ${reference.capacity === tableBytes}`;
  },
};

/** Both decode the block; lists are equal, and nothing outside of the block is looked at. */
function decodeBoth(decoder: HpackDecoder, reference: ReferenceDecoder, one: Buffer): string {
  const around = Buffer.concat([Buffer.from([0x82, 0x7f]), one, Buffer.from([0x82, 0, 1, 97])]);
  const list: string[] = [];
  const outcome = decoder.decode(around, 2, 2 + one.length, list);
  const expected = reference.decode(one);
  const same = outcome === expected.outcome && (outcome === 'broken' || list.join('\n') === expected.list.join('\n'));
  if (!same) {
    throw new Error(
      `${outcome} ${JSON.stringify(list)}, by the reference ${expected.outcome} ${JSON.stringify(expected.list)}`,
    );
  }
  if (outcome === 'ok') readAgain(list);
  return outcome;
}

/** What was accepted is written by our encoder and read back the same. */
function readAgain(list: readonly string[]): void {
  const again: string[] = [];
  const written = block(...list);
  const outcome = new HpackDecoder({ tableBytes: 4_096, maxListBytes: MOST_LIST }).decode(
    written,
    0,
    written.length,
    again,
  );
  if (outcome !== 'ok' || again.join('\n') !== list.join('\n')) throw new Error(`written again: ${outcome} ${again}`);
}

/** Asks for every entry, and for the one behind the last, which is not there. */
function sameTable(decoder: HpackDecoder, reference: ReferenceDecoder): void {
  for (const [place, entry] of reference.entries.entries()) {
    const list: string[] = [];
    decoder.decode(index(62 + place), 0, index(62 + place).length, list);
    const fits = entry[0].length + entry[1].length + 32 <= MOST_LIST;
    if (fits && list.join('\n') !== entry.join('\n')) throw new Error(`entry ${place} is ${list}, should be ${entry}`);
  }
  const beyond = index(62 + reference.entries.length);
  if (decoder.decode(beyond, 0, beyond.length, []) !== 'broken') throw new Error('an entry that should be evicted');
}

function index(number: number): Buffer {
  return number < 127 ? Buffer.from([0x80 | number]) : Buffer.from([0xff, number - 127]);
}

function split(input: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (let next = input.indexOf(BETWEEN); next !== -1; next = input.indexOf(BETWEEN, at)) {
    pieces.push(input.subarray(at, next));
    at = next + BETWEEN.length;
  }
  return [...pieces, input.subarray(at)];
}

/** Lines of `name NUL value` are fields, an empty line ends a block, `!` and a byte announce the peer's table of so many times 32 bytes. */
const encoding: Target = {
  name: 'hpack-encode',
  seeds: [
    ':method\0GET\n:path\0/\nx-a\0b',
    'a\0b\n\na\0b\n\na\0b',
    'cookie\0secret\n\n!\x02\nx-id\x0a3\n\nx-id\x0a3\n\n!\0\nx-id\x0a3\n\n!\xff\nx-id\x0a3',
    `long\0${'v'.repeat(130)}\n${'n'.repeat(130)}\0`,
  ].map(bytes),
  dictionary: [
    '\n',
    '\0',
    '\n\n',
    '!\0\n',
    '!\x01\n',
    '!\x80\n',
    ':status\x00200\n',
    'content-type\0text/plain\n',
    'x-id\0',
    'authorization\0a\n',
    'set-cookie\0',
    'a\0b\n',
  ].map(bytes),
  check(input) {
    const encoder = new HpackEncoder();
    const limit = { tableBytes: 4_096, maxListBytes: 1 << 20 };
    const decoder = new HpackDecoder(limit);
    const reference = new ReferenceDecoder(limit.tableBytes, limit.maxListBytes);
    /** What the peer takes, and the least that it took since the last block. */
    let takes = limit.tableBytes;
    let least = takes;
    const outcomes: string[] = [];
    for (const lines of input.toString('latin1').split('\n\n')) {
      const list: string[] = [];
      for (const line of lines.split('\n')) {
        const cut = line.indexOf('\0');
        if (line.startsWith('!') && line.length === 2) {
          takes = line.charCodeAt(1) * 32;
          least = Math.min(least, takes);
          encoder.peerTableSize(takes);
        } else if (cut !== -1) list.push(line.slice(0, cut), line.slice(cut + 1));
      }
      outcomes.push(writeAndRead(encoder, decoder, reference, list));
      // RFC 7541 4.2: the block after the peer made its table smaller says so, with the smallest size in between.
      if (reference.capacity > takes || reference.least > least) {
        throw new Error(
          `a table of ${reference.capacity}, ${reference.least} in between; the peer takes ${takes}, ${least}`,
        );
      }
      least = takes;
    }
    return `${outcomes.join().slice(-60)} ${reference.capacity}`;
  },
};

const GUARD = 0xee;

function writeAndRead(
  encoder: HpackEncoder,
  decoder: HpackDecoder,
  reference: ReferenceDecoder,
  list: readonly string[],
): string {
  const bound = hpackBound(list);
  const buffer = Buffer.alloc(bound + 16, GUARD);
  const end = encoder.encode(list, buffer, 0);
  if (end > bound) throw new Error(`${end} bytes written, ${bound} were to be enough`);
  for (let at = bound; at < buffer.length; at++) if (buffer[at] !== GUARD) throw new Error('written beyond the bound');
  const again: string[] = [];
  const outcome = decoder.decode(buffer, 0, end, again);
  const expected = reference.decode(buffer.subarray(0, end));
  const text = list.join('\n');
  if (again.join('\n') !== text || expected.list.join('\n') !== text) {
    throw new Error(
      `${JSON.stringify(list)} reads ${JSON.stringify(again)}, by the reference ${JSON.stringify(expected.list)}`,
    );
  }
  const sound = list.every((name, at) => at % 2 === 1 || soundField(name, list[at + 1]!));
  if (outcome !== (sound ? 'ok' : 'malformed')) throw new Error(`${outcome}, sound: ${sound}`);
  return `${outcome}${Math.min(list.length, 6)}`;
}

export const hpackTargets: readonly Target[] = [decoding, encoding];
