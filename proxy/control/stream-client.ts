import { type BackoffRange, reconnectDelay } from '../base/backoff.ts';
import type { Clock, Random, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import type { OperatorEnvelope } from '../contract/decode.ts';
import type { Hello, ProxyMessage } from '../contract/stream.ts';
import type { Credentials } from '../tls/credentials.ts';
import type { Link, OpenLink } from './link.ts';

export type StreamState =
  | { readonly kind: 'stopped' }
  /** No certificate to come with. */
  | { readonly kind: 'no-identity' }
  /** The next try starts when the timer fires. `failures` in a row. */
  | { readonly kind: 'waiting'; readonly failures: number; readonly timer: Timer }
  | { readonly kind: 'connecting'; readonly failures: number; readonly target: string }
  /** Hello is sent, welcome is due. */
  | {
      readonly kind: 'greeting';
      readonly failures: number;
      readonly target: string;
      readonly link: Link;
      readonly timer: Timer;
    }
  | {
      readonly kind: 'connected';
      readonly target: string;
      readonly link: Link;
      readonly since: number;
      lastHeard: number;
      timer: Timer;
    };

export interface StreamClientOptions {
  /** `host:port` of the operator's Service. */
  readonly target: string;
  readonly credentials: Watch<Credentials | undefined>;
  readonly open: OpenLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Made anew for each stream: the token is read again, `held` is as of now. */
  readonly hello: (epoch: number) => Promise<Hello>;
  readonly handler: StreamHandler;
}

export interface StreamHandler {
  /** The operator took the hello. `hello` is what it was told. */
  onConnected(hello: Hello): void;
  onDisconnected(): void;
  onMessage(message: OperatorEnvelope): void;
  /** What one piece of network input brought was handled. */
  onBatchEnd(): void;
}

export interface StreamClient {
  readonly state: StreamState;
  start(): void;
  /** False when there is no stream: what matters is told again by the next hello. */
  send(message: ProxyMessage): boolean;
  /** Gives the stream up and comes again, with the backoff. */
  restart(why: string): void;
  stop(): void;
}

const RECONNECT: BackoffRange = { base: 100, max: 5_000 };
/** The operator checks the token with the API server first; it gives itself 30 s. */
const WELCOME_MS = 35_000;
/** The operator pings every 3 s while it is answered: five missed ones are a dead stream, not a slow one. */
const SILENT_MS = 15_000;
/** A stream that lived this long was a good one: the next failure starts the backoff anew. */
const GOOD_MS = 10_000;
/** Leaders followed in a row without a backoff. */
const MAX_HOPS = 3;

/** Keeps one configuration stream open. What is in force stays in force whatever happens here. */
export function createStreamClient(options: StreamClientOptions): StreamClient {
  const { clock, log, handler } = options;
  let state: StreamState = { kind: 'stopped' };
  let epoch = 0;
  let hops = 0;
  let unsubscribe = (): void => {};

  /** The one setter: gives back what the state before held, and tells when a connection is over. */
  const enter = (next: StreamState): void => {
    const previous = state;
    state = next;
    if ('timer' in previous) previous.timer.clear();
    if ('link' in previous && !('link' in next)) previous.link.close();
    if (previous.kind === 'connected' && next.kind !== 'connected') handler.onDisconnected();
  };

  const connect = (failures: number, target: string): void => {
    const credentials = options.credentials.value;
    if (credentials === undefined) {
      enter({ kind: 'no-identity' });
      return;
    }
    const attempt: StreamState = { kind: 'connecting', failures, target };
    enter(attempt);
    const mine = ++epoch;
    void open(attempt, target, failures, credentials, mine);
  };

  const open = async (
    attempt: StreamState,
    target: string,
    failures: number,
    credentials: Credentials,
    mine: number,
  ): Promise<void> => {
    let link: Link | undefined;
    /** Closed before `open` was answered. */
    let ended = false;
    const isMine = (): boolean => link !== undefined && 'link' in state && state.link === link;
    try {
      const hello = await options.hello(mine);
      if (state !== attempt) return;
      link = await options.open(target, credentials, {
        onMessage: (message) => {
          if (isMine()) receive(message, hello);
        },
        onBatchEnd: () => {
          if (state.kind === 'connected' && isMine()) handler.onBatchEnd();
        },
        onClose: (error) => {
          ended = true;
          if (isMine()) lost(error, 'the stream ended');
        },
      });
      if (state !== attempt) {
        link.close();
        return;
      }
      if (ended) {
        retry(failures + 1, undefined, 'the stream ended at once');
        return;
      }
      const timer = clock.after(WELCOME_MS, () => lost(undefined, `no welcome within ${WELCOME_MS} ms`));
      enter({ kind: 'greeting', failures, target, link, timer });
      link.send(hello);
    } catch (error) {
      link?.close();
      if (state === attempt) retry(failures + 1, error, 'no stream to the operator');
    }
  };

  const receive = (message: OperatorEnvelope, hello: Hello): void => {
    if (state.kind === 'connected') state.lastHeard = clock.now();
    if (message.type === 'goaway') {
      follow(message.reason, message.leader);
      return;
    }
    if (state.kind === 'greeting') {
      if (message.type !== 'welcome') {
        lost(undefined, `${message.type} came before welcome`);
        return;
      }
      const { target, link } = state;
      hops = 0;
      enter({
        kind: 'connected',
        target,
        link,
        since: clock.now(),
        lastHeard: clock.now(),
        timer: clock.after(SILENT_MS, listen),
      });
      log.info('configuration stream open', { operator: message.operator, target, epoch });
      handler.onConnected(hello);
      return;
    }
    if (message.type === 'ping') send({ type: 'pong', id: message.id });
    else if (message.type !== 'welcome') handler.onMessage(message);
  };

  const listen = (): void => {
    if (state.kind !== 'connected') return;
    const silent = clock.now() - state.lastHeard;
    if (silent >= SILENT_MS) lost(undefined, `nothing heard for ${SILENT_MS} ms`);
    else state.timer = clock.after(SILENT_MS - silent, listen);
  };

  const follow = (reason: string, leader: string | undefined): void => {
    log.info('the operator closes the stream', { reason, leader });
    if (leader === undefined || hops >= MAX_HOPS) {
      retry(failuresNow() + 1, undefined, undefined);
      return;
    }
    hops++;
    connect(failuresNow(), leader);
  };

  const lost = (error: Error | undefined, why: string): void => retry(failuresNow() + 1, error, why);

  /** A stream that lived long enough wipes the failures before it. */
  const failuresNow = (): number => {
    if (state.kind === 'connected') return clock.now() - state.since >= GOOD_MS ? 0 : 1;
    return 'failures' in state ? state.failures : 0;
  };

  const retry = (failures: number, error: unknown, why: string | undefined): void => {
    hops = 0;
    const delay = reconnectDelay(RECONNECT, failures - 1, options.random);
    if (why !== undefined) log.warn(why, { retryInMs: Math.round(delay), failures }, error);
    const timer = clock.after(delay, () => connect(failures, options.target));
    enter({ kind: 'waiting', failures, timer });
  };

  const send = (message: ProxyMessage): boolean => {
    if (state.kind !== 'connected') return false;
    state.link.send(message);
    return true;
  };

  return {
    get state() {
      return state;
    },
    start() {
      if (state.kind !== 'stopped') return;
      unsubscribe = options.credentials.subscribe((value) => {
        if (value !== undefined && state.kind === 'no-identity') connect(0, options.target);
      });
      connect(0, options.target);
    },
    send,
    restart(why) {
      if ('link' in state) lost(undefined, why);
    },
    stop() {
      unsubscribe();
      enter({ kind: 'stopped' });
    },
  };
}
