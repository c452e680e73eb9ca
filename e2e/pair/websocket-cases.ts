/**
 * What a client of RFC 6455 may send, and what it may not: the sections of the Autobahn suite that are about framing, pings, reserved bits,
 * opcodes, fragments, UTF-8 and closing. Frames are masked with a fixed key.
 */
export interface WebSocketCase {
  readonly name: string;
  /** Sent after the handshake, one write each. */
  readonly writes: readonly Buffer[];
  /** How the server (the `ws` package) must end it: the code of its Close frame; undefined: any. */
  readonly code?: number;
}

const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;
const CLOSE_NORMAL = closing(1000);

/** `first`: FIN, reserved bits and opcode. */
export function frame(first: number, payload: Buffer): Buffer {
  const size = payload.length;
  const length =
    size < 126
      ? Buffer.from([0x80 | size])
      : size < 65_536
        ? Buffer.from([0xfe, size >> 8, size & 255])
        : Buffer.from([0xff, 0, 0, 0, 0, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255]);
  const masked = payload.map((byte, index) => byte ^ MASK[index % 4]!);
  return Buffer.concat([Buffer.from([first]), length, Buffer.from(MASK), masked]);
}

function closing(code: number, reason = ''): Buffer {
  return frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
}

const text = (size: number): Buffer => Buffer.alloc(size, '*');
const bytes = (size: number): Buffer => Buffer.alloc(size, 0xfe);
const valid = (name: string, ...writes: Buffer[]): WebSocketCase => ({
  name,
  writes: [...writes, CLOSE_NORMAL],
  code: 1000,
});
const wrong = (name: string, code: number, ...writes: Buffer[]): WebSocketCase => ({ name, writes, code });
const inPieces = (whole: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
    whole.subarray(index * size, (index + 1) * size),
  );

const SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 1_048_576] as const;

const FRAMING: readonly WebSocketCase[] = SIZES.flatMap((size) => [
  valid(`1.1 text of ${size} bytes`, frame(0x81, text(size))),
  valid(`1.2 binary of ${size} bytes`, frame(0x82, bytes(size))),
]).concat(
  valid('1.1.8 text of 65,536 bytes in writes of 997', ...inPieces(frame(0x81, text(65_536)), 997)),
  valid('1.2.8 binary of 1,000 bytes, byte by byte', ...inPieces(frame(0x82, bytes(1_000)), 1)),
);

const PINGS: readonly WebSocketCase[] = [
  ...[0, 4, 125].map((size) => valid(`2.1 ping of ${size} bytes`, frame(0x89, bytes(size)))),
  wrong('2.5 ping of 126 bytes', 1002, frame(0x89, bytes(126))),
  valid('2.6 ping byte by byte', ...inPieces(frame(0x89, bytes(125)), 1)),
  valid('2.7 a pong that nobody asked for', frame(0x8a, Buffer.alloc(0))),
  valid('2.9 a pong that nobody asked for, then a ping', frame(0x8a, text(8)), frame(0x89, text(8))),
  valid('2.10 ten pings', ...Array.from({ length: 10 }, (_, index) => frame(0x89, Buffer.from(`ping ${index}`)))),
  valid(
    '2.11 ten pings byte by byte',
    ...Array.from({ length: 10 }, (_, index) => inPieces(frame(0x89, Buffer.from(`ping ${index}`)), 1)).flat(),
  ),
];

const RESERVED: readonly WebSocketCase[] = [
  ...[0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0].map((bits) =>
    wrong(`3 text with reserved bits ${bits.toString(16)}`, 1002, frame(bits | 0x01, text(5))),
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    wrong(`4 reserved opcode ${opcode}`, 1002, frame(0x80 | opcode, text(opcode % 2 === 0 ? 0 : 5))),
  ),
];

const FRAGMENTS: readonly WebSocketCase[] = [
  wrong('5.1 ping in two fragments', 1002, frame(0x09, text(1)), frame(0x80, text(1))),
  wrong('5.2 pong in two fragments', 1002, frame(0x0a, text(1)), frame(0x80, text(1))),
  valid('5.3 text in two fragments', frame(0x01, text(9)), frame(0x80, text(7))),
  valid(
    '5.5 text in two fragments, byte by byte',
    ...inPieces(Buffer.concat([frame(0x01, text(9)), frame(0x80, text(7))]), 1),
  ),
  valid('5.6 a ping between two fragments', frame(0x01, text(9)), frame(0x89, text(3)), frame(0x80, text(7))),
  wrong('5.9 a continuation of nothing', 1002, frame(0x80, text(5))),
  wrong('5.10 an open continuation of nothing', 1002, frame(0x00, text(5))),
  wrong('5.18 a text within a text', 1002, frame(0x01, text(9)), frame(0x81, text(7))),
  valid(
    '5.19 five fragments with pings between them',
    ...[0x01, 0x00, 0x00, 0x00, 0x80].flatMap((first) => [frame(first, text(5)), frame(0x89, text(2))]),
  ),
];

const UTF8: readonly WebSocketCase[] = [
  valid('6.1 no text in three fragments', frame(0x01, text(0)), frame(0x00, text(0)), frame(0x80, text(0))),
  valid('6.2 text of several bytes a character', frame(0x81, Buffer.from('Hello-µ@ßöäüàá-UTF-8!!'))),
  valid(
    '6.2 the same, fragments within a character',
    ...[...Buffer.from('κόσμε')].map((byte, index, all) =>
      frame((index === all.length - 1 ? 0x80 : 0) | (index === 0 ? 1 : 0), Buffer.from([byte])),
    ),
  ),
  wrong('6.3 a surrogate', 1007, frame(0x81, Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80, 0x65]))),
  wrong('6.6 half of a character', 1007, frame(0x81, Buffer.from([0xce]))),
];

const CLOSING: readonly WebSocketCase[] = [
  { name: '7.1 a message, then Close', writes: [frame(0x81, text(10)), CLOSE_NORMAL], code: 1000 },
  { name: '7.1 two Closes', writes: [CLOSE_NORMAL, CLOSE_NORMAL], code: 1000 },
  { name: '7.1 a ping after Close', writes: [CLOSE_NORMAL, frame(0x89, text(3))], code: 1000 },
  { name: '7.1 Close behind 256 KiB', writes: [frame(0x81, text(262_144)), CLOSE_NORMAL], code: 1000 },
  { name: '7.3 Close without a code', writes: [frame(0x88, Buffer.alloc(0))] },
  wrong('7.3 Close with half a code', 1002, frame(0x88, Buffer.from([3]))),
  { name: '7.3 Close with a reason of 123 bytes', writes: [closing(1000, '*'.repeat(123))], code: 1000 },
  wrong('7.3 Close with a reason of 124 bytes', 1002, closing(1000, '*'.repeat(124))),
  wrong('7.5 Close with a reason that is no UTF-8', 1007, frame(0x88, Buffer.from([3, 232, 0xce]))),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code) => ({
    name: `7.7 Close ${code}`,
    writes: [closing(code)],
    code,
  })),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code) => wrong(`7.9 Close ${code}`, 1002, closing(code))),
];

export const WEBSOCKET_CASES: readonly WebSocketCase[] = [
  ...FRAMING,
  ...PINGS,
  ...RESERVED,
  ...FRAGMENTS,
  ...UTF8,
  ...CLOSING,
];
