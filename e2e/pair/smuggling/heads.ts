import { type Attack, attack, HOST, judged } from './case.ts';

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

const HOSTS: readonly (readonly [value: string, legal: boolean])[] = [
  ['shop.test', true],
  ['SHOP.test', true],
  ['shop.test:80', true],
  ['shop.test:', true],
  ['', true],
  ['127.0.0.1', true],
  ['[::1]', true],
  ['[::1]:80', true],
  ['shop_test', true],
  ['shop%20', true],
  ['shop.test:99999', false],
  ['shop.test:-1', false],
  ['shop.test:8x', false],
  ['shop.test:80:80', false],
  ['shop test', false],
  ['shop\ttest', false],
  ['shop,test', false],
  ['shop.test, other', false],
  ['shop/test', false],
  ['shop.test/ID', false],
  ['shop\\test', false],
  ['shop?test', false],
  ['shop#test', false],
  ['a@shop', false],
  ['http://shop', false],
  ['[::1', false],
  ['::1', false],
  ['[x]', false],
  ['"shop"', false],
  ['<shop>', false],
  ['shop{}', false],
  ['sh\xf6p', false],
  ['shop\0', false],
  ['shop\x0b', false],
];

export function hosts(): Attack[] {
  const all: Attack[] = [];
  for (const [value, legal] of HOSTS) {
    const text = JSON.stringify(value);
    for (const method of ['GET', 'POST']) {
      for (const version of ['1.1', '1.0']) {
        // HTTP/1.0 without keep-alive ends after its answer; Connection must be asked for.
        const keep = version === '1.0' ? 'Connection: keep-alive\r\n' : '';
        all.push(
          judged(
            `Host ${text} ${method} ${version}`,
            `${method} /ID HTTP/${version}\r\nHost: ${value}\r\n${keep}\r\n`,
            legal,
          ),
        );
        all.push(
          judged(
            `Host ${text} ${method} ${version} absolute`,
            `${method} http://shop.test/ID HTTP/${version}\r\n${keep}Host: ${value}\r\n\r\n`,
            legal,
          ),
        );
      }
    }
    for (const second of ['shop.test', 'other', '']) {
      all.push(
        attack(
          `Host ${text} and ${second}`,
          `GET /ID HTTP/1.1\r\nHost: ${value}\r\nHost: ${second}\r\n\r\n`,
          'refused',
        ),
      );
      all.push(
        attack(
          `Host ${text}, far behind ${second}`,
          `GET /ID HTTP/1.1\r\nHost: ${second}\r\nA: b\r\nhOST: ${value}\r\n\r\n`,
          'refused',
        ),
      );
    }
  }
  for (const version of ['1.1', '1.0']) {
    // RFC 9112, 3.2.2 and 3.2.3: the authority of the target stands above the Host field.
    const keep = 'Connection: keep-alive\r\n';
    for (const other of ['other', 'other:8080', '']) {
      const field = `Host: ${other}\r\n`;
      all.push(
        attack(
          `absolute, Host ${other} ${version}`,
          `GET http://shop.test:81/ID HTTP/${version}\r\n${field}${keep}\r\n`,
          'through',
          0,
        ),
      );
      all.push(
        attack(`CONNECT, Host ${other} ${version}`, `CONNECT ID.test:81 HTTP/${version}\r\n${field}\r\n`, 'last', 0),
      );
    }
  }
  all.push(
    attack(
      'absolute, 1.0 without Host',
      'GET http://shop.test:81/ID HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      'through',
      0,
    ),
  );
  all.push(attack('CONNECT, 1.0 without Host', 'CONNECT ID.test:81 HTTP/1.0\r\n\r\n', 'last', 0));
  for (const line of [
    '',
    'X-Host: a\r\n',
    'Hos: a\r\n',
    'Host : a\r\n',
    ' Host: a\r\n',
    'Host\r\n',
    'Host:\r\n a\r\n',
    'H\0st: a\r\n',
    ':authority: a\r\n',
  ]) {
    all.push(attack(`no Host but ${JSON.stringify(line)}`, `GET /ID HTTP/1.1\r\n${line}\r\n`, 'refused'));
    all.push(
      attack(
        `no Host but ${JSON.stringify(line)}, absolute`,
        `GET http://shop.test/ID HTTP/1.1\r\n${line}\r\n`,
        'refused',
      ),
    );
  }
  return all;
}

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

/** Options that would take away what frames or routes the message; and hop-by-hop fields that must not hide a request. */
export function connectionFields(): Attack[] {
  const all: Attack[] = [];
  for (const value of [
    'host',
    'Host',
    'content-length',
    'Content-Length',
    'keep-alive, content-length',
    'close, host',
    'expect',
    'x, host',
    'host,',
    'content-length;',
    'a b',
    '"host"',
    'host\0',
  ]) {
    for (const method of ['POST', 'GET']) {
      all.push(
        attack(
          `Connection: ${JSON.stringify(value)} ${method}`,
          `${method} /ID HTTP/1.1\r\n${HOST}Connection: ${value}\r\nContent-Length: 5\r\n\r\nabcde`,
          'refused',
        ),
      );
    }
  }
  for (const value of [
    'transfer-encoding',
    'Transfer-Encoding',
    'x-a, transfer-encoding',
    'keep-alive',
    'te',
    'x-a',
    'upgrade',
    ',',
    'a,,b',
  ]) {
    all.push(
      attack(
        `Connection: ${value} with chunks`,
        `POST /ID HTTP/1.1\r\n${HOST}Connection: ${value}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`,
        'through',
        5,
      ),
    );
    all.push(
      attack(
        `Connection: ${value} with a length`,
        `POST /ID HTTP/1.1\r\n${HOST}Content-Length: 5\r\nConnection: ${value}\r\n\r\nabcde`,
        'through',
        5,
      ),
    );
  }
  for (const close of ['close', 'Close', 'CLOSE', 'close, x', 'x, close', 'keep-alive, close']) {
    all.push(attack(`Connection: ${close}`, `GET /ID HTTP/1.1\r\n${HOST}Connection: ${close}\r\n\r\n`, 'last', 0));
  }
  for (const upgrade of ['h2c', 'h2c, websocket', 'HTTP/2.0', 'TLS/1.0']) {
    const fields = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`;
    all.push(
      attack(
        `Upgrade: ${upgrade} with a body`,
        `POST /ID HTTP/1.1\r\n${HOST}${fields}Content-Length: 5\r\n\r\nabcde`,
        'through',
        5,
      ),
    );
  }
  all.push(
    attack(
      'Upgrade: h2c',
      `GET /ID HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      'through',
      0,
    ),
  );
  return all;
}

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
