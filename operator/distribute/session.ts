import type { Clock, Random, Timer } from '../../proxy/base/clock.ts';
import { describeError, HeddleError } from '../../proxy/base/errors.ts';
import type { Log } from '../../proxy/base/log.ts';
import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { Hello, ProxyMessage } from '../../proxy/contract/stream.ts';
import type { AddressBook } from './address-book.ts';
import type { CompileCache } from './compile-cache.ts';
import type { Gate } from './gate.ts';
import {
  type Authenticate,
  checkContract,
  checkIdentity,
  type GoawayReason,
  type Refusal,
  type TokenIdentity,
} from './hello.ts';
import { Intake } from './intake.ts';
import type { Ledger } from './ledger.ts';
import { isKnownKey, MAX_KEYS, readProxyMessage } from './proxy-messages.ts';
import type { ProxyRecord } from './proxy-record.ts';
import { Pusher } from './pusher.ts';
import type { Stats } from './stats.ts';
import type { Wire } from './wire.ts';

export const HELLO_MS = 5_000;
/** The token must be checked within this time, waiting for its turn included. */
export const CHECK_MS = 30_000;
/** Messages taken with the hello, before reading stops. */
const MAX_EARLY = 256;
export const PING_MS = 3_000;
/** A stream that says nothing for this long is closed: its proxy comes back by itself when it can. */
export const SILENT_MS = 60_000;

export interface SessionOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly cache: CompileCache;
  readonly addresses: AddressBook;
  readonly stats: Stats;
  readonly authenticate: Authenticate;
  readonly gate: Gate;
  /** Name of this operator, for people. */
  readonly operator: string;
  readonly hooks: SessionHooks;
}

export interface SessionHooks {
  /** The hello is genuine. A refusal ends the stream (an older stream of the same pod, a pod that is gone). */
  readonly admit: (session: Session, hello: Hello, token: TokenIdentity) => Refusal | undefined;
  readonly onHold: (session: Session, key: Key) => void;
  readonly onRelease: (session: Session, key: Key) => void;
  /** Always the last call; releases every key. */
  readonly onClosed: (session: Session, podUid: string | undefined) => void;
}

type State =
  | { readonly kind: 'greeting'; readonly timer: Timer }
  | { readonly kind: 'checking'; readonly timer: Timer; readonly early: string[] }
  | {
      readonly kind: 'open';
      readonly hello: Hello;
      readonly record: ProxyRecord;
      readonly pusher: Pusher;
      readonly intake: Intake;
      ping: Timer;
    }
  | { readonly kind: 'closed'; readonly reason: string };

/** One stream of one proxy: greeting (5 s for the hello), checking (its token), open, closed. */
export class Session {
  readonly #options: SessionOptions;
  #state: State;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { clock, wire } = options;
    this.#state = { kind: 'greeting', timer: clock.after(HELLO_MS, () => this.close('hello_timeout')) };
    wire.receiver = {
      onMessage: (text) => this.#onMessage(text),
      onWritable: () => this.#pump(),
      onBroken: (error) => this.#onBroken(error),
      onClose: () => this.#end('closed by the proxy'),
    };
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  get hello(): Hello | undefined {
    return this.#state.kind === 'open' ? this.#state.hello : undefined;
  }

  get record(): ProxyRecord | undefined {
    return this.#state.kind === 'open' ? this.#state.record : undefined;
  }

  get podUid(): string | undefined {
    return this.record?.pod.uid;
  }

  /** The world changed; `flush` sends. */
  mark(key: Key, dueAt: number): void {
    if (this.#state.kind === 'open') this.#state.pusher.mark(key, dueAt);
  }

  markAddresses(): void {
    if (this.#state.kind === 'open') this.#state.pusher.markAddresses();
  }

  /** Sends what is owed; what cannot be sent now becomes a suspicion under `policies`. */
  flush(policies: ReadonlySet<string>, dueAt: number): void {
    if (this.#state.kind !== 'open') return;
    this.#state.pusher.pump();
    if (this.#state.kind === 'open' && this.#state.pusher.pending > 0) this.#state.pusher.suspect(policies, dueAt);
  }

  /** Says why and ends the stream. */
  close(reason: GoawayReason, leader?: string): void {
    if (this.#state.kind === 'closed') return;
    const { wire } = this.#options;
    wire.send({ type: 'goaway', reason, ...(leader === undefined ? {} : { leader }) });
    wire.end();
    this.#end(reason);
  }

  #onMessage(text: string): void {
    try {
      const state = this.#state;
      if (state.kind === 'greeting') this.#greet(readProxyMessage(text), state.timer);
      else if (state.kind === 'checking') this.#keepEarly(state.early, text);
      else if (state.kind === 'open') state.intake.take(readProxyMessage(text));
    } catch (error) {
      this.#onBroken(error);
    }
  }

  /** Came in one read with the hello. */
  #keepEarly(early: string[], text: string): void {
    if (early.length >= MAX_EARLY) throw new HeddleError('flooding', `more than ${MAX_EARLY} messages with the hello`);
    early.push(text);
  }

  #greet(message: ProxyMessage | undefined, timer: Timer): void {
    if (message?.type !== 'hello') throw new HeddleError('malformed', 'the first message must be hello');
    timer.clear();
    const { clock } = this.#options;
    this.#state = { kind: 'checking', timer: clock.after(CHECK_MS, () => this.close('overloaded')), early: [] };
    const refusal = checkContract(message);
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    this.#options.wire.pauseReading();
    void this.#check(message);
  }

  async #check(hello: Hello): Promise<void> {
    const { gate, authenticate, wire } = this.#options;
    try {
      // The stream may have ended while this waited for its turn.
      const answer = await gate.run(async () =>
        this.#state.kind === 'checking' ? await authenticate(hello.token) : undefined,
      );
      if (answer === undefined || this.#state.kind !== 'checking') return;
      if (!answer.ok) {
        this.#refuse({ reason: 'token_invalid', message: answer.message });
        return;
      }
      const refusal =
        checkIdentity(hello, answer.pod, wire.peerIdentity) ?? this.#options.hooks.admit(this, hello, answer.pod);
      if (refusal !== undefined) {
        this.#refuse(refusal);
        return;
      }
      const { early, timer } = this.#state;
      timer.clear();
      this.#open(hello, answer.pod);
      for (const text of early) this.#onMessage(text);
      wire.resumeReading();
    } catch (error) {
      if (this.#state.kind === 'closed') return;
      this.#options.log.warn('a proxy cannot be checked; it will try again', this.#where(), error);
      this.close('internal');
    }
  }

  #open(hello: Hello, token: TokenIdentity): void {
    const { wire, clock, ledger, stats, hooks, operator, log } = this.#options;
    const pod = { uid: token.podUid, namespace: token.namespace, name: token.podName };
    const record = ledger.enter(
      pod,
      hello.held.filter((one) => isKnownKey(one.key)),
      clock.now(),
    );
    record.isBypassed = hello.serviceAddressSurvives === false;
    const viewer = { namespace: token.namespace, podUid: token.podUid };
    const pusher = new Pusher({ ...this.#options, record, viewer, heldAddresses: hello.addresses });
    const intake = new Intake({
      ...this.#options,
      record,
      pusher,
      onHold: (key) => hooks.onHold(this, key),
      onRelease: (key) => hooks.onRelease(this, key),
      onFull: () => log.warn(`the proxy holds ${MAX_KEYS} keys; more are not answered`, this.#where()),
    });
    this.#state = { kind: 'open', hello, record, pusher, intake, ping: clock.after(PING_MS, () => this.#ping()) };
    stats.helloAccepted++;
    wire.send({ type: 'welcome', operator });
    for (const key of new Set([WORKLOAD_KEY, ...record.entries.keys()])) {
      pusher.subscribe(key);
      hooks.onHold(this, key);
    }
    pusher.pump();
  }

  #ping(): void {
    if (this.#state.kind !== 'open') return;
    const { clock, wire } = this.#options;
    if (clock.now() - this.#state.record.lastHeard >= SILENT_MS) {
      this.close('silent');
      return;
    }
    const id = wire.writable ? this.#state.intake.nextPing() : undefined;
    if (id !== undefined) wire.send({ type: 'ping', id });
    this.#state.ping = clock.after(PING_MS, () => this.#ping());
  }

  #pump(): void {
    if (this.#state.kind === 'open') this.#state.pusher.pump();
  }

  #refuse(refusal: Refusal): void {
    this.#options.stats.helloRefused++;
    this.#options.log.warn(`a proxy is refused: ${refusal.message}`, { ...this.#where(), reason: refusal.reason });
    this.close(refusal.reason);
  }

  #onBroken(error: unknown): void {
    if (this.#state.kind === 'closed') return;
    const reason = brokenReason(error);
    this.#options.log.warn(`a stream is ended: ${describeError(error)}`, { ...this.#where(), reason });
    this.close(reason);
  }

  /** The one exit: gives everything back. */
  #end(reason: string): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed', reason };
    if (state.kind === 'greeting' || state.kind === 'checking') state.timer.clear();
    if (state.kind === 'open') {
      state.ping.clear();
      state.pusher.stop();
      this.#options.log.debug('a stream ended', { ...this.#where(), pod: state.hello.pod.name, reason });
    }
    this.#options.hooks.onClosed(this, state.kind === 'open' ? state.record.pod.uid : undefined);
  }

  #where(): { readonly peer: string; readonly identity: string } {
    return { peer: this.#options.wire.peer, identity: this.#options.wire.peerIdentity };
  }
}

const BROKEN: readonly GoawayReason[] = ['malformed', 'message_too_large', 'flooding'];

function brokenReason(error: unknown): GoawayReason {
  const code = error instanceof HeddleError ? error.code : undefined;
  return BROKEN.find((reason) => reason === code) ?? 'internal';
}
