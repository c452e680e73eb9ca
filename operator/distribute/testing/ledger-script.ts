import type { Key } from '../../../proxy/contract/snapshot.ts';
import { Ledger } from '../ledger.ts';
import type { PodRef, PodState, ProxyRecord } from '../proxy-record.ts';
import type { Rollout } from '../rollout.ts';
import { createStamp, type Stamp } from '../stamp.ts';

/** `p@2 q@1` to a stamp; the version is the text itself. */
export function stampOf(text: string): Stamp {
  const provenance = text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => {
      const [uid = '', generation = '0'] = one.split('@');
      return { kind: 'MeshPolicy' as const, uid, generation: Number(generation), name: uid };
    });
  return createStamp(text, provenance);
}

/** Drives a ledger as a session would, in few words. */
export class LedgerScript {
  readonly ledger = new Ledger();
  readonly states = new Map<string, PodState>();
  now = 0;
  readonly #seqs = new Map<string, number>();

  pod(name: string): PodRef {
    return { uid: name, namespace: 'shop', name };
  }

  enter(name: string, held: Readonly<Record<Key, string>> = {}): ProxyRecord {
    this.#seqs.set(name, 0);
    if (!this.states.has(name)) this.states.set(name, 'ready');
    return this.ledger.enter(
      this.pod(name),
      Object.entries(held).map(([key, version]) => ({ key, version })),
      this.now,
    );
  }

  /** Compiles and sends; returns the `seq`. */
  send(name: string, key: Key, text: string): number {
    const record = this.#record(name);
    const entry = this.ledger.subscribe(record, key, this.now);
    const stamp = stampOf(text);
    const seq = (this.#seqs.get(name) ?? 0) + 1;
    this.#seqs.set(name, seq);
    this.ledger.compiled(record, entry, stamp);
    this.ledger.sent(record, entry, { seq, stamp, dueAt: this.now, acked: false, ackedAt: 0 });
    return seq;
  }

  ack(name: string, key: Key, seq: number): void {
    const record = this.#record(name);
    this.ledger.heard(record, this.now);
    this.ledger.acked(record, key, seq, this.now);
  }

  nack(name: string, key: Key, seq: number, text: string): void {
    this.ledger.heard(this.#record(name), this.now);
    this.ledger.nacked(this.#record(name), key, seq, text);
  }

  report(name: string, seq: number, draining = 0): void {
    this.ledger.heard(this.#record(name), this.now);
    this.ledger.reported(this.#record(name), seq, draining);
  }

  /** Sends, acknowledges and reports. */
  settle(name: string, key: Key, text: string): void {
    const seq = this.send(name, key, text);
    this.ack(name, key, seq);
    this.report(name, seq);
  }

  heard(name: string): void {
    this.ledger.heard(this.#record(name), this.now);
  }

  disconnect(name: string): void {
    this.ledger.disconnect(this.#record(name));
  }

  unsubscribe(name: string, key: Key): void {
    this.ledger.unsubscribe(this.#record(name), key);
  }

  /** The world changed, and the proxy cannot be told. */
  owe(name: string, key: Key, suspects: readonly string[]): void {
    const record = this.#record(name);
    const entry = record.entries.get(key);
    if (entry !== undefined) this.ledger.owe(record, entry, this.now, new Set(suspects));
  }

  rollout(uid: string, generation: number, unheard: readonly string[] = [], byServiceAddress = false): Rollout {
    return this.ledger.rollout({
      uid,
      generation,
      now: this.now,
      byServiceAddress,
      mayHold: () => true,
      stateOf: (podUid) => this.states.get(podUid) ?? 'unknown',
      unheard: unheard.map((name) => this.pod(name)),
    });
  }

  /** `selected acked inForce draining rejected lagging unreachable`. */
  numbers(uid: string, generation: number, unheard: readonly string[] = []): string {
    const all = this.rollout(uid, generation, unheard);
    return [all.selected, all.acked, all.inForce, all.draining, all.rejected, all.lagging, all.unreachable].join(' ');
  }

  #record(name: string): ProxyRecord {
    const record = this.ledger.record(name);
    if (record === undefined) throw new Error(`no proxy ${name}`);
    return record;
  }
}
