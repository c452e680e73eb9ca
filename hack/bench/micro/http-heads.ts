import type { RequestHead, ResponseHead } from '../../../proxy/http/http.ts';

/** A browser's, with 10 fields; the last one differs from request to request. */
export const BROWSER: RequestHead = {
  method: 'GET',
  target: '/api/orders/8812?expand=lines',
  form: 'origin',
  path: '/api/orders/8812?expand=lines',
  authority: 'payment-service',
  version: 11,
  headers: [
    ['host', 'payment-service'],
    ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'],
    ['accept', 'application/json, text/plain, */*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['accept-language', 'en-US,en;q=0.9'],
    ['cookie', 'session=2b7e151628aed2a6abf7158809cf4f3c; theme=dark'],
    ['x-request-id', 'b5e1c8a4-8c2a-4e8f-9b56-1d2f3a4b5c6d'],
    ['cache-control', 'no-cache'],
    ['referer', 'http://shop.example/orders'],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ].flat(),
  spelling: 'title',
  framing: 'none',
  contentLength: 0,
  upgrade: undefined,
  expectContinue: false,
};

/** With 4 fields and 200 bytes of body. */
export const ANSWER: ResponseHead = {
  status: 200,
  reason: 'OK',
  version: 11,
  headers: [
    'content-type',
    'application/json',
    'date',
    'Sun, 22 Nov 2026 05:00:00 GMT',
    'content-length',
    '200',
    'server',
    'nginx',
  ],
  spelling: 'title',
  framing: 'length',
  contentLength: 200,
};
