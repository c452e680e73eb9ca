import { FakeClock } from '../../../proxy/base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../../proxy/base/testing/scripted-transport.ts';
import { endRound } from '../../../proxy/base/turn.ts';
import { ChunkedReader } from '../../../proxy/http/chunked.ts';
import { parseRequestHead } from '../../../proxy/http/head-parser.ts';
import { requestHeadText } from '../../../proxy/http/head-writer.ts';
import { createHttp1Client, DEFAULT_HTTP_LIMITS, type RequestHead, serveHttp1 } from '../../../proxy/http/http.ts';
import { ProtocolError } from '../../../proxy/http/protocol-error.ts';
import { requestConnectionFields } from '../../../proxy/http/request-fields.ts';
import { bytes, sameForAllCuts, type Target } from '../target.ts';

/** Small, so that mutations reach them. */
const limits = {
  ...DEFAULT_HTTP_LIMITS,
  startLineBytes: 64,
  headBytes: 400,
  fields: 8,
  trailerBytes: 64,
  chunkExtensionBytes: 24,
  discardBytes: 64,
};

const dictionary = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0\r\n\r\n',
  '5\r\n',
  'ffffffffffffffff',
  'GET / HTTP/1.1\r\n',
  'POST ',
  'CONNECT h:1 HTTP/1.1\r\n',
  'OPTIONS *',
  'HEAD ',
  'http://h/',
  ' HTTP/1.0',
  ' HTTP/1.1',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 101 S\r\n',
  'HTTP/1.1 100 \r\n\r\n',
  'HTTP/1.1 204 \r\n',
  'HTTP/1.1 304 ',
  'Host: h\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: ',
  'Upgrade: websocket\r\n',
  'Connection: upgrade\r\n',
  'Expect: 100-continue\r\n',
  'TE: trailers\r\n',
  'Keep-Alive: 1\r\n',
  'ETag: x\r\n',
  'hello',
].map(bytes);

const NO_CONTENT = {
  status: 204,
  reason: '',
  version: 11,
  headers: [] as string[],
  spelling: 'lower',
  framing: 'none',
  contentLength: 0,
} as const;

interface Seen {
  head: RequestHead;
  body: string;
  state: string;
}

/** A server connection: what is accepted is the same however it was cut, and reads the same after it was written again. */
const requests: Target = {
  name: 'http1-request',
  seeds: [
    'GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n',
    'GET http://h:1/x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\0\x01',
    'CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\nbytes',
  ].map(bytes),
  dictionary,
  check(input) {
    const { seen, refused } = sameForAllCuts(input, (pieces) => serve(pieces));
    for (const { head } of seen) readAgain(head);
    const shapes = seen.map(
      ({ head, state }) =>
        `${head.form} ${head.framing} ${head.version} ${head.upgrade !== undefined} ${state.split(' ')[0]}`,
    );
    return `${shapes.slice(-2).join('|')} ${refused}`;
  },
};

function serve(pieces: readonly Buffer[]): { seen: Seen[]; refused: number } {
  const seen: Seen[] = [];
  let refused = 0;
  const transport = new ScriptedTransport();
  serveHttp1(transport, {
    limits,
    clock: new FakeClock(),
    onBadRequest: () => void refused++,
    onRequest: (exchange) => {
      const one: Seen = { head: exchange.head, body: '', state: 'open' };
      seen.push(one);
      exchange.receiver = {
        onBody: (buffer, start, end) => {
          if (one.state !== 'open') throw new Error(`body after ${one.state}`);
          one.body += buffer.toString('latin1', start, end);
        },
        onEnd: (trailers) => {
          if (one.state !== 'open') throw new Error(`end after ${one.state}`);
          one.state = `ended ${trailers?.join() ?? ''}`;
          // Answered at once, so that what comes behind it is read too.
          exchange.respond(NO_CONTENT);
        },
        onDrain() {},
        onAbort: () => {
          if (one.state === 'aborted') throw new Error('aborted twice');
          one.state = 'aborted';
        },
      };
    },
  });
  for (const piece of pieces) transport.deliver(piece);
  if (refused > 1) throw new Error('refused twice');
  if (refused === 1 && !transport.ended && !transport.destroyed) throw new Error('refused, and the connection goes on');
  return { seen, refused };
}

function readAgain(head: RequestHead): void {
  const text = bytes(requestHeadText(head, requestConnectionFields(head), '10.0.0.1:80'));
  const again = parseRequestHead(text, 0, text.length, DEFAULT_HTTP_LIMITS);
  for (const key of ['method', 'target', 'form', 'path', 'framing', 'contentLength', 'upgrade'] as const) {
    if (again[key] !== head[key])
      throw new Error(`written again, ${key} is ${String(again[key])}, was ${String(head[key])}`);
  }
  const [before, after] = [head, again].map((one) =>
    one.headers.filter((_text, index) => one.headers[index & ~1] !== 'host').join('\n'),
  );
  if (before !== after) throw new Error(`written again, the headers are\n${after}\nwere\n${before}`);
}

const ASKED: readonly Partial<RequestHead>[] = [
  {},
  { method: 'HEAD' },
  { method: 'CONNECT', target: 'h:1', form: 'authority' },
  { upgrade: 'websocket' },
];

/** A client connection: the same response however it was cut, or one failure. The first byte chooses the request. */
const responses: Target = {
  name: 'http1-response',
  seeds: [
    '\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    '\0HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    '\x01HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    '\x02HTTP/1.1 200 OK\r\n\r\nbytes',
    '\x03HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbytes',
    '\0HTTP/1.0 200 OK\r\n\r\nuntil close',
  ].map(bytes),
  dictionary,
  check(input) {
    const asked = ASKED[(input[0] ?? 0) % ASKED.length] ?? {};
    const outcome = sameForAllCuts(input.subarray(1), (pieces) => ask(asked, pieces));
    return `${outcome.shape} ${outcome.informs} ${outcome.ends} ${outcome.failure} ${outcome.reusable}`;
  },
};

function ask(change: Partial<RequestHead>, pieces: readonly Buffer[]) {
  const outcome = { shape: '', headers: '', informs: 0, body: '', ends: 0, failure: '', reusable: false };
  const transport = new ScriptedTransport();
  const client = createHttp1Client(transport, { limits, clock: new FakeClock() });
  const request = bytes('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  const head = { ...parseRequestHead(request, 0, request.length, limits), ...change };
  client.request(head, {
    onInform: () => void outcome.informs++,
    onResponse: (response) => {
      if (outcome.shape !== '') throw new Error('two responses');
      outcome.shape = `${response.framing} ${response.version} ${Math.floor(response.status / 100)}`;
      outcome.headers = JSON.stringify([response.status, response.reason, response.headers, response.spelling]);
    },
    onBody: (buffer, start, end) => {
      if (outcome.failure !== '') throw new Error('body after a failure');
      outcome.body += buffer.toString('latin1', start, end);
    },
    onEnd: () => void outcome.ends++,
    onDrain() {},
    onFailure: (failure) => {
      if (outcome.failure !== '' || outcome.ends > 0) throw new Error('a failure after the end');
      outcome.failure = failure.reason;
    },
  });
  endRound();
  for (const piece of pieces) transport.deliver(piece);
  outcome.reusable = client.reusable;
  return outcome;
}

/** The chunked reader alone. */
const chunked: Target = {
  name: 'http1-chunked',
  seeds: [
    '5\r\nhello\r\n0\r\n\r\n',
    '1;a=b\r\n!\r\n0\r\nA: b\r\nC: d\r\n\r\nrest',
    'a\r\n0123456789\r\n000\r\n\r\n',
  ].map(bytes),
  dictionary,
  check(input) {
    const outcome = sameForAllCuts(input, readChunked);
    return `${outcome.body.length > 0} ${outcome.ended} ${outcome.trailers?.length} ${outcome.error}`;
  },
};

function readChunked(pieces: readonly Buffer[]) {
  const reader = new ChunkedReader(limits);
  const outcome = { body: '', used: 0, ended: false, error: '', trailers: undefined as readonly string[] | undefined };
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length && !outcome.ended; at = reader.position) {
        const event = reader.read(piece, at, piece.length);
        if (reader.position <= at && event !== 'end') throw new Error('no progress');
        if (event === 'data') outcome.body += piece.toString('latin1', reader.dataStart, reader.dataEnd);
        outcome.ended = event === 'end';
        outcome.used += reader.position - at;
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    outcome.error = error.detail;
    outcome.used = 0;
  }
  outcome.trailers = reader.trailers;
  return outcome;
}

export const http1Targets: readonly Target[] = [requests, responses, chunked];
