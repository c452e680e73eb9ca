import type { Clock, Timer } from '../../proxy/base/clock.ts';
import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { AddressBook } from './address-book.ts';
import type { CompileCache } from './compile-cache.ts';
import type { Affected } from './compiled.ts';
import type { Holders } from './holders.ts';
import type { Ledger } from './ledger.ts';
import type { Session } from './session.ts';

/** Changes are gathered this long after the first one: one kubectl apply or one rolling pod makes several. */
export const GATHER_MS = 20;
/** Streams served before the event loop gets its turn: with everything compiled once, some 10 ms of work. */
const STREAMS_A_TURN = 100;

export interface ChangesOptions {
  readonly clock: Clock;
  readonly cache: CompileCache;
  readonly addresses: AddressBook;
  readonly holders: Holders;
  readonly ledger: Ledger;
  readonly byPod: ReadonlyMap<string, Session>;
  readonly sessions: ReadonlySet<Session>;
  readonly onLedgerChange: () => void;
}

interface Batch {
  readonly at: number;
  readonly keys: Set<Key>;
  all: boolean;
  readonly workloads: Set<string>;
  addresses: boolean;
  readonly policies: Set<string>;
}

/**
 * From changes of the world to pushes: gathers, marks every concerned stream, then lets each send. Nobody hears of the ledger
 * in between: half a push must not look like a state.
 */
export class Changes {
  readonly #options: ChangesOptions;
  #batch: Batch | undefined;
  #timer: Timer | undefined;
  #running = false;
  /** Policies whose change is being pushed now. */
  #pushing: ReadonlySet<string> = new Set();

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  add(affected: Affected): void {
    const { clock, cache, addresses } = this.#options;
    const batch = this.#current();
    if (affected.keys === 'all') {
      batch.all = true;
      cache.clear();
    } else {
      for (const key of affected.keys) {
        batch.keys.add(key);
        // At once: a stream that opens now must not get what was compiled before the change.
        cache.invalidate(key);
      }
    }
    for (const podUid of affected.workloads) {
      batch.workloads.add(podUid);
      cache.invalidateWorkload(podUid);
    }
    for (const uid of affected.policies) batch.policies.add(uid);
    if (affected.addresses) {
      batch.addresses = true;
      addresses.invalidate();
    }
    if (!this.#running) this.#timer ??= clock.after(GATHER_MS, () => this.#run());
  }

  /** Silent while a push is on its way: its end tells everything. */
  ledgerChanged(): void {
    if (!this.#running && this.#batch === undefined) this.#options.onLedgerChange();
  }

  /** True while a change of this policy has not reached the ledger: what it says of the policy is of before. */
  isPending(policyUid: string): boolean {
    return this.#pushing.has(policyUid) || this.#batch?.policies.has(policyUid) === true;
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#batch = undefined;
  }

  #current(): Batch {
    this.#batch ??= {
      at: this.#options.clock.now(),
      keys: new Set(),
      all: false,
      workloads: new Set(),
      addresses: false,
      policies: new Set(),
    };
    return this.#batch;
  }

  #run(): void {
    this.#timer = undefined;
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#running = true;
    this.#pushing = batch.policies;
    this.#serve(batch, [...this.#mark(batch)], 0);
  }

  #mark(batch: Batch): Set<Session> {
    const { holders, byPod, sessions } = this.#options;
    const concerned = new Set<Session>();
    const mark = (session: Session, key: Key): void => {
      session.mark(key, batch.at);
      concerned.add(session);
    };
    if (batch.all) {
      for (const session of sessions) for (const key of holders.keysOf(session)) mark(session, key);
    } else {
      for (const key of batch.keys) for (const session of holders.of(key)) mark(session, key);
      for (const podUid of batch.workloads) {
        const session = byPod.get(podUid);
        if (session !== undefined) mark(session, WORKLOAD_KEY);
      }
    }
    this.#markAbsent(batch);
    if (batch.addresses) {
      for (const session of sessions) {
        session.markAddresses();
        concerned.add(session);
      }
    }
    return concerned;
  }

  /** Proxies that are not connected get nothing, but the ledger must not go on trusting what they hold. */
  #markAbsent(batch: Batch): void {
    if (batch.policies.size === 0) return;
    const { ledger } = this.#options;
    for (const record of ledger.records()) {
      if (record.connected) continue;
      for (const key of record.entries.keys()) {
        const isAffected = key === WORKLOAD_KEY ? batch.workloads.has(record.pod.uid) : batch.keys.has(key);
        if (batch.all || isAffected) ledger.missed(record, key, batch.at, batch.policies);
      }
    }
  }

  #serve(batch: Batch, sessions: readonly Session[], from: number): void {
    for (const session of sessions.slice(from, from + STREAMS_A_TURN)) session.flush(batch.policies, batch.at);
    if (from + STREAMS_A_TURN < sessions.length) {
      this.#options.clock.after(0, () => this.#serve(batch, sessions, from + STREAMS_A_TURN));
      return;
    }
    this.#running = false;
    this.#pushing = new Set();
    if (this.#batch !== undefined) this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#run());
    // Also when no entry changed: a policy may have lost its last proxy, or have none.
    this.#options.onLedgerChange();
  }
}
