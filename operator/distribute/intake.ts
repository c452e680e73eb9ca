import type { Clock } from '../../proxy/base/clock.ts';
import { HeddleError } from '../../proxy/base/errors.ts';
import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { Nack, ProxyMessage, Report } from '../../proxy/contract/stream.ts';
import type { Ledger } from './ledger.ts';
import { isKnownKey, MAX_KEYS } from './proxy-messages.ts';
import type { ProxyRecord } from './proxy-record.ts';
import { type Answer, MAX_UNANSWERED, type Pusher } from './pusher.ts';
import type { Stats } from './stats.ts';
import { TokenBucket } from './token-bucket.ts';

/** Messages that a proxy sends of its own will (subscribe, unsubscribe, report, unknown). Answers are bounded by what was sent. */
const UNASKED = { burst: 2_000, perSecond: 200 } as const;
/** Keys in them: each may cost a compilation. A proxy that lost everything subscribes 10,000 at once. */
const KEYS = { burst: 25_000, perSecond: 2_000 } as const;

export interface IntakeOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly stats: Stats;
  readonly record: ProxyRecord;
  readonly pusher: Pusher;
  readonly onHold: (key: Key) => void;
  readonly onRelease: (key: Key) => void;
  /** The proxy wants more keys than one may hold. */
  readonly onFull: () => void;
}

/** What a proxy says on an open stream, taken one message at a time. Throws `HeddleError` `malformed` or `flooding`. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #unasked: TokenBucket;
  readonly #keys: TokenBucket;
  #pingId = 0;
  #pongId = 0;
  /** Reports that follow from answers. */
  #reportsDue = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#unasked = new TokenBucket(UNASKED.burst, UNASKED.perSecond, options.clock.now());
    this.#keys = new TokenBucket(KEYS.burst, KEYS.perSecond, options.clock.now());
  }

  /** The id to ask with; undefined while the last question is unanswered: a stopped proxy costs no memory. */
  nextPing(): number | undefined {
    return this.#pongId === this.#pingId ? ++this.#pingId : undefined;
  }

  take(message: ProxyMessage | undefined): void {
    const { ledger, clock, stats, record, pusher } = this.#options;
    ledger.heard(record, clock.now());
    switch (message?.type) {
      case 'ack':
        stats.acks++;
        this.#expect(pusher.onAck(message.seq), message.type, message.seq);
        return;
      case 'nack':
        stats.nacks++;
        this.#expect(pusher.onNack(message.seq, nackText(message)), message.type, message.seq);
        return;
      case 'pong':
        this.#pong(message.id);
        return;
      case 'report':
        this.#report(message);
        return;
      case 'subscribe':
        this.#subscribe(message.keys);
        return;
      case 'unsubscribe':
        this.#unsubscribe(message.keys);
        return;
      case 'hello':
        throw new HeddleError('malformed', 'a second hello on one stream');
      default:
        this.#countUnasked();
    }
  }

  #report(message: Report): void {
    const { ledger, stats, record, pusher } = this.#options;
    stats.reports++;
    // One follows each ack: those are as few as the updates.
    if (this.#reportsDue > 0) this.#reportsDue--;
    else this.#countUnasked();
    if (message.inForce > pusher.seq) throw neverSent(message.type, message.inForce);
    ledger.reported(record, message.inForce, message.draining);
  }

  #subscribe(keys: readonly Key[]): void {
    const { record, pusher, onHold, onFull } = this.#options;
    this.#countUnasked();
    this.#countKeys(keys.length);
    for (const key of keys) {
      if (!isKnownKey(key) || record.entries.get(key)?.leaving === false) continue;
      if (record.entries.size >= MAX_KEYS) {
        onFull();
        break;
      }
      pusher.subscribe(key);
      onHold(key);
    }
    pusher.pump();
  }

  #unsubscribe(keys: readonly Key[]): void {
    const { record, pusher, onRelease } = this.#options;
    this.#countUnasked();
    this.#countKeys(keys.length);
    for (const key of keys) {
      if (key === WORKLOAD_KEY || !record.entries.has(key)) continue;
      pusher.unsubscribe(key);
      onRelease(key);
    }
  }

  #pong(id: number): void {
    if (id !== this.#pingId || id === this.#pongId) this.#countUnasked();
    else this.#pongId = id;
  }

  #expect(answer: Answer, type: string, seq: number): void {
    if (answer === 'unknown') throw neverSent(type, seq);
    if (answer === 'repeated') {
      this.#countUnasked();
      return;
    }
    this.#reportsDue = Math.min(this.#reportsDue + 1, MAX_UNANSWERED);
  }

  #countKeys(count: number): void {
    if (!this.#keys.take(this.#options.clock.now(), count)) {
      throw new HeddleError('flooding', `more than ${KEYS.perSecond} keys a second`);
    }
  }

  #countUnasked(): void {
    if (!this.#unasked.take(this.#options.clock.now())) {
      throw new HeddleError('flooding', `more than ${UNASKED.perSecond} messages a second`);
    }
  }
}

function neverSent(type: string, seq: number): HeddleError {
  return new HeddleError('malformed', `${type} names update ${seq}, which was never sent on this stream`);
}

function nackText(nack: Nack): string {
  const text = nack.errors.map((error) => `${error.path}: ${error.message}`).join('; ');
  return text === '' ? 'the proxy gave no reason' : text;
}
