import type { RequestHead, ResponseHead } from '../../../proxy/http/http.ts';
import { encodeRequest } from '../../../proxy/mesh/wire-request.ts';
import { encodeResponse } from '../../../proxy/mesh/wire-response.ts';

const hex = (index: number, length: number): string => {
  let text = '';
  for (let seed = index + 1; text.length < length; seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff)
    text += seed.toString(16);
  return text.slice(0, length);
};
const traceparent = (index: number): string => `00-${hex(index, 32)}-${hex(index + 7, 16)}-01`;
/** A new one each 100 heads. */
const date = (index: number): string => `Sun, 22 Nov 2026 05:00:0${Math.floor(index / 100)} GMT`;
const METHODS = ['Charge', 'Refund', 'Authorize'];

const grpcFields = (index: number): string[] => [
  'te',
  'trailers',
  'content-type',
  'application/grpc',
  'user-agent',
  'grpc-go/1.66.0',
  'grpc-accept-encoding',
  'gzip',
  'grpc-timeout',
  `${990_000 + (index % 97) * 101}u`,
  'traceparent',
  traceparent(index),
];

const browserFields = (index: number): string[] =>
  [
    ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'],
    ['accept', 'application/json, text/plain, */*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['accept-language', 'en-US,en;q=0.9'],
    ['cookie', `session=${hex(index % 5, 32)}; theme=dark`],
    ['x-request-id', hex(index, 32)],
    ['traceparent', traceparent(index)],
    ['cache-control', 'no-cache'],
    ['referer', 'http://shop.example/orders'],
  ].flat();

const answerFields = (index: number): string[] => [
  'content-type',
  'application/json',
  'date',
  date(index),
  'content-length',
  String(180 + (index % 40)),
  'server',
  'nginx',
  'vary',
  'accept',
];

const request = (fields: string[], changes: Partial<RequestHead>): RequestHead => ({
  method: 'GET',
  target: '/',
  form: 'origin',
  path: '/',
  authority: 'payment-service',
  version: 11,
  headers: ['host', 'payment-service', ...fields],
  spelling: 'title',
  framing: 'none',
  contentLength: 0,
  upgrade: undefined,
  expectContinue: false,
  ...changes,
});

const response = (headers: string[], changes: Partial<ResponseHead>): ResponseHead => ({
  status: 200,
  reason: '',
  version: 11,
  headers,
  spelling: 'title',
  framing: 'length',
  contentLength: 200,
  ...changes,
});

const order = (index: number): string => `/api/orders/${8_000 + ((index * 37) % 1_000)}?expand=lines`;
const rpc = (index: number): string => `/shop.v1.Payment/${METHODS[(index * 7) % 3]}`;
const meta = (index: number) => ({ destination: '10.96.0.10:80', attempt: 1, deadlineMs: 9_000 + (index % 90) });

/** Typical heads: what a name means, and the list of head number `index`. */
export const HEADS: readonly (readonly [string, (index: number) => readonly string[]])[] = [
  [
    'gRPC request',
    (index) => [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':authority',
      'payment-service',
      ':path',
      rpc(index),
      ...grpcFields(index),
    ],
  ],
  ['gRPC answer', () => [':status', '200', 'content-type', 'application/grpc']],
  ['gRPC trailers', () => ['grpc-status', '0', 'grpc-message', '']],
  [
    'browser request',
    (index) => [
      ':method',
      'GET',
      ':scheme',
      'http',
      ':authority',
      'payment-service',
      ':path',
      order(index),
      ...browserFields(index),
    ],
  ],
  ['JSON answer', (index) => [':status', '200', ...answerFields(index)]],
  [
    'mesh, gRPC request',
    (index) => {
      const head = request(grpcFields(index), { method: 'POST', target: rpc(index), version: 20, framing: 'chunked' });
      return encodeRequest({ ...head, spelling: 'lower' }, meta(index));
    },
  ],
  [
    'mesh, HTTP/1 request',
    (index) => encodeRequest(request(browserFields(index), { target: order(index) }), meta(index)),
  ],
  ['mesh, HTTP/1 answer', (index) => encodeResponse(response(answerFields(index), {}), false)],
];
