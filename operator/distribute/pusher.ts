import type { Clock, Random, Timer } from '../../proxy/base/clock.ts';
import type { Key } from '../../proxy/contract/snapshot.ts';
import type { AddressBook } from './address-book.ts';
import type { CachedKey, CompileCache } from './compile-cache.ts';
import type { Viewer } from './compiled.ts';
import { type KeyEntry, NONE, type SentUpdate, surelyHeld, unanswered } from './key-entry.ts';
import type { Ledger } from './ledger.ts';
import { NackBackoff } from './nack-backoff.ts';
import type { ProxyRecord } from './proxy-record.ts';
import { PushQueue } from './push-queue.ts';
import { equalStamps } from './stamp.ts';
import type { Stats } from './stats.ts';
import type { Wire } from './wire.ts';

/** Updates that one proxy may leave unanswered; the next waits for an answer. */
export const MAX_UNANSWERED = 512;
/** As above, for one key. */
export const MAX_UNANSWERED_A_KEY = 4;
/** A key with too many unanswered updates is looked at again after this long. */
const FULL_MS = 250;
/** A key that could not be compiled is tried again after this long, or when the world changes. */
const FAILED_MS = 5_000;

export interface PusherOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly record: ProxyRecord;
  readonly viewer: Viewer;
  readonly cache: CompileCache;
  readonly addresses: AddressBook;
  /** Version of the address table that the proxy holds. */
  readonly heldAddresses: string | undefined;
  readonly stats: Stats;
}

/** To an ack or nack: its update was waiting, was answered before, or was never sent. */
export type Answer = 'expected' | 'repeated' | 'unknown';

interface InFlight {
  readonly key: Key;
  readonly update: SentUpdate;
  /** Sent without content: a refusal means that the proxy does not hold it, and the content follows at once. */
  readonly bare: boolean;
}

/** Sends one proxy what it is owed, as fast as it takes it: nothing is compiled or encoded while its socket is full or its answers are due. */
export class Pusher {
  readonly #options: PusherOptions;
  readonly #queue = new PushQueue();
  readonly #backoff: NackBackoff;
  readonly #inFlight = new Map<number, InFlight>();
  /** Keys that got their first message on this stream: until then provenance is sent even where everything is equal. */
  readonly #greeted = new Set<Key>();
  readonly #timers = new Map<Key, Timer>();
  #seq = 0;
  #addressesHeld: string | undefined;
  #addressesDue = true;
  #stopped = false;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#backoff = new NackBackoff(options.random);
    this.#addressesHeld = options.heldAddresses;
  }

  /** Highest `seq` sent. */
  get seq(): number {
    return this.#seq;
  }

  /** Keys that wait to be sent. */
  get pending(): number {
    return this.#queue.size;
  }

  mark(key: Key, dueAt: number): void {
    this.#clearTimer(key);
    this.#queue.mark(key, dueAt);
  }

  markAddresses(): void {
    this.#addressesDue = true;
  }

  /** Begins to hold a key; the caller pumps. */
  subscribe(key: Key): void {
    const { ledger, record, clock } = this.#options;
    const entry = ledger.subscribe(record, key, clock.now());
    this.#queue.mark(key, entry.dueAt ?? clock.now());
  }

  unsubscribe(key: Key): void {
    this.#options.ledger.unsubscribe(this.#options.record, key);
    this.#queue.remove(key);
    this.#greeted.delete(key);
    this.#backoff.accepted(key);
    this.#clearTimer(key);
  }

  /** Sends until nothing is owed, the socket is full, or too much is unanswered. */
  pump(): void {
    if (this.#stopped) return;
    this.#pushAddresses();
    const { wire } = this.#options;
    while (wire.writable && this.#inFlight.size < MAX_UNANSWERED) {
      const next = this.#queue.take();
      if (next === undefined) return;
      this.#push(next.key, next.dueAt);
    }
  }

  /** What could not be sent becomes a suspicion in the ledger: `policies` changed, and this proxy does not know. */
  suspect(policies: ReadonlySet<string>, dueAt: number): void {
    const { ledger, record, cache, viewer } = this.#options;
    for (const key of this.#queue.keys()) {
      const entry = record.entries.get(key);
      if (entry === undefined || entry.leaving) continue;
      const known = cache.peek(key, viewer);
      // Compiled for another viewer of the class already: then it is known what this proxy is owed.
      ledger.owe(record, entry, dueAt, known === undefined ? policies : NONE);
      if (known !== undefined) ledger.compiled(record, entry, known.stamp);
    }
  }

  onAck(seq: number): Answer {
    const answered = this.#answered(seq);
    if (answered === undefined) return this.#unexpected(seq);
    const { ledger, record, clock } = this.#options;
    this.#backoff.accepted(answered.key);
    ledger.acked(record, answered.key, seq, clock.now());
    this.pump();
    return 'expected';
  }

  onNack(seq: number, text: string): Answer {
    const answered = this.#answered(seq);
    if (answered === undefined) return this.#unexpected(seq);
    const { ledger, record, clock } = this.#options;
    const { key, update } = answered;
    if (!answered.bare) this.#backoff.refused(key, update.stamp, clock.now());
    ledger.nacked(record, key, seq, text);
    if (record.entries.get(key)?.leaving === false) this.#queue.mark(key, update.dueAt);
    this.pump();
    return 'expected';
  }

  stop(): void {
    this.#stopped = true;
    for (const key of [...this.#timers.keys()]) this.#clearTimer(key);
  }

  #answered(seq: number): InFlight | undefined {
    const inFlight = this.#inFlight.get(seq);
    this.#inFlight.delete(seq);
    return inFlight;
  }

  #unexpected(seq: number): Answer {
    return seq >= 1 && seq <= this.#seq ? 'repeated' : 'unknown';
  }

  #pushAddresses(): void {
    const { wire, addresses, stats } = this.#options;
    if (!this.#addressesDue || !wire.writable) return;
    this.#addressesDue = false;
    const update = addresses.update(this.#addressesHeld);
    if (update.kind !== 'send') return;
    this.#addressesHeld = update.version;
    wire.sendShared('{"type":"addresses",', update.tail);
    stats.addressesSent(update.tail.length);
  }

  #push(key: Key, dueAt: number): void {
    const { ledger, record, cache, viewer, clock } = this.#options;
    const entry = record.entries.get(key);
    if (entry === undefined || entry.leaving) return;
    const cached = cache.get(key, viewer);
    if (cached === 'failed') {
      this.#later(key, dueAt, FAILED_MS);
      return;
    }
    ledger.compiled(record, entry, cached?.stamp);
    if (cached === undefined || (this.#greeted.has(key) && isCurrent(entry, cached))) {
      // Unknown yet (the world will say when), or the change changed nothing here.
      entry.dueAt = undefined;
      return;
    }
    if (unanswered(entry) >= MAX_UNANSWERED_A_KEY) {
      this.#later(key, dueAt, FULL_MS);
      return;
    }
    const delay = this.#backoff.delay(key, cached.stamp, clock.now());
    if (delay > 0) {
      this.#later(key, dueAt, delay);
      return;
    }
    this.#send(entry, cached, dueAt);
  }

  #send(entry: KeyEntry, cached: CachedKey, dueAt: number): void {
    const { wire, clock, ledger, record, stats } = this.#options;
    const seq = ++this.#seq;
    const isHeld = surelyHeld(entry) === cached.stamp.version;
    const tail = isHeld ? cached.bare : cached.full;
    const update: SentUpdate = { seq, stamp: cached.stamp, dueAt, acked: false, ackedAt: 0 };
    this.#greeted.add(entry.key);
    this.#inFlight.set(seq, { key: entry.key, update, bare: isHeld });
    ledger.sent(record, entry, update);
    wire.sendShared(`{"type":"update","seq":${seq},"key":${JSON.stringify(entry.key)},`, tail);
    stats.updateSent(tail.length, clock.now() - dueAt);
  }

  #later(key: Key, dueAt: number, delay: number): void {
    const entry = this.#options.record.entries.get(key);
    if (entry !== undefined) entry.dueAt ??= dueAt;
    this.#queue.delay(key, dueAt);
    this.#clearTimer(key);
    const timer = this.#options.clock.after(delay, () => {
      this.#timers.delete(key);
      this.#queue.mark(key, dueAt);
      this.pump();
    });
    this.#timers.set(key, timer);
  }

  #clearTimer(key: Key): void {
    this.#timers.get(key)?.clear();
    this.#timers.delete(key);
  }
}

/** The last thing sent (or, with nothing sent, in force) is just this, and was not refused. */
function isCurrent(entry: KeyEntry, cached: CachedKey): boolean {
  if (entry.nack !== undefined || entry.unknown !== undefined) return false;
  const last = entry.sent.at(-1)?.stamp ?? entry.inForce;
  return last !== undefined && equalStamps(last, cached.stamp);
}
