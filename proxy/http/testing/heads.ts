import type { RequestHead, ResponseHead } from '../message.ts';

/** `GET /` in HTTP/1.1 to the host `a`, with what a test changes. */
export function requestHead(changes: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    target: '/',
    form: 'origin',
    path: '/',
    authority: 'a',
    version: 11,
    headers: ['host', 'a'],
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
    upgrade: undefined,
    expectContinue: false,
    ...changes,
  };
}

/** 200 in HTTP/1.1 without fields and body, with what a test changes. */
export function responseHead(changes: Partial<ResponseHead> = {}): ResponseHead {
  return {
    status: 200,
    reason: '',
    version: 11,
    headers: [],
    spelling: 'lower',
    framing: 'none',
    contentLength: 0,
    ...changes,
  };
}
