import { type Attack, attack, HOST, judged } from './case.ts';

/** Request lines. */
const REQUEST_LINES: readonly (readonly [line: string, legal: boolean])[] = [
  ['GET /ID HTTP/1.1', true],
  ['get /ID HTTP/1.1', true],
  ['M-SEARCH /ID HTTP/1.1', true],
  ['GET  /ID HTTP/1.1', false],
  ['GET /ID  HTTP/1.1', false],
  ['GET\t/ID HTTP/1.1', false],
  ['GET /ID\tHTTP/1.1', false],
  [' GET /ID HTTP/1.1', false],
  ['GET /ID HTTP/1.1 ', false],
  ['GET /ID HTTP/1.1 HTTP/1.1', false],
  ['GET /ID a HTTP/1.1', false],
  ['GET /ID', false],
  ['GET', false],
  ['GET HTTP/1.1', false],
  ['/ID HTTP/1.1', false],
  ['GET /ID http/1.1', false],
  ['GET /ID HTTP/1', false],
  ['GET /ID HTTP/01.1', false],
  ['GET /ID HTTP/1.01', false],
  ['GET /ID HTTP/1.2', false],
  ['GET /ID HTTP/2.0', false],
  ['GET /ID HTTP/0.9', false],
  ['GET /ID HTTP/9.9', false],
  ['GET /ID HTTP/1,1', false],
  ['GET /ID HTTP/+1.1', false],
  ['GET /ID HTTP /1.1', false],
  ['GET /ID XTTP/1.1', false],
  ['GET /ID HTTPS/1.1', false],
  ['G(T /ID HTTP/1.1', false],
  ['GET: /ID HTTP/1.1', false],
  ['G"T /ID HTTP/1.1', false],
  ['GÉT /ID HTTP/1.1', false],
  ['GET /ID\xa0HTTP/1.1', false],
  ['CONNECT /ID HTTP/1.1', false],
  ['CONNECT shop.test HTTP/1.1', false],
  ['CONNECT http://shop.test:80/ID HTTP/1.1', false],
  ['CONNECT :80 HTTP/1.1', false],
  ['CONNECT shop.test:0 HTTP/1.1', false],
  ['CONNECT shop.test:65536 HTTP/1.1', false],
  ['CONNECT shop.test:8o HTTP/1.1', false],
  ['CONNECT a@shop.test:80 HTTP/1.1', false],
];
const TARGETS: readonly (readonly [target: string, legal: boolean])[] = [
  ['/ID', true],
  ['/ID?a=b', true],
  ['/ID?', true],
  ['//ID', true],
  ['/ID//a', true],
  ['/ID/../x', true],
  ['/ID/%2e%2e/x', true],
  ['/ID%00', true],
  ['/ID%0d%0aX:y', true],
  ['/ID;a=b', true],
  ['/ID\\x', true],
  ['/ID"', true],
  ['/ID{}|^`', true],
  ['/ID\xe4\xf6', true],
  ['/ID#frag', false],
  ['#/ID', false],
  ['ID', false],
  ['?ID', false],
  ['.', false],
  ['*ID', false],
  ['*', false],
  ['', false],
  ['\\ID', false],
  ['shop.test:80', false],
  ['http:/ID', false],
  ['http:///ID', false],
  ['http://', false],
  ['http://:80/ID', false],
  ['http://a@b/ID', false],
  ['http://a:b@c/ID', false],
  ['http://a b/ID', false],
  ['http://a,b/ID', false],
  ['http://[::1/ID', false],
  ['http://a:99999/ID', false],
  ['http://a:-1/ID', false],
  ['http://a\\b/ID', false],
  ['://a/ID', false],
  ['1http://a/ID', false],
  ['http://a/ID', true],
  ['HTTP://A/ID', true],
  ['https://a/ID', true],
  ['http://a:80/ID', true],
  ['http://a:/ID', true],
  ['http://[::1]:80/ID', true],
  ['http://127.0.0.1/ID', true],
  ['http://a?ID', true],
  ['http://a/ID?x=http://b/', true],
  ['ftp://a/ID', true],
];

export function requestLines(): Attack[] {
  const all = REQUEST_LINES.map(([line, legal]) =>
    judged(`request line ${JSON.stringify(line)}`, `${line}\r\n${HOST}\r\n`, legal),
  );
  for (const [target, legal] of TARGETS) {
    for (const method of ['GET', 'POST', 'DELETE', 'HEAD', 'PURGE']) {
      all.push(
        judged(`target ${JSON.stringify(target)} ${method}`, `${method} ${target} HTTP/1.1\r\n${HOST}\r\n`, legal),
      );
    }
  }
  // Taken for HTTP/2, whose preface it is not: the connection ends in that protocol's words.
  all.push(attack('half a preface of HTTP/2', `PRI * HTTP/2.0\r\n${HOST}\r\n`, 'last'));
  all.push(attack('asterisk', `OPTIONS * HTTP/1.1\r\nHost: ID.test\r\n\r\n`, 'through', 0));
  all.push(attack('OPTIONS without a path', `OPTIONS http://ID.test HTTP/1.1\r\n${HOST}\r\n`, 'through', 0));
  for (const fields of ['', 'Proxy-Connection: keep-alive\r\n', 'Connection: keep-alive\r\n']) {
    all.push(
      attack(
        `CONNECT that is refused ${JSON.stringify(fields)}`,
        `CONNECT ID.test:80 HTTP/1.1\r\n${HOST}${fields}\r\n`,
        'last',
        0,
      ),
    );
    all.push(
      attack(
        `CONNECT with a length ${JSON.stringify(fields)}`,
        `CONNECT ID.test:80 HTTP/1.1\r\n${HOST}${fields}Content-Length: 5\r\n\r\nabcde`,
        'refused',
      ),
    );
    all.push(
      attack(
        `CONNECT with chunks ${JSON.stringify(fields)}`,
        `CONNECT ID.test:80 HTTP/1.1\r\n${HOST}${fields}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        'refused',
      ),
    );
  }
  return all;
}
