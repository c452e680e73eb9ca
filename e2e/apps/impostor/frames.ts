/** RFC 9113 frames as far as a listener must tell them apart, read by other code than the proxy's so that it cannot share its errors. */

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const NAMES: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'HEADERS',
  3: 'RST_STREAM',
  4: 'SETTINGS',
  6: 'PING',
  7: 'GOAWAY',
  8: 'WINDOW_UPDATE',
  9: 'CONTINUATION',
  240: 'IDENTITY',
};
const GOAWAY = 7;
/** Frames that carry something of a request. */
const OF_REQUESTS: ReadonlySet<number> = new Set([0, 1, 9]);

export interface Frames {
  /** In their order. */
  readonly names: readonly string[];
  /** Payload bytes of DATA, HEADERS and CONTINUATION. */
  readonly requestBytes: number;
  /** Debug data of each GOAWAY. */
  readonly goaways: readonly string[];
  /** What stands before or between frames and is none: 0 unless the peer speaks something else. */
  readonly strayBytes: number;
}

/** Reads what a client sent on one connection; an unfinished last frame counts with the bytes that came. */
export function readFrames(bytes: Buffer): Frames {
  if (!startsLikePreface(bytes)) return { names: [], requestBytes: 0, goaways: [], strayBytes: bytes.length };
  const names: string[] = [];
  const goaways: string[] = [];
  let requestBytes = 0;
  let at = PREFACE.length;
  while (at + 9 <= bytes.length) {
    const type = bytes[at + 3]!;
    const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3));
    names.push(NAMES[type] ?? `0x${type.toString(16)}`);
    if (OF_REQUESTS.has(type)) requestBytes += payload.length;
    if (type === GOAWAY) goaways.push(payload.subarray(8).toString('latin1'));
    at += 9 + bytes.readUIntBE(at, 3);
  }
  return { names, requestBytes, goaways, strayBytes: 0 };
}

function startsLikePreface(bytes: Buffer): boolean {
  const seen = bytes.subarray(0, PREFACE.length).toString('latin1');
  return PREFACE.startsWith(seen);
}

/** SETTINGS that say "accepted": wire version 1, no features (`proxy/contract/wire.md`). */
export function acceptance(): Buffer {
  const settings = [
    [0xf001, 1],
    [0xf002, 0],
  ] as const;
  const frame = Buffer.alloc(9 + settings.length * 6);
  frame.writeUIntBE(settings.length * 6, 0, 3);
  frame[3] = 4;
  settings.forEach(([id, value], index) => {
    frame.writeUInt16BE(id, 9 + index * 6);
    frame.writeUInt32BE(value, 11 + index * 6);
  });
  return frame;
}
