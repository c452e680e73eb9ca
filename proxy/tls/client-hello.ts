/** `need-more`: call again with more bytes. `not-tls`: the bytes cannot become a TLS ClientHello that we would understand. */
export type ClientHello = 'need-more' | 'not-tls' | { readonly tls: true; readonly alpn: readonly string[] };

/** Records of a ClientHello together, bytes: beyond it nobody is waited for. */
export const MAX_CLIENT_HELLO = 16_384;

const RECORD_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const EXTENSION_ALPN = 16;
/** Type and length of a handshake message (RFC 8446 4). */
const HEAD_BYTES = 4;

/**
 * Recognises a ClientHello in the first bytes of a connection, whatever the borders of segments and records (RFC 8446 5.1
 * lets a sender split it anywhere). Pure: give it all bytes so far. Decides `not-tls` with the first byte that contradicts.
 */
export function readClientHello(bytes: Uint8Array): ClientHello {
  const message = gather(bytes);
  if (message === 'not-tls' || message === 'need-more') return message;
  return { tls: true, alpn: alpnOf(message) };
}

/** Joins the handshake fragments of the records when the ClientHello is whole. Linear: a sender may cut it into records of one byte, and asks with each byte. */
function gather(bytes: Uint8Array): Uint8Array | 'need-more' | 'not-tls' {
  const head = new Uint8Array(HEAD_BYTES);
  let gathered = 0;
  for (let at = 0; ; ) {
    const left = bytes.length - at;
    if (left > 0 && bytes[at] !== RECORD_HANDSHAKE) return 'not-tls';
    // Legacy version: 3.x; 3.1 or 3.3 in practice (RFC 8446 5.1).
    if (left > 1 && bytes[at + 1] !== 3) return 'not-tls';
    if (left > 2 && bytes[at + 2]! > 4) return 'not-tls';
    if (left < 5) return at > MAX_CLIENT_HELLO ? 'not-tls' : 'need-more';
    const length = bytes[at + 3]! * 256 + bytes[at + 4]!;
    // No empty fragments, and none above 2^14 (RFC 8446 5.1).
    if (length === 0 || length > MAX_CLIENT_HELLO || at + length > MAX_CLIENT_HELLO) return 'not-tls';
    const end = Math.min(bytes.length, at + 5 + length);
    for (let next = at + 5; next < end && gathered + next - at - 5 < HEAD_BYTES; next++) {
      head[gathered + next - at - 5] = bytes[next]!;
    }
    gathered += end - at - 5;
    const whole = wholeLength(head, gathered);
    if (whole === 'not-tls') return 'not-tls';
    if (whole !== undefined && gathered >= whole) return join(bytes, whole);
    if (end - at - 5 < length) return 'need-more';
    at += 5 + length;
  }
}

/** Length of the handshake message with its head, once its four bytes are there. */
function wholeLength(head: Uint8Array, gathered: number): number | 'not-tls' | undefined {
  if (gathered === 0) return undefined;
  if (head[0] !== CLIENT_HELLO) return 'not-tls';
  if (gathered < HEAD_BYTES) return undefined;
  const length = HEAD_BYTES + head[1]! * 65_536 + head[2]! * 256 + head[3]!;
  return length > MAX_CLIENT_HELLO ? 'not-tls' : length;
}

/** The message without its head, from records that hold `whole` bytes of it. */
function join(bytes: Uint8Array, whole: number): Uint8Array {
  const message = new Uint8Array(whole);
  let filled = 0;
  for (let at = 0; filled < whole; ) {
    const length = bytes[at + 3]! * 256 + bytes[at + 4]!;
    const count = Math.min(length, whole - filled);
    message.set(bytes.subarray(at + 5, at + 5 + count), filled);
    filled += count;
    at += 5 + length;
  }
  return message.subarray(HEAD_BYTES);
}

/** ALPN names (RFC 7301) of a ClientHello without its head (RFC 8446 4.1.2); what does not parse has none: OpenSSL will refuse it. */
function alpnOf(hello: Uint8Array): string[] {
  const reader = new Reader(hello);
  reader.skip(2 + 32); // version, random
  reader.skip(reader.number(1)); // session id
  reader.skip(reader.number(2)); // cipher suites
  reader.skip(reader.number(1)); // compression methods
  const end = Math.min(hello.length, reader.number(2) + reader.at);
  while (reader.at + 4 <= end) {
    const type = reader.number(2);
    const length = reader.number(2);
    if (type === EXTENSION_ALPN) return protocolNames(hello.subarray(reader.at, Math.min(end, reader.at + length)));
    reader.skip(length);
  }
  return [];
}

function protocolNames(extension: Uint8Array): string[] {
  const names: string[] = [];
  const reader = new Reader(extension);
  reader.skip(2); // length of the list
  while (reader.at < extension.length) {
    const length = reader.number(1);
    if (length === 0 || reader.at + length > extension.length) return [];
    names.push(Buffer.from(extension.subarray(reader.at, reader.at + length)).toString('latin1'));
    reader.skip(length);
  }
  return names;
}

/** Numbers from a buffer; past its end they are 0 and the position stays past it. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  skip(count: number): void {
    this.at += count;
  }

  number(size: number): number {
    let value = 0;
    for (let index = 0; index < size; index++) value = value * 256 + (this.#bytes[this.at++] ?? 0);
    return value;
  }
}
