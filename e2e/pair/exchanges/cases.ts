import type { Framing } from './message.ts';

/** One exchange, as both applications write it. `ID` becomes the number of the exchange. */
export interface Exchange {
  readonly name: string;
  readonly request: string;
  /** What comes before the final response, one string a 1xx. */
  readonly informs?: readonly string[];
  readonly response: string;
  /** How the client knows the end of the response; default by its fields. */
  readonly framing?: Framing;
  /** The application ends its connection behind the response. */
  readonly close?: true;
  /** What differs on the other side, by intention. */
  readonly seen?: {
    /** The client reads these lines of framing and of Connection instead, in lower case. */
    readonly hop: readonly string[];
  };
}

const H = 'Host: shop.test\r\nX-Exchange: ID\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** HTTP/1.1 over the mesh (which is HTTP/2) and back to HTTP/1.1: nothing of these may be lost. */
export const EXCHANGES: readonly Exchange[] = [
  {
    name: 'case, order and repeats of fields; empty and latin1 values; the target byte for byte',
    request:
      'GET /a%2Fb//c/../d;p=1?x=%00&y&z=\xe4 HTTP/1.1\r\nACCEPT: one\r\nhOsT: shop.test\r\nX-Exchange: ID\r\naccept: two\r\nX-Empty:\r\nX-latin: \xe4\xff\r\nCookie: a=1\r\nX-Dup: 1\r\nx-dup: 2\r\nCookie: b=2\r\n\r\n',
    response:
      'HTTP/1.1 299 Very own reason\r\nset-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-EMPTY:\r\nserver: own\r\nContent-Length: 3\r\nDATE: never\r\nx-last: \xfc\r\n\r\n\0\r\n',
  },
  {
    name: 'absolute form',
    request: `GET http://shop.test:81/x?y HTTP/1.1\r\nHost: shop.test:81\r\nX-Exchange: ID\r\n\r\n`,
    response: OK,
  },
  { name: 'asterisk form', request: `OPTIONS * HTTP/1.1\r\n${H}\r\n`, response: OK },
  {
    name: 'authority form, refused by the application',
    request: 'CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\nX-Exchange: ID\r\n\r\n',
    response: 'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 2\r\n\r\nno',
    // The client may have sent bytes for the tunnel already: nobody could tell them from a request.
    seen: { hop: ['content-length: 2', 'connection: close'] },
  },
  { name: 'a method of its own', request: `M-SEARCH /m HTTP/1.1\r\n${H}\r\n`, response: OK },
  {
    name: 'a body with a length',
    request: `POST /b HTTP/1.1\r\n${H}Content-Length: 12\r\n\r\n\r\n\r\n\0hello\r\n`,
    response: OK,
  },
  {
    name: 'an empty body with a length',
    request: `POST /b HTTP/1.1\r\n${H}Content-Length: 0\r\n\r\n`,
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  },
  {
    name: 'chunks and trailers, both ways',
    request: `PUT /c HTTP/1.1\r\n${H}TE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 6\r\nX-Two: \xe4\r\n\r\n`,
    response:
      'HTTP/1.1 200 OK\r\nTrailer: X-Done\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX-Done: yes\r\nX-Done: twice\r\n\r\n',
  },
  {
    name: 'no chunk but the last',
    request: `PUT /c HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  },
  {
    name: 'HEAD with a length',
    request: `HEAD /h HTTP/1.1\r\n${H}\r\n`,
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: "h"\r\n\r\n',
    framing: 'none',
  },
  {
    name: 'HEAD with a coding',
    request: `HEAD /h HTTP/1.1\r\n${H}\r\n`,
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: "h"\r\n\r\n',
    framing: 'none',
    // RFC 9112 6.1: any recipient may take it away, there is no body.
    seen: { hop: [] },
  },
  {
    name: '204',
    request: `DELETE /d HTTP/1.1\r\n${H}\r\n`,
    response: 'HTTP/1.1 204 Gone for good\r\nX-A: b\r\n\r\n',
    framing: 'none',
  },
  {
    name: '304 with the length of what it stands for',
    request: `GET /n HTTP/1.1\r\n${H}If-None-Match: "e"\r\n\r\n`,
    response: 'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nContent-Length: 999\r\n\r\n',
    framing: 'none',
  },
  {
    name: 'two 103 before the answer',
    request: `GET /i HTTP/1.1\r\n${H}\r\n`,
    informs: [
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nlink: </b.css>\r\n\r\n',
      'HTTP/1.1 103 Again\r\nLink: </c.css>\r\n\r\n',
    ],
    response: OK,
  },
  {
    name: '100 that was asked for',
    request: `POST /e HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    informs: ['HTTP/1.1 100 Continue\r\n\r\n'],
    response: OK,
  },
  {
    name: 'a body until the connection ends',
    request: `GET /u HTTP/1.1\r\n${H}\r\n`,
    response: 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end',
    close: true,
    seen: { hop: ['transfer-encoding: chunked'] },
  },
  {
    name: 'an answer without a body that is no 204',
    request: `POST /z HTTP/1.1\r\n${H}Content-Length: 1\r\n\r\nx`,
    response: 'HTTP/1.1 503 Not now\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n',
  },
];
