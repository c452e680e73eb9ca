import { type Attack, attack, HOST, judged } from './case.ts';

/** Values of Transfer-Encoding; the first ones are legal: exactly `chunked`, in any case, with blanks around it. */
const LEGAL_CODINGS = [
  'chunked',
  'Chunked',
  'CHUNKED',
  'cHuNkEd',
  ' chunked',
  'chunked ',
  '\tchunked\t',
  '   chunked   ',
];
const CODINGS = [
  'xchunked',
  'chunkedx',
  'chunke',
  'chunked,',
  ',chunked',
  ', chunked',
  'chunked, chunked',
  'chunked,chunked',
  'identity',
  'identity, chunked',
  'chunked, identity',
  'gzip',
  'gzip, chunked',
  'chunked, gzip',
  'deflate',
  'compress',
  'chunked;q=1',
  'chunked; foo=bar',
  'chunked ;x',
  '"chunked"',
  "'chunked'",
  '(chunked)',
  'chunked chunked',
  'chunked\tchunked',
  'x chunked',
  'chun ked',
  'ch\x01unked',
  '\x0bchunked',
  '\x0cchunked',
  'chunked\x0b',
  'chunked\0',
  '\0chunked',
  '\x7fchunked',
  '\xa0chunked',
  'chunked\xa0',
  '\x85chunked',
  'chunked\xe2\x80\xa8',
  'chunk\xe9d',
  '',
  ' ',
  'null',
  'false',
  '0',
  'chunked=',
  'trailers',
  'chunked\\',
  'cow',
  'cow, chunked',
  'chunked, cow',
  '*',
  'chunked/1',
  'chunked:',
  'chunked%00',
] as const;
const NAMES = ['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING', 'tRANSFER-eNCODING'];
/** What stands beside it. */
const LENGTHS = [
  '',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 100\r\n',
  'content-length: 5\r\n',
];

/** Every value under every name, with and without a length before and behind it, in both versions. */
export function codings(): Attack[] {
  const all: Attack[] = [];
  for (const value of [...LEGAL_CODINGS, ...CODINGS]) {
    for (const name of NAMES) {
      for (const length of LENGTHS) {
        for (const version of ['1.1', '1.0']) {
          const legal = LEGAL_CODINGS.includes(value) && length === '' && version === '1.1';
          const field = `${name}:${value}\r\n`;
          const fields = name === 'Transfer-Encoding' ? `${length}${field}` : `${field}${length}`;
          const bytes = `POST /ID HTTP/${version}\r\n${HOST}${fields}\r\n5\r\nabcde\r\n0\r\n\r\n`;
          all.push(
            judged(
              `coding ${JSON.stringify(value)} as ${name} with ${JSON.stringify(length)} in ${version}`,
              bytes,
              legal,
              5,
            ),
          );
        }
      }
    }
  }
  return all;
}

/** Field lines that some parser takes for Transfer-Encoding: chunked. `other`: a legal field of another name, so there is no body. */
const LINES: readonly (readonly [line: string, kind: 'refused' | 'other'])[] = [
  ['Transfer-Encoding : chunked\r\n', 'refused'],
  ['Transfer-Encoding\t: chunked\r\n', 'refused'],
  [' Transfer-Encoding: chunked\r\n', 'refused'],
  ['\tTransfer-Encoding: chunked\r\n', 'refused'],
  ['Transfer-Encoding\r\n: chunked\r\n', 'refused'],
  ['Transfer-Encoding:\r\n chunked\r\n', 'refused'],
  ['Transfer-Encoding:\n chunked\r\n', 'refused'],
  ['Transfer-Encoding:\r chunked\r\n', 'refused'],
  ['Transfer-Encoding: chunked\r\n\tx\r\n', 'refused'],
  ['X: y\r\n Transfer-Encoding: chunked\r\n', 'refused'],
  ['X: y\nTransfer-Encoding: chunked\r\n', 'refused'],
  ['X: y\rTransfer-Encoding: chunked\r\n', 'refused'],
  ['X: y\0Transfer-Encoding: chunked\r\n', 'refused'],
  ['X: y\n\rTransfer-Encoding: chunked\r\n', 'refused'],
  ['X: y\r\r\nTransfer-Encoding: chunked\r\n', 'refused'],
  ['Transfer-Encoding: chunked\n', 'refused'],
  ['Transfer-Encoding: chunked\r', 'refused'],
  ['Transfer-Encoding chunked\r\n', 'refused'],
  ['Transfer-Encoding=chunked\r\n', 'refused'],
  ['"Transfer-Encoding": chunked\r\n', 'refused'],
  ['Transfer Encoding: chunked\r\n', 'refused'],
  ['Transfer-Encoding\0: chunked\r\n', 'refused'],
  ['Transfer-Encoding\x0b: chunked\r\n', 'refused'],
  ['\x00Transfer-Encoding: chunked\r\n', 'refused'],
  ['\xa0Transfer-Encoding: chunked\r\n', 'refused'],
  ['Transfer\xadEncoding: chunked\r\n', 'refused'],
  [': chunked\r\n', 'refused'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'refused'],
  ['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', 'refused'],
  ['Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n', 'refused'],
  ['Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n', 'refused'],
  ['Connection: transfer-encoding\r\nTransfer_Encoding: chunked\r\n', 'other'],
  ['Transfer_Encoding: chunked\r\n', 'other'],
  ['Transfer.Encoding: chunked\r\n', 'other'],
  ['X-Transfer-Encoding: chunked\r\n', 'other'],
  ['Transfer-Encoding-: chunked\r\n', 'other'],
  ['TransferEncoding: chunked\r\n', 'other'],
  ['TE: chunked\r\n', 'other'],
  ['Content-Encoding: chunked\r\n', 'other'],
];

export function codingLines(): Attack[] {
  const all: Attack[] = [];
  for (const [line, kind] of LINES) {
    for (const [place, before, behind] of [
      ['first', '', HOST],
      ['second', HOST, ''],
      ['last', `${HOST}A: b\r\n`, ''],
    ] as const) {
      for (const length of ['', 'Content-Length: 5\r\n']) {
        for (const method of ['POST', 'GET']) {
          const head = `${method} /ID HTTP/1.1\r\n${before}${length}${line}${behind}\r\n`;
          const name = `line ${JSON.stringify(line)} ${place} ${method} ${JSON.stringify(length)}`;
          if (kind === 'refused') all.push(attack(name, `${head}0\r\n\r\n`, 'refused'));
          // `0 CRLF CRLF` is the body of five bytes, or else no request line.
          else if (length !== '') all.push(attack(name, `${head}0\r\n\r\n`, 'through', 5));
          else all.push(attack(name, `${head}0\r\n\r\n`, 'refused', 0));
        }
      }
    }
  }
  return all;
}

/** Values of Content-Length that somebody reads as 5. */
const LENGTH_FORMS = [
  '+5',
  '-5',
  '05',
  '005',
  '0x5',
  '0o5',
  '5.0',
  '5,5',
  '5, 5',
  '5,',
  ',5',
  '5 5',
  '5\t5',
  '5;',
  '"5"',
  "'5'",
  '5a',
  'a5',
  '5e0',
  '5_0',
  '١',
  '\xb2',
  '\xa05',
  '5\xa0',
  '\x0b5',
  '5\x0b',
  '\x005',
  '5\0',
  '5\x0c',
  '',
  ' ',
  '-0',
  '+0',
  '00',
  '0, 5',
  '5, 0',
  '0,0',
  'NaN',
  'Infinity',
  '1e1',
  '%35',
  '5%',
  '5/1',
  '(5)',
  '5\\',
  '4294967301',
  '18446744073709551621',
  '9999999999999999',
  '1000000000000000',
  '99999999999999999999999999999999999999',
  '-1',
  '- 5',
  '+ 5',
  '5-',
  '5+',
  '0b101',
  '5n',
  '5L',
  '0x',
  'five',
  'null',
  'true',
] as const;
const BIG = ['4294967301', '100', '65536', '2147483648', '999999999999999'];

export function lengths(): Attack[] {
  const all: Attack[] = [];
  for (const value of LENGTH_FORMS) {
    if (BIG.includes(value)) continue;
    for (const method of ['POST', 'GET']) {
      for (const version of ['1.1', '1.0']) {
        for (const name of ['Content-Length', 'content-length', 'CONTENT-LENGTH']) {
          const bytes = `${method} /ID HTTP/${version}\r\n${HOST}${name}: ${value}\r\n\r\nabcde`;
          all.push(attack(`length ${JSON.stringify(value)} ${method} ${version} ${name}`, bytes, 'refused'));
        }
      }
    }
  }
  for (const value of BIG) {
    all.push(attack(`length ${value}`, `POST /ID HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\nabcde`, 'waiting'));
  }
  for (const blank of ['', ' ', '  ', '\t', ' \t ']) {
    const bytes = `POST /ID HTTP/1.1\r\n${HOST}Content-Length:${blank}5${blank}\r\n\r\nabcde`;
    all.push(attack(`length between ${JSON.stringify(blank)}`, bytes, 'through', 5));
  }
  return all.concat(repeatedLengths());
}

function repeatedLengths(): Attack[] {
  const all: Attack[] = [];
  for (const first of ['0', '5', '6', '44']) {
    for (const second of ['0', '5', '6', '44']) {
      for (const between of ['', 'X: y\r\n', 'Cookie: a=b\r\nAccept: */*\r\n']) {
        const fields = `Content-Length: ${first}\r\n${between}Content-Length: ${second}\r\n`;
        all.push(
          attack(
            `lengths ${first} and ${second} around ${JSON.stringify(between)}`,
            `POST /ID HTTP/1.1\r\n${HOST}${fields}\r\nabcde`,
            'refused',
          ),
        );
      }
    }
  }
  return all;
}
