import { type Attack, HOST, judged } from './case.ts';

/** Names: tokens are fields, anything else is not. */
const NAMES: readonly (readonly [name: string, legal: boolean])[] = [
  ['A', true],
  ["!#$%&'*+-.^_`|~0", true],
  ['Content_Length', true],
  ['Content-Length-', true],
  ['X-Forwarded-Host', true],
  ['X-HTTP-Method-Override', true],
  ['X-Heddle-Peer', true],
  ['__proto__', true],
  ['constructor', true],
  ['toString', true],
  ['', false],
  [' ', false],
  ['A ', false],
  [' A', false],
  ['A B', false],
  ['A(', false],
  ['A)', false],
  ['A"', false],
  ['A,', false],
  ['A/', false],
  ['A;', false],
  ['A<', false],
  ['A=', false],
  ['A>', false],
  ['A?', false],
  ['A@', false],
  ['A[', false],
  ['A\\', false],
  ['A]', false],
  ['A{', false],
  ['A}', false],
  ['\xc4', false],
  ['A\xa0', false],
  [':path', false],
  [':method', false],
  ['Content-Length ', false],
  ['Content-Length\t', false],
  ['Content-Length\0', false],
  ['\0Content-Length', false],
];

export function names(): Attack[] {
  const all: Attack[] = [];
  for (const [name, legal] of NAMES) {
    for (const value of ['5', 'chunked', '', 'x']) {
      all.push(
        judged(
          `name ${JSON.stringify(name)} with ${JSON.stringify(value)}`,
          `GET /ID HTTP/1.1\r\n${HOST}${name}: ${value}\r\n\r\n`,
          legal,
        ),
      );
      all.push(
        judged(
          `name ${JSON.stringify(name)} first, with ${JSON.stringify(value)}`,
          `GET /ID HTTP/1.1\r\n${name}: ${value}\r\n${HOST}\r\n`,
          legal,
        ),
      );
    }
  }
  return all;
}
