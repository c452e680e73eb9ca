import type { Key } from '../../proxy/contract/snapshot.ts';
import {
  createEntry,
  involved,
  isBlank,
  type KeyEntry,
  letGo,
  NONE,
  recordAck,
  recordNack,
  recordReport,
  recordSent,
  resume,
  type SentUpdate,
  unanswered,
} from './key-entry.ts';
import { LedgerIndex } from './ledger-index.ts';
import { createRecord, type PodRef, type PodState, type ProxyRecord } from './proxy-record.ts';
import { type Rollout, type RolloutQuery, rolloutOf } from './rollout.ts';
import type { Stamp } from './stamp.ts';
import { UNREACHABLE_MS } from './standing.ts';

/** A key that misses changes of more policies than this counts as content of unknown provenance. */
const MAX_SUSPECTS = 1_000;

/** A pod that the world has never shown, and whose proxy is not connected, is given up after this long. */
const UNSEEN_MS = 60_000;

/**
 * Who has which generation of what. Written by the sessions, read by the status controllers; pure but for its memory.
 * A proxy enters when it subscribes (its own side: when it first says hello) and leaves only when its pod is gone or it
 * unsubscribes, never by disconnecting.
 */
export class Ledger {
  readonly #records = new Map<string, ProxyRecord>();
  readonly #index = new LedgerIndex();
  readonly #onChange: () => void;

  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#records.size;
  }

  has(podUid: string): boolean {
    return this.#records.has(podUid);
  }

  record(podUid: string): ProxyRecord | undefined {
    return this.#records.get(podUid);
  }

  records(): Iterable<ProxyRecord> {
    return this.#records.values();
  }

  /** A stream begins: `held` is what the proxy says it holds; every other key is forgotten. Everything is owed again. */
  enter(pod: PodRef, held: readonly { readonly key: Key; readonly version: string }[], now: number): ProxyRecord {
    const record = this.#records.get(pod.uid) ?? createRecord(pod, now);
    this.#records.set(pod.uid, record);
    record.connected = true;
    record.lastHeard = now;
    record.reachable = true;
    const kept = new Set(held.map((one) => one.key));
    for (const entry of [...record.entries.values()]) if (!kept.has(entry.key)) this.#remove(record, entry);
    for (const { key, version } of held) {
      const entry = record.entries.get(key) ?? this.#add(record, createEntry(key, now));
      entry.leaving = false;
      resume(entry, version);
      entry.dueAt = now;
      this.#changed(record, entry);
    }
    return record;
  }

  /** The world changed for proxies that are not connected: nothing is sent, but what they hold may be outdated now. */
  missed(record: ProxyRecord, key: Key, dueAt: number, suspects: ReadonlySet<string>): void {
    const entry = record.entries.get(key);
    if (entry !== undefined && !record.connected) this.owe(record, entry, dueAt, suspects);
  }

  /** Nothing is forgotten but what was never held. */
  disconnect(record: ProxyRecord): void {
    record.connected = false;
    for (const entry of [...record.entries.values()]) {
      if (isBlank(entry) && entry.sent.length === 0) this.#remove(record, entry);
    }
    this.#index.touchAll(record);
    this.#onChange();
  }

  /** The pod is gone. */
  leave(podUid: string): void {
    const record = this.#records.get(podUid);
    if (record === undefined) return;
    for (const entry of [...record.entries.values()]) this.#remove(record, entry);
    this.#records.delete(podUid);
    this.#onChange();
  }

  /** Another operator writes the ledger from now on. */
  clear(): void {
    for (const podUid of [...this.#records.keys()]) this.leave(podUid);
  }

  subscribe(record: ProxyRecord, key: Key, now: number): KeyEntry {
    const entry = record.entries.get(key) ?? this.#add(record, createEntry(key, now));
    if (entry.leaving) {
      entry.leaving = false;
      entry.since = now;
    }
    this.#changed(record, entry);
    return entry;
  }

  /** Leaves at once, or once everything sent is answered. */
  unsubscribe(record: ProxyRecord, key: Key): void {
    const entry = record.entries.get(key);
    if (entry === undefined) return;
    if (record.connected && unanswered(entry) > 0) {
      letGo(entry);
      this.#changed(record, entry);
    } else {
      this.#remove(record, entry);
    }
  }

  /** The world changed and this key is not compiled yet. `suspects`: the policies that changed. */
  owe(record: ProxyRecord, entry: KeyEntry, dueAt: number, suspects: ReadonlySet<string>): void {
    entry.dueAt ??= dueAt;
    entry.suspects = entry.suspects.size === 0 ? suspects : new Set([...entry.suspects, ...suspects]);
    if (entry.suspects.size > MAX_SUSPECTS) {
      entry.unknown ??= entry.holding ?? 'unknown';
      entry.suspects = NONE;
    }
    this.#changed(record, entry);
  }

  /** The compiler spoke: `desired` is what the proxy must hold (undefined: not known yet). */
  compiled(record: ProxyRecord, entry: KeyEntry, desired: Stamp | undefined): void {
    entry.desired = desired;
    entry.suspects = NONE;
    this.#changed(record, entry);
  }

  sent(record: ProxyRecord, entry: KeyEntry, update: SentUpdate): void {
    recordSent(entry, update);
    entry.dueAt = undefined;
    this.#changed(record, entry);
  }

  acked(record: ProxyRecord, key: Key, seq: number, now: number): void {
    const entry = record.entries.get(key);
    if (entry !== undefined && recordAck(entry, seq, now)) this.#answered(record, entry);
  }

  nacked(record: ProxyRecord, key: Key, seq: number, text: string): void {
    const entry = record.entries.get(key);
    if (entry !== undefined && recordNack(entry, seq, text) !== undefined) this.#answered(record, entry);
  }

  reported(record: ProxyRecord, seq: number, draining: number): void {
    record.draining = draining;
    for (const entry of record.unreported) if (recordReport(entry, seq)) this.#changed(record, entry);
  }

  heard(record: ProxyRecord, now: number): void {
    record.lastHeard = now;
    if (record.reachable) return;
    record.reachable = true;
    this.#index.touchAll(record);
    this.#onChange();
  }

  /** Once a second: silence becomes `unreachable`, pods that are gone leave. Returns the pods that left. */
  tick(now: number, stateOf: (podUid: string) => PodState): string[] {
    const left: string[] = [];
    for (const record of [...this.#records.values()]) {
      const state = stateOf(record.pod.uid);
      if (state !== 'unknown') record.seen = true;
      if (state === 'gone' || (state === 'unknown' && this.#isGivenUp(record, now))) {
        this.leave(record.pod.uid);
        left.push(record.pod.uid);
      } else if (record.reachable && now - record.lastHeard >= UNREACHABLE_MS) {
        record.reachable = false;
        this.#index.touchAll(record);
        this.#onChange();
      }
    }
    return left;
  }

  /** Where one generation of one policy stands on all proxies. */
  rollout(query: RolloutQuery): Rollout {
    return rolloutOf(query, this.#index.holders(query.uid), this.#index.uncertain);
  }

  /** Policies whose rollout may have changed since the last call; `all`: any. */
  takeTouched(): { readonly all: boolean; readonly uids: ReadonlySet<string> } {
    return this.#index.takeTouched();
  }

  #isGivenUp(record: ProxyRecord, now: number): boolean {
    if (record.connected) return false;
    // Seen once and not any more is a deletion; never seen may be an informer that is late.
    return record.seen || now - record.lastHeard >= UNSEEN_MS;
  }

  #answered(record: ProxyRecord, entry: KeyEntry): void {
    if (!entry.leaving) this.#changed(record, entry);
    else if (unanswered(entry) === 0) this.#remove(record, entry);
    else letGo(entry);
  }

  #remove(record: ProxyRecord, entry: KeyEntry): void {
    record.entries.delete(entry.key);
    this.#index.remove(record, entry);
    this.#onChange();
  }

  #add(record: ProxyRecord, entry: KeyEntry): KeyEntry {
    record.entries.set(entry.key, entry);
    return entry;
  }

  #changed(record: ProxyRecord, entry: KeyEntry): void {
    if (entry.sent.length === 0) record.unreported.delete(entry);
    else record.unreported.add(entry);
    this.#index.update(record, entry, involved(entry));
    this.#onChange();
  }
}
