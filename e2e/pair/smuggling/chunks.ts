import { type Attack, attack, HOST, judged } from './case.ts';

const HEAD = `POST /ID HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

/** What stands for the size 5 of a chunk. */
const LEGAL_SIZES = [
  '5',
  '05',
  '005',
  '0000000000005',
  '5;',
  '5;a',
  '5;a=b',
  '5;a="b"',
  '5;a="b;c"',
  '5 '.trim(),
  '5;a=b;c=d',
  '5;\t',
  '5;a="\\""',
  '5; x',
];
const SIZES = [
  '+5',
  '-5',
  '0x5',
  '0X5',
  '5h',
  '5 ',
  ' 5',
  '\t5',
  '5\t',
  '5 ;a',
  '5,',
  '5.',
  '5_',
  '"5"',
  '',
  ' ',
  ';',
  ';a=b',
  '00000000000005',
  '10000000000000005',
  'ffffffffffffffff5',
  'FFFFFFFFFFFFFFF5',
  '5\0',
  '\x005',
  '5\x0b',
  '\xa05',
  '5\xa0',
  '5\r',
  '5\n',
  '\n5',
  '\r5',
  '5;a\n',
  '5;a\r',
  '5;a\rb',
  '5;a\nb',
  '5;a\0b',
  '5;a\x0bb',
  '5;a="\n"',
  '5\n;',
  'g',
  '5g',
  '-0',
  '0x',
  '٥',
  '5;\x7f',
  '5;\x01',
  '5,5',
  '5 5',
  '\\5',
  '%35',
  '5\r\r',
  `5;${'x'.repeat(2_000)}`,
] as const;

/** What ends a line: only CRLF does. */
const ENDS = ['\n', '\r', '\n\r', '\r\r\n', '\0\r\n', '\x0b\r\n', '\x85', '\xe2\x80\xa8'] as const;

export function chunks(): Attack[] {
  const all: Attack[] = [];
  for (const last of ['0\r\n\r\n', '0\r\nX: y\r\n\r\n', '000\r\n\r\n', '0;end\r\n\r\n']) {
    for (const size of LEGAL_SIZES)
      all.push(
        attack(
          `chunk size ${JSON.stringify(size)} then ${JSON.stringify(last)}`,
          `${HEAD}${size}\r\nabcde\r\n${last}`,
          'through',
          5,
        ),
      );
    for (const size of SIZES)
      all.push(
        attack(
          `chunk size ${JSON.stringify(size.slice(0, 40))} then ${JSON.stringify(last)}`,
          `${HEAD}${size}\r\nabcde\r\n${last}`,
          'refused',
        ),
      );
  }
  for (const end of ENDS) {
    const text = JSON.stringify(end);
    all.push(attack(`size ended by ${text}`, `${HEAD}5${end}abcde\r\n0\r\n\r\n`, 'refused'));
    all.push(attack(`chunk ended by ${text}`, `${HEAD}5\r\nabcde${end}0\r\n\r\n`, 'refused'));
    all.push(attack(`last size ended by ${text}`, `${HEAD}5\r\nabcde\r\n0${end}\r\n`, 'refused'));
    // Without its last CRLF the trailer section would be the hidden request's line: no field.
    all.push(attack(`trailers ended by ${text}`, `${HEAD}5\r\nabcde\r\n0\r\n${end}`, 'refused'));
    all.push(attack(`trailer field ended by ${text}`, `${HEAD}0\r\nX: y${end}\r\n`, 'refused'));
  }
  // Everything is complete, then a line that is none begins.
  all.push(attack('blank after the trailers', `${HEAD}5\r\nabcde\r\n0\r\n\r\n `, 'refused', 5));
  all.push(attack('chunk without an end', `${HEAD}5\r\nabcde0\r\n\r\n`, 'refused'));
  all.push(attack('size without an end: 0x5abcde bytes', `${HEAD}5abcde\r\n0\r\n\r\n`, 'waiting'));
  all.push(attack('size 5e0', `${HEAD}5e0\r\nabcde\r\n0\r\n\r\n`, 'waiting'));
  return all.concat(wrongLengths(), trailers());
}

function wrongLengths(): Attack[] {
  const all: Attack[] = [];
  for (const size of [0, 1, 2, 3, 4, 6]) {
    // A size of 0 ends the body at once; what follows is no request line.
    all.push(attack(`size ${size} for five bytes`, `${HEAD}${size}\r\nabcde\r\n0\r\n\r\n`, 'refused'));
  }
  for (const size of [
    '100',
    'ffff',
    'fffffff',
    '7fffffff',
    'ffffffff',
    '100000000',
    'fffffffffff',
    '1fffffffffffff'.slice(0, 13),
  ]) {
    all.push(attack(`size ${size} for five bytes`, `${HEAD}${size}\r\nabcde\r\n0\r\n\r\n`, 'waiting'));
  }
  return all;
}

/** RFC 9110, 6.5.1: no field that frames or routes. `ok`: passed on or left out, but read in the same way by everybody. */
const TRAILERS: readonly (readonly [line: string, legal: boolean])[] = [
  ['X: y\r\n', true],
  ['X: y\r\nZ: w\r\n', true],
  ['Etag: "a"\r\n', true],
  ['X:\r\n', true],
  ['Transfer-Encoding: chunked\r\n', false],
  ['Content-Length: 5\r\n', false],
  ['content-length: 0\r\n', false],
  ['Host: other\r\n', false],
  ['Connection: close\r\n', false],
  ['Upgrade: h2c\r\n', false],
  ['Expect: 100-continue\r\n', false],
  [' X: y\r\n', false],
  ['X : y\r\n', false],
  ['X: y\r\n z\r\n', false],
  ['X\r\n', false],
  [': y\r\n', false],
  ['X: a\0b\r\n', false],
  ['X: a\x0bb\r\n', false],
  ['GET /hidden HTTP/1.1\r\n', false],
  ['X: y\nHost: z\r\n', false],
  ['X: y\rHost: z\r\n', false],
];

function trailers(): Attack[] {
  return TRAILERS.flatMap(([line, legal]) =>
    ['0', '00', '0;x'].map((last) =>
      judged(`trailer ${JSON.stringify(line)} after ${last}`, `${HEAD}5\r\nabcde\r\n${last}\r\n${line}\r\n`, legal, 5),
    ),
  );
}
