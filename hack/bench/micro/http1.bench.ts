/**
 * Cost of the HTTP/1.1 codec without sockets: `node --expose-gc hack/bench/micro/http1.bench.ts [--runs N]`. Prints ns of CPU and bytes
 * of JavaScript heap a call, median of five rounds. The request is a browser's with 10 fields, the response nginx's with 8 fields and a body of 200 bytes.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../../proxy/base/clock.ts';
import type { Transport } from '../../../proxy/base/transport.ts';
import { endRound } from '../../../proxy/base/turn.ts';
import { parseRequestHead, parseResponseHead } from '../../../proxy/http/head-parser.ts';
import { requestHeadText } from '../../../proxy/http/head-writer.ts';
import {
  type ClientExchange,
  createHttp1Client,
  DEFAULT_HTTP_LIMITS as limits,
  type ServerExchange,
  serveHttp1,
} from '../../../proxy/http/http.ts';
import { requestConnectionFields } from '../../../proxy/http/request-fields.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '300000' } } });
const RUNS = Number(values.runs);

const fields = [
  'Host: payment-service',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'Accept: application/json, text/plain, */*',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: session=2b7e151628aed2a6abf7158809cf4f3c; theme=dark',
  'X-Request-Id: b5e1c8a4-8c2a-4e8f-9b56-1d2f3a4b5c6d',
  'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'Cache-Control: no-cache',
  'Referer: http://shop.example/orders',
];
const REQUEST = Buffer.from(`GET /api/orders/8812?expand=lines HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`, 'latin1');
const SMALL = Buffer.from('GET / HTTP/1.1\r\nHost: payment\r\n\r\n', 'latin1');
const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 05:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 200\r\n' +
    `Last-Modified: Sun, 22 Nov 2026 05:00:00 GMT\r\nConnection: keep-alive\r\nVary: Accept\r\nAccept-Ranges: bytes\r\n\r\n${'x'.repeat(200)}`,
  'latin1',
);
const RESPONSE_HEAD = RESPONSE.indexOf('\r\n\r\n') + 4;

/** Takes what is written and does nothing with it. */
function sink(): Transport {
  return {
    receiver: undefined,
    write: () => true,
    end() {},
    destroy() {},
    pause() {},
    resume() {},
    pending: 0,
    remoteAddress: '10.0.0.2',
    remotePort: 40_000,
    localAddress: '10.0.0.1',
    localPort: 8_080,
  };
}

const head = parseRequestHead(REQUEST, 0, REQUEST.length, limits);
measure(
  `parse request head, ${REQUEST.length} bytes`,
  RUNS,
  () => void parseRequestHead(REQUEST, 0, REQUEST.length, limits),
);
measure(`parse request head, ${SMALL.length} bytes`, RUNS, () => void parseRequestHead(SMALL, 0, SMALL.length, limits));
measure(
  `parse response head, ${RESPONSE_HEAD} bytes`,
  RUNS,
  () => void parseResponseHead(RESPONSE, 0, RESPONSE_HEAD, head, limits),
);
measure('write request head', RUNS, () => {
  Buffer.from(requestHeadText(head, requestConnectionFields(head), ''), 'latin1');
});

/** A whole hop: server connection, client connection, both ways, without sockets. */
const upstream = sink();
const client = createHttp1Client(upstream, { limits, clock: systemClock });
const downstream = sink();
serveHttp1(downstream, { limits, clock: systemClock, onRequest: forward });

function forward(exchange: ServerExchange): void {
  const out: ClientExchange = client.request(exchange.head, {
    onInform: (inform) => exchange.inform(inform),
    onResponse: (response) => exchange.respond(response),
    onBody: (buffer, start, end) => void exchange.write(buffer, start, end),
    onEnd: (trailers) => exchange.end(trailers),
    onDrain: () => exchange.resume(),
    onFailure: (failure) => exchange.abort(failure),
  });
  exchange.receiver = {
    onBody: (buffer, start, end) => void out.write(buffer, start, end),
    onEnd: (trailers) => out.end(trailers),
    onDrain: () => out.resume(),
    onAbort: () => out.abort(),
  };
}

const hop = (): void => {
  downstream.receiver?.onData(REQUEST, 0, REQUEST.length);
  endRound();
  upstream.receiver?.onData(RESPONSE, 0, RESPONSE.length);
  endRound();
};
measure('whole hop: request and response, parsed and written', RUNS, hop);
