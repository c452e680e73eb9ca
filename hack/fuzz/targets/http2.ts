import { FakeClock } from '../../../proxy/base/testing/fake-clock.ts';
import { ScriptedTransport } from '../../../proxy/base/testing/scripted-transport.ts';
import { createHttp2Client, PUBLIC_LIMITS, serveHttp2 } from '../../../proxy/http/h2/h2.ts';
import { block, frame, headers, settings, uint32 } from '../../../proxy/http/h2/testing/harness.ts';
import { HeardResponse, requestHead } from '../../../proxy/http/h2/testing/messages.ts';
import { parseRequestHead } from '../../../proxy/http/head-parser.ts';
import { requestHeadText } from '../../../proxy/http/head-writer.ts';
import {
  DEFAULT_HTTP_LIMITS,
  isFieldName,
  isFieldValue,
  isHost,
  isMethod,
  type RequestHead,
} from '../../../proxy/http/http.ts';
import { requestConnectionFields } from '../../../proxy/http/request-fields.ts';
import { sameForAllCuts, type Target } from '../target.ts';

/** Small, so that mutations reach them. */
const session = {
  ...PUBLIC_LIMITS,
  maxStreams: 4,
  maxHeaderListBytes: 400,
  resets: { burst: 4, perSecond: 1 },
  control: { burst: 4, perSecond: 1 },
  idle: { burst: 4, perSecond: 1 },
};

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const PSEUDO = [':method', 'POST', ':scheme', 'http', ':authority', 'h', ':path', '/p'];
const data = (id: number, end: boolean, text: string): Buffer => frame(0, end ? 1 : 0, id, text);

const dictionary = [
  frame(0, 1, 1),
  frame(1, 5, 3, block(...PSEUDO)),
  frame(1, 4, 5, block(...PSEUDO, 'content-length', '5')),
  frame(2, 0, 1, Buffer.alloc(5)),
  frame(3, 0, 1, uint32(8)),
  settings([4, 0]),
  frame(4, 1, 0),
  frame(6, 0, 0, Buffer.alloc(8)),
  frame(7, 0, 0, Buffer.alloc(8)),
  frame(8, 0, 0, uint32(1)),
  frame(9, 4, 1),
  block('cookie', 'a', 'cookie', 'b'),
  block('te', 'trailers', 'host', 'h', 'content-length', '5'),
  block(':method', 'CONNECT'),
  block(':status', '200'),
  block(':status', '103'),
  Buffer.from([0x82, 0x86, 0x84]),
  Buffer.from([0x3f, 0xe1, 0x1f]),
  Buffer.from([0x40]),
];

/** What is accepted can be written as HTTP/1.1, and reads the same there. */
function checkRequest(head: RequestHead): void {
  const sound =
    isMethod(head.method) &&
    isHost(head.authority) &&
    head.headers.every((text, at) => (at % 2 === 0 ? isFieldName(text) : isFieldValue(text)));
  if (!sound) throw new Error(`a head that holds what no head may hold: ${JSON.stringify(head)}`);
  const text = requestHeadText(head, requestConnectionFields(head), 'h');
  const bytes = Buffer.from(text, 'latin1');
  const again = parseRequestHead(bytes, 0, bytes.length, { ...DEFAULT_HTTP_LIMITS, fields: 1_000 });
  const same = again.method === head.method && again.target === head.target && again.framing === head.framing;
  if (!same || again.authority !== head.authority) throw new Error(`written as HTTP/1.1 it reads otherwise: ${text}`);
}

function serve(pieces: readonly Buffer[]): unknown {
  const transport = new ScriptedTransport();
  const requests: { head: RequestHead; body: string; ends: string[] }[] = [];
  const bad: string[] = [];
  serveHttp2(transport, {
    limits: DEFAULT_HTTP_LIMITS,
    session,
    clock: new FakeClock(),
    defer() {},
    onBadRequest: (info) => bad.push(info.reason),
    onRequest(exchange) {
      checkRequest(exchange.head);
      const request = { head: exchange.head, body: '', ends: [] as string[] };
      requests.push(request);
      exchange.receiver = {
        onBody(buffer, start, end) {
          if (request.ends.length > 0) throw new Error('a body after the end');
          request.body += buffer.toString('latin1', start, end);
        },
        onEnd(trailers) {
          request.ends.push(`end ${trailers?.join() ?? ''}`);
        },
        onDrain() {},
        onAbort(failure) {
          request.ends.push(failure.reason);
        },
      };
    },
  });
  for (const piece of [PREFACE, settings(), ...pieces]) transport.deliver(piece);
  for (const { ends } of requests) if (ends.length > 2) throw new Error(`heard too much: ${ends.join()}`);
  return [requests, bad, transport.ended];
}

function ask(pieces: readonly Buffer[]): unknown {
  const transport = new ScriptedTransport();
  const client = createHttp2Client(transport, { clock: new FakeClock(), session, defer() {} });
  transport.deliver(settings());
  const heard = [new HeardResponse(), new HeardResponse()];
  client.request(requestHead(), heard[0]!);
  client.request(requestHead({ method: 'HEAD' }), heard[1]!);
  for (const piece of pieces) transport.deliver(piece);
  for (const { events } of heard) if (events.length > 1) throw new Error(`heard too much: ${events.join()}`);
  return heard.map(({ head, body, events, failure }) => [head, body, events, failure?.reason]);
}

const requestSeeds = [
  headers(1, true, PSEUDO),
  Buffer.concat([headers(1, false, [...PSEUDO, 'content-length', '5']), data(1, true, 'hello')]),
  Buffer.concat([headers(1, false, PSEUDO), data(1, false, 'hello'), headers(1, true, ['x-sum', '1'])]),
  Buffer.concat([
    headers(1, false, [':method', 'CONNECT', ':authority', 'h:1']),
    data(1, true, 'x'),
    headers(3, true, PSEUDO),
  ]),
];
const responseSeeds = [
  headers(1, true, [':status', '200']),
  Buffer.concat([headers(1, false, [':status', '103']), headers(1, false, [':status', '200']), data(1, true, 'hello')]),
  Buffer.concat([
    headers(1, false, [':status', '200', 'content-length', '2']),
    data(1, false, 'ab'),
    headers(1, true, ['a', 'b']),
  ]),
  Buffer.concat([headers(3, true, [':status', '304', 'content-length', '2']), frame(3, 0, 1, uint32(7))]),
];

export const http2Targets: readonly Target[] = [
  {
    name: 'http2-request',
    seeds: requestSeeds,
    dictionary,
    check: (input) => signature(sameForAllCuts(input, serve)),
  },
  {
    name: 'http2-response',
    seeds: responseSeeds,
    dictionary,
    check: (input) => signature(sameForAllCuts(input, ask)),
  },
];

/** The outcome without the bytes that make each input another one. */
function signature(result: unknown): string {
  return JSON.stringify(result)
    .replace(/[^a-z_[\]{}:,"]+/g, '#')
    .slice(0, 400);
}
