import { type Attack, attack, HOST } from './case.ts';

/** Pipelines: one good request, then one that is not, then the hidden one. */
export function pipelines(): Attack[] {
  const good = `GET /ID HTTP/1.1\r\n${HOST}\r\n`;
  const post = `POST /ID HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nabcde`;
  const chunked = `POST /ID HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`;
  const bad = [
    `POST /ID HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /ID HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    `POST /ID HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `GET /ID HTTP/1.1\n${HOST}\n`,
    `GET /ID HTTP/1.1\r\n\r\n`,
    `5\r\nabcde\r\n0\r\n\r\n`,
    '\0',
    'abcde\r\n',
  ];
  const all: Attack[] = [];
  for (const [first, bytes] of [
    [good, 0],
    [post, 5],
    [chunked, 5],
  ] as const) {
    for (const second of ['', good, post, chunked]) {
      const before = second === '' ? [bytes] : [bytes, second === good ? 0 : 5];
      all.push(attack(`pipeline of ${before.length}: ${before}`, first + second, 'through', ...before));
      for (const one of bad)
        all.push(
          attack(
            `pipeline ${before} then ${JSON.stringify(one.slice(0, 50))}`,
            first + second + one,
            'refused',
            ...before,
          ),
        );
    }
  }
  // RFC 9112, 2.2: one empty line may be skipped; nobody needs two.
  all.push(attack('an empty line before a request', `\r\n${good}`, 'through', 0));
  all.push(attack('an empty line between requests', `${good}\r\n${good}`, 'through', 0, 0));
  all.push(attack('two empty lines before a request', `\r\n\r\n${good}`, 'refused'));
  all.push(attack('two empty lines between requests', `${good}\r\n\r\n${good}`, 'refused', 0));
  return all;
}
