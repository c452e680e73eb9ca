import type { KeyEntry } from './key-entry.ts';
import type { ProxyRecord } from './proxy-record.ts';

type Holders = Map<ProxyRecord, Set<KeyEntry>>;

/** From a policy to the entries that may speak of it, so that a rollout reads only those; and what changed since it was last read. */
export class LedgerIndex {
  readonly #holders = new Map<string, Holders>();
  readonly #involved = new Map<KeyEntry, ReadonlySet<string>>();
  readonly #uncertain: Holders = new Map();
  #touched = new Set<string>();
  #touchedAll = false;

  holders(uid: string): ReadonlyMap<ProxyRecord, ReadonlySet<KeyEntry>> {
    return this.#holders.get(uid) ?? EMPTY;
  }

  /** Entries that hold content of unknown provenance. */
  get uncertain(): ReadonlyMap<ProxyRecord, ReadonlySet<KeyEntry>> {
    return this.#uncertain;
  }

  update(record: ProxyRecord, entry: KeyEntry, uids: ReadonlySet<string>): void {
    const before = this.#involved.get(entry);
    for (const uid of before ?? NO_UIDS) {
      this.#touched.add(uid);
      if (!uids.has(uid)) this.#drop(uid, record, entry);
    }
    for (const uid of uids) {
      this.#touched.add(uid);
      if (before?.has(uid) !== true) add(this.#holdersFor(uid), record, entry);
    }
    this.#involved.set(entry, uids);
    this.#setUncertain(record, entry, entry.unknown !== undefined);
  }

  remove(record: ProxyRecord, entry: KeyEntry): void {
    for (const uid of this.#involved.get(entry) ?? NO_UIDS) {
      this.#touched.add(uid);
      this.#drop(uid, record, entry);
    }
    this.#involved.delete(entry);
    this.#setUncertain(record, entry, false);
    record.unreported.delete(entry);
  }

  touchAll(record: ProxyRecord): void {
    for (const entry of record.entries.values()) {
      for (const uid of this.#involved.get(entry) ?? NO_UIDS) this.#touched.add(uid);
    }
    if (this.#uncertain.has(record)) this.#touchedAll = true;
  }

  takeTouched(): { readonly all: boolean; readonly uids: ReadonlySet<string> } {
    const taken = { all: this.#touchedAll, uids: this.#touched };
    this.#touched = new Set();
    this.#touchedAll = false;
    return taken;
  }

  #setUncertain(record: ProxyRecord, entry: KeyEntry, is: boolean): void {
    const was = this.#uncertain.get(record)?.has(entry) === true;
    if (is === was) return;
    this.#touchedAll = true;
    if (is) add(this.#uncertain, record, entry);
    else drop(this.#uncertain, record, entry);
  }

  #holdersFor(uid: string): Holders {
    const existing = this.#holders.get(uid);
    if (existing !== undefined) return existing;
    const fresh: Holders = new Map();
    this.#holders.set(uid, fresh);
    return fresh;
  }

  #drop(uid: string, record: ProxyRecord, entry: KeyEntry): void {
    const holders = this.#holders.get(uid);
    if (holders === undefined) return;
    drop(holders, record, entry);
    if (holders.size === 0) this.#holders.delete(uid);
  }
}

const EMPTY: ReadonlyMap<ProxyRecord, ReadonlySet<KeyEntry>> = new Map();
const NO_UIDS: ReadonlySet<string> = new Set();

function add(holders: Holders, record: ProxyRecord, entry: KeyEntry): void {
  const entries = holders.get(record);
  if (entries === undefined) holders.set(record, new Set([entry]));
  else entries.add(entry);
}

function drop(holders: Holders, record: ProxyRecord, entry: KeyEntry): void {
  const entries = holders.get(record);
  if (entries?.delete(entry) === true && entries.size === 0) holders.delete(record);
}
