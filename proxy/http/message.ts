import type { Reason } from '../contract/reasons.ts';

/**
 * What all codecs (HTTP/1.1, HTTP/2, mesh wire) have in common: heads, bodies and exchanges. An exchange is one
 * request with its response. Bodies are pushed; `buffer[start, end)` is valid only during the call.
 */

/** Flat list: lower-case name, value, name, value… Values are latin1 text without leading or trailing white space. */
export type HeaderList = string[];

/**
 * How names were spelled: all lower-case, all in Title-Case (`Content-Type`), or each as listed (same order as the
 * header list, without the values).
 */
export type Spelling = 'lower' | 'title' | readonly string[];

/** `tunnel`: raw bytes both ways after a 101 or a successful CONNECT. `close`: until the peer ends (responses only). */
export type Framing = 'none' | 'length' | 'chunked' | 'close' | 'tunnel';

/** HTTP version as 10, 11 or 20. */
export type Version = 10 | 11 | 20;

export interface RequestHead {
  readonly method: string;
  /** Request target byte for byte as received. */
  readonly target: string;
  readonly form: 'origin' | 'absolute' | 'authority' | 'asterisk';
  /** Path and query of origin and absolute form, for decisions; `*` or '' otherwise. */
  readonly path: string;
  /** Authority of the target if it has one, else the Host header; '' if neither (HTTP/1.0). */
  readonly authority: string;
  readonly version: Version;
  /** End-to-end headers in their order, `host` included at its place. Hop-by-hop ones and those that Connection names are gone; `content-length` is kept; `te` only as `trailers`. */
  headers: HeaderList;
  spelling: Spelling;
  readonly framing: 'none' | 'length' | 'chunked';
  /** Bytes of the body when framing is `length`, else 0. */
  readonly contentLength: number;
  /** Protocol asked for by Upgrade (lower-case), when the request is a legal upgrade request. */
  readonly upgrade: string | undefined;
  readonly expectContinue: boolean;
}

export interface ResponseHead {
  readonly status: number;
  /** Reason phrase as received; '' writes the standard one. */
  readonly reason: string;
  readonly version: Version;
  headers: HeaderList;
  spelling: Spelling;
  readonly framing: Framing;
  readonly contentLength: number;
}

/** Why an exchange ended without a complete response. */
export interface Failure {
  readonly reason: Reason;
  /** True only when it is proven that the application has not seen the request: it may then be sent elsewhere whatever its method. */
  readonly unprocessed: boolean;
  /** Text for the access log; names the peer. */
  readonly detail: string;
}

/** The side that receives requests (an HTTP/1.1 server connection, a mesh or HTTP/2 server stream) hands these out. */
export interface ServerExchange {
  readonly head: RequestHead;
  /** Set it before `onRequest` returns. */
  receiver: RequestReceiver;
  /** Flow control of the request body. */
  pause(): void;
  resume(): void;
  /** 1xx other than 101. */
  inform(head: ResponseHead): void;
  /** Sends the head. Framing `none`: the response is complete. A 101 or a 2xx to CONNECT turns both bodies into a tunnel. */
  respond(head: ResponseHead): void;
  /** False: stop until `onDrain`. The bytes are copied or written before the call returns. */
  write(buffer: Buffer, start: number, end: number): boolean;
  end(trailers?: HeaderList): void;
  /** Ends without a complete response. Nothing answered yet on HTTP/1.1: the connection closes; HTTP/2: RST_STREAM. `unprocessed` tells a mesh peer that it may send it elsewhere. */
  abort(failure: Failure): void;
}

export interface RequestReceiver {
  onBody(buffer: Buffer, start: number, end: number): void;
  /**
   * The request is complete. For a request that may become a tunnel (CONNECT, or `upgrade` is set) this waits: it is called when
   * the client half-closes the tunnel, or once a response that opens no tunnel was sent.
   */
  onEnd(trailers: HeaderList | undefined): void;
  onDrain(): void;
  /** The client is gone or broke the protocol; nothing can be answered any more. Last call. */
  onAbort(failure: Failure): void;
}

/** One try of a request towards an endpoint. */
export interface ClientExchange {
  write(buffer: Buffer, start: number, end: number): boolean;
  /** The request is complete. For a request that may become a tunnel: half-closes the tunnel, as soon as there is one. */
  end(trailers?: HeaderList): void;
  /** Flow control of the response body. */
  pause(): void;
  resume(): void;
  /** Gives the try up: HTTP/1.1 closes the connection, HTTP/2 resets the stream. No more calls to the receiver follow. */
  abort(): void;
}

export interface ResponseReceiver {
  onInform(head: ResponseHead): void;
  onResponse(head: ResponseHead): void;
  onBody(buffer: Buffer, start: number, end: number): void;
  /** The response is complete (or the tunnel half-closed). Last call, unless the exchange is a tunnel. */
  onEnd(trailers: HeaderList | undefined): void;
  onDrain(): void;
  /** Last call. */
  onFailure(failure: Failure): void;
}

/** Index of a header's value in a flat list, or -1. `name` is lower-case. */
export function headerIndex(headers: readonly string[], name: string, from = 0): number {
  for (let index = from; index < headers.length; index += 2) {
    if (headers[index] === name) return index + 1;
  }
  return -1;
}

export function headerValue(headers: readonly string[], name: string): string | undefined {
  const index = headerIndex(headers, name);
  return index === -1 ? undefined : headers[index];
}
