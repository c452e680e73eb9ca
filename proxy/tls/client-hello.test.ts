import { connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_CLIENT_HELLO, readClientHello } from './client-hello.ts';

/** A real ClientHello, as Node sends it with these protocols. */
function capture(protocols: string[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      let bytes: Buffer = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (readClientHello(bytes) === 'need-more') return;
        socket.destroy();
        server.close(() => resolve(bytes));
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const socket = connectTcp(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
      const options = {
        socket,
        minVersion: 'TLSv1.3' as const,
        ecdhCurve: 'X25519MLKEM768',
        rejectUnauthorized: false,
      };
      connectTls(protocols.length === 0 ? options : { ...options, ALPNProtocols: protocols }).on('error', () => {});
    });
  });
}

/** The same handshake message in records of `size` bytes. */
function split(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}

let mesh: Buffer;
let web: Buffer;
let bare: Buffer;

beforeAll(async () => {
  [mesh, web, bare] = await Promise.all([capture(['heddle/1']), capture(['h2', 'http/1.1']), capture([])]);
});

describe('real ClientHellos', () => {
  test('mesh, web, and none', () => {
    // The hybrid key share alone is 1,216 bytes: two segments on an Ethernet.
    expect(mesh.length).toBeGreaterThan(1_300);
    expect(readClientHello(mesh)).toEqual({ tls: true, alpn: ['heddle/1'] });
    expect(readClientHello(web)).toEqual({ tls: true, alpn: ['h2', 'http/1.1'] });
    expect(readClientHello(bare)).toEqual({ tls: true, alpn: [] });
  });

  test('cut at every byte: need-more until the last', () => {
    for (let cut = 0; cut < mesh.length; cut++) expect(readClientHello(mesh.subarray(0, cut))).toBe('need-more');
  });

  test.each([1, 2, 3, 4, 5, 100, 1_000])('in records of %d bytes, cut anywhere', (size) => {
    const records = split(mesh, size);
    expect(readClientHello(records)).toEqual({ tls: true, alpn: ['heddle/1'] });
    for (let cut = 0; cut < records.length; cut += 97)
      expect(readClientHello(records.subarray(0, cut))).toBe('need-more');
  });

  test('what follows it does not matter', () => {
    expect(readClientHello(Buffer.concat([mesh, Buffer.alloc(100, 0xff)]))).toEqual({ tls: true, alpn: ['heddle/1'] });
  });
});

describe('what is not one', () => {
  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['one letter', Buffer.from('G')],
    ['a TLS alert', Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ['version 2.0', Buffer.from([22, 2])],
    ['version 3.9', Buffer.from([22, 3, 9])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record above 2^14', Buffer.from([22, 3, 1, 0x40, 1])],
    ['a ServerHello', Buffer.from([22, 3, 3, 0, 4, 2])],
    ['a ClientHello above the bound', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x80, 0])],
    ['a second record of another type', Buffer.concat([Buffer.from([22, 3, 1, 0, 4, 1, 0, 1, 0, 23])])],
  ])('%s', (_name, bytes) => {
    expect(readClientHello(bytes)).toBe('not-tls');
  });

  test('records of one byte that arrive byte by byte: the work stays linear', () => {
    // What a hostile client sends: the classifier is asked anew with each byte. Joining the records each time took 100 ms a question.
    const start = Buffer.from([1, 0, 0x30, 0]);
    const records = Array.from({ length: 2_700 }, (_, at) => Buffer.from([22, 3, 1, 0, 1, start[at] ?? 0]));
    const bytes = Buffer.concat(records);
    const began = process.cpuUsage();
    for (let end = bytes.length - 200; end < bytes.length; end++) {
      expect(readClientHello(bytes.subarray(0, end))).toBe('need-more');
    }
    const { user, system } = process.cpuUsage(began);
    // 200 questions: 5 ms of CPU, and 20 s before.
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });

  test('nobody is waited for beyond the bound', () => {
    const records: Buffer[] = [];
    const head = Buffer.from([22, 3, 1, 0, 1, 1]);
    for (let bytes = 0; bytes < 2 * MAX_CLIENT_HELLO; bytes += 6) records.push(head);
    expect(readClientHello(Buffer.concat(records))).toBe('not-tls');
  });
});

test('any bytes: an answer, and a longer prefix never takes a decision back', () => {
  const changed = fc.tuple(fc.nat(1_400), fc.nat(255)).map(([at, byte]) => {
    const copy = Buffer.from(mesh);
    copy[at % copy.length] = byte;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changed), fc.nat(1_400), (bytes, cut) => {
      const early = readClientHello(bytes.subarray(0, cut));
      const late = readClientHello(bytes);
      if (early === 'not-tls') expect(late).toBe('not-tls');
      else if (typeof early === 'object') expect(late).toEqual(early);
    }),
    { numRuns: 2_000 },
  );
});
