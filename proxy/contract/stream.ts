import type { Configuration, Key, Provenance } from './snapshot.ts';

/**
 * The configuration stream: one HTTP/2 request (`POST /v1/stream`) a proxy over mutual TLS; each direction is a
 * sequence of frames: 4 bytes length (big endian, at most 16 MiB), then that many bytes of JSON, one message.
 * Unknown message types and unknown members are ignored by both sides.
 */
export const STREAM_PATH = '/v1/stream';
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** The operator takes at most this much a message from a proxy; a `hello` that would be longer names fewer keys in `held` and subscribes the rest. */
export const MAX_PROXY_MESSAGE_BYTES = 1024 * 1024;

/** Sections that a proxy may know; a workload update lists the ones it must know in `mustUnderstand`. */
export const KNOWN_SECTIONS = ['mtls', 'authorization'] as const;

export type ProxyMessage = Hello | Subscribe | Unsubscribe | Ack | Nack | Report | Pong;
export type OperatorMessage = Welcome | Addresses | Update | Ping | Goaway;

/** First message of a proxy. */
export interface Hello {
  readonly type: 'hello';
  readonly contract: number;
  readonly proxyVersion: string;
  readonly features: readonly string[];
  /** Pod-bound token: it must agree with the identity of the TLS certificate. */
  readonly token: string;
  readonly pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly addresses: readonly string[];
  };
  /** Counts the streams of this proxy process, from 1: the highest one is the true one. */
  readonly epoch: number;
  /** Random text, the same for the life of the proxy process: a restarted proxy counts its epochs from 1 again, and is not taken for an older stream. */
  readonly instance?: string;
  /** What is held already: equal content is not sent again. */
  readonly held: readonly { readonly key: Key; readonly version: string }[];
  /** Version of the address table held, absent for none. */
  readonly addresses?: string;
  /** False where a socket balancer rewrites Service addresses. */
  readonly serviceAddressSurvives?: boolean;
}

/** Keys wanted from now on, at most 1,000 a message; `workload` is implied. */
export interface Subscribe {
  readonly type: 'subscribe';
  readonly keys: readonly Key[];
}
export interface Unsubscribe {
  readonly type: 'unsubscribe';
  readonly keys: readonly Key[];
}
/**
 * The update with this `seq` was decoded, built and swapped in; or it is of a key that was unsubscribed meanwhile, and nothing
 * will ever be decided under it. Every update is answered, by an ack or a nack.
 */
export interface Ack {
  readonly type: 'ack';
  readonly seq: number;
}
/** The update with this `seq` changed nothing; at most 10 errors. */
export interface Nack {
  readonly type: 'nack';
  readonly seq: number;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}
/**
 * After an ack: no decision is taken under anything older than `inForce` (a `seq`) any more, connections that the new
 * rules forbid are closed. `draining` requests decided before still run. Sent again, at most once a second, until it is 0.
 */
export interface Report {
  readonly type: 'report';
  readonly inForce: number;
  readonly draining: number;
}
export interface Pong {
  readonly type: 'pong';
  readonly id: number;
}

export interface Welcome {
  readonly type: 'welcome';
  readonly operator: string;
}

/** The address table: whole (`base` absent) or the difference to version `base`. Not acknowledged. */
export interface Addresses {
  readonly type: 'addresses';
  readonly version: string;
  readonly base?: string;
  readonly ranges: readonly string[];
  readonly set: Readonly<Record<string, Key>>;
  readonly remove: readonly string[];
}

/** One key. `content` absent: the content of `version` is held already, only the provenance changed. */
export interface Update {
  readonly type: 'update';
  /** Counts the updates of this stream, from 1. */
  readonly seq: number;
  readonly key: Key;
  readonly version: string;
  readonly provenance: readonly Provenance[];
  readonly mustUnderstand: readonly string[];
  readonly content?: Configuration;
}
/** Every 3 s; a proxy that does not answer within 10 s counts as unreachable. */
export interface Ping {
  readonly type: 'ping';
  readonly id: number;
}
/** The operator closes the stream; `leader` is where to go instead (`host:port`), if known. */
export interface Goaway {
  readonly type: 'goaway';
  readonly reason: string;
  readonly leader?: string;
}
