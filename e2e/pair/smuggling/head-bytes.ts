import { type Attack, attack, HOST } from './case.ts';

/** Bytes that no head may hold, or that end a line for some. */
const BYTES = [
  '\n',
  '\r',
  '\n\r',
  '\r\r\n',
  '\0',
  '\x01',
  '\x08',
  '\x0b',
  '\x0c',
  '\x1b',
  '\x1f',
  '\x7f',
  '\r\n ',
  '\r\n\t',
  '\n ',
] as const;
/** A legal head with a place for them. */
const PLACES: readonly (readonly [name: string, make: (bytes: string) => string])[] = [
  ['before the method', (x) => `${x}GET /ID HTTP/1.1\r\n${HOST}\r\n`],
  ['in the method', (x) => `GE${x}T /ID HTTP/1.1\r\n${HOST}\r\n`],
  ['before the target', (x) => `GET ${x}/ID HTTP/1.1\r\n${HOST}\r\n`],
  ['in the target', (x) => `GET /ID${x}a HTTP/1.1\r\n${HOST}\r\n`],
  ['before the version', (x) => `GET /ID ${x}HTTP/1.1\r\n${HOST}\r\n`],
  ['in the version', (x) => `GET /ID HTTP/${x}1.1\r\n${HOST}\r\n`],
  ['after the version', (x) => `GET /ID HTTP/1.1${x}\r\n${HOST}\r\n`],
  ['before a name', (x) => `GET /ID HTTP/1.1\r\n${HOST}${x}A: b\r\n\r\n`],
  ['in a name', (x) => `GET /ID HTTP/1.1\r\n${HOST}A${x}B: c\r\n\r\n`],
  ['before the colon', (x) => `GET /ID HTTP/1.1\r\n${HOST}A${x}: b\r\n\r\n`],
  ['before a value', (x) => `GET /ID HTTP/1.1\r\n${HOST}A:${x}b\r\n\r\n`],
  ['in a value', (x) => `GET /ID HTTP/1.1\r\n${HOST}A: b${x}c\r\n\r\n`],
  ['after a value', (x) => `GET /ID HTTP/1.1\r\n${HOST}A: b${x}\r\n\r\n`],
  ['in the host', (x) => `GET /ID HTTP/1.1\r\nHost: sh${x}op\r\n\r\n`],
  ['before the empty line', (x) => `GET /ID HTTP/1.1\r\n${HOST}${x}\r\n`],
];

/** RFC 9112, 2.2: empty lines before a request line may be skipped: CRLF alone is the only form. */
export function bytesInHeads(): Attack[] {
  const all: Attack[] = [];
  for (const byte of BYTES) {
    for (const [place, make] of PLACES) {
      // An empty line there ends a good head; what is refused is the line that then begins.
      const ends = byte.startsWith('\r\n') && (place === 'before a name' || place === 'before the empty line');
      const good = ends ? [0] : [];
      const before = `GET /ID HTTP/1.1\r\n${HOST}\r\n`;
      all.push(attack(`${JSON.stringify(byte)} ${place}`, make(byte), 'refused', ...good));
      all.push(
        attack(`${JSON.stringify(byte)} ${place}, after a good request`, before + make(byte), 'refused', 0, ...good),
      );
    }
  }
  return all;
}
