import { errorCode } from '../../../proxy/base/errors.ts';
import { MAX_CLIENT_HELLO, readClientHello } from '../../../proxy/tls/client-hello.ts';
import type { Target } from '../target.ts';

const record = (...payload: number[]): Buffer =>
  Buffer.from([22, 3, 1, payload.length >> 8, payload.length & 255, ...payload]);

/** A small legal one: RFC 8446 4.1.2, with these extensions. */
function hello(...extensions: number[]): Buffer {
  const body = [
    3,
    3,
    ...new Array<number>(32).fill(7),
    0,
    0,
    2,
    0x13,
    1,
    1,
    0,
    extensions.length >> 8,
    extensions.length & 255,
    ...extensions,
  ];
  return record(1, 0, body.length >> 8, body.length & 255, ...body);
}
const alpn = (...names: string[]): number[] => {
  const list = names.flatMap((name) => [name.length, ...Buffer.from(name, 'latin1')]);
  return [0, 16, 0, list.length + 2, 0, list.length, ...list];
};

/** Inputs of 4 KiB cannot reach the bounds: those that begin with this byte are repeated behind it. */
const REPEATED = 0xfa;

/**
 * What is said of a prefix, once decided, is said of all longer ones; the same message in records of other sizes reads the same; where a plain reading
 * finds everything in order the names are the same; nobody is waited for beyond the bound.
 */
const clientHello: Target = {
  name: 'client-hello',
  // Real ones, as OpenSSL sends them, are in the corpus.
  seeds: [
    hello(),
    hello(...alpn('heddle/1')),
    hello(0, 0, 0, 1, 9, ...alpn('h2', 'http/1.1'), 0, 43, 0, 3, 2, 3, 4),
    Buffer.concat([Buffer.from([REPEATED]), record(1), record(0), record(0x30)]),
    record(2, 0, 0, 1, 0),
  ],
  dictionary: [
    record(1),
    record(1, 0, 0, 0),
    Buffer.from([22, 3, 1]),
    Buffer.from([22, 3, 3, 0x40, 0]),
    Buffer.from([23, 3, 3, 0, 1, 0]),
    Buffer.from([1, 0, 0x3f, 0xfc]),
    Buffer.from(alpn('heddle/1')),
    Buffer.from(alpn('h2', '')),
    Buffer.from([0, 16, 0, 0]),
    Buffer.from([0, 16, 0xff, 0xff]),
    Buffer.from('GET / HTTP/1.1\r\n'),
  ],
  check(input) {
    const bytes = input[0] === REPEATED ? repeated(input.subarray(1)) : input;
    const verdict = readClientHello(bytes);
    if (verdict === 'need-more' && bytes.length > 2 * MAX_CLIENT_HELLO * 6) throw new Error('waits beyond the bound');
    sameForPrefixes(bytes, JSON.stringify(verdict));
    if (typeof verdict === 'string') return `${verdict} ${bytes.length > MAX_CLIENT_HELLO}`;
    const message = messageOf(bytes);
    for (const size of [1, 2, 100]) {
      const again = readClientHello(inRecords(message, size));
      // Small records may take more than the bound.
      if (message.length * 6 > MAX_CLIENT_HELLO || JSON.stringify(again) === JSON.stringify(verdict)) continue;
      throw new Error(`in records of ${size} bytes ${JSON.stringify(again)}, was ${JSON.stringify(verdict)}`);
    }
    const plain = plainly(message.subarray(4));
    if (plain !== undefined && plain.join('\n') !== verdict.alpn.join('\n')) {
      throw new Error(`names ${JSON.stringify(verdict.alpn)}, a plain reading finds ${JSON.stringify(plain)}`);
    }
    if (verdict.alpn.join('').length > message.length) throw new Error('more names than bytes');
    return `tls ${verdict.alpn.length} ${plain === undefined} ${verdict.alpn.includes('heddle/1')}`;
  },
};

function repeated(piece: Buffer): Buffer {
  const times = piece.length === 0 ? 0 : Math.ceil((2.2 * MAX_CLIENT_HELLO) / piece.length);
  return Buffer.concat(Array.from({ length: times }, () => piece));
}

/** The first bytes one by one, then places that the input itself chooses. */
function sameForPrefixes(bytes: Buffer, last: string): void {
  const ends = Array.from({ length: Math.min(12, bytes.length) }, (_, end) => end);
  for (let place = bytes.length, count = 0; count < 8 && bytes.length > 0; count++) {
    place = (Math.imul(place, 31) + bytes[place % bytes.length]! + count) >>> 0;
    ends.push(place % bytes.length);
  }
  for (const end of ends) {
    const before = readClientHello(bytes.subarray(0, end));
    if (before === 'need-more') continue;
    const text = JSON.stringify(before);
    if (text !== last) throw new Error(`after ${end} bytes ${text}, at last ${last}`);
  }
}

/** The handshake message of records that were accepted. */
function messageOf(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] !== 22) break;
    pieces.push(bytes.subarray(at + 5, at + 5 + bytes.readUInt16BE(at + 3)));
  }
  const all = Buffer.concat(pieces);
  return all.subarray(0, 4 + all.readUIntBE(1, 3));
}

function inRecords(message: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) records.push(record(...message.subarray(at, at + size)));
  return Buffer.concat(records);
}

/** Names of a ClientHello in which every length is right; undefined for any other. */
function plainly(body: Buffer): string[] | undefined {
  try {
    let at = 34;
    at += 1 + body.readUInt8(at);
    at += 2 + body.readUInt16BE(at);
    at += 1 + body.readUInt8(at);
    if (at === body.length) return [];
    const end = at + 2 + body.readUInt16BE(at);
    if (end !== body.length) return undefined;
    return extensionNames(body, at + 2, end);
  } catch (error) {
    if (errorCode(error) === 'ERR_OUT_OF_RANGE' || errorCode(error) === 'ERR_BUFFER_OUT_OF_BOUNDS') return undefined;
    throw error;
  }
}

function extensionNames(body: Buffer, start: number, end: number): string[] | undefined {
  let found: string[] | undefined;
  for (let at = start; at < end; ) {
    const type = body.readUInt16BE(at);
    const next = at + 4 + body.readUInt16BE(at + 2);
    if (next > end) return undefined;
    if (type === 16) {
      // Two of a kind are refused by TLS itself (RFC 8446 4.2).
      if (found !== undefined || next < at + 6 || body.readUInt16BE(at + 4) !== next - at - 6) return undefined;
      found = [];
      for (let name = at + 6; name < next; name += 1 + body[name]!) {
        if (body[name] === 0 || name + 1 + body[name]! > next) return undefined;
        found.push(body.toString('latin1', name + 1, name + 1 + body[name]!));
      }
    }
    at = next;
  }
  return found ?? [];
}

export const clientHelloTargets: readonly Target[] = [clientHello];
