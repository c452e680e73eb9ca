import { EndpointRegistry } from '../balance/endpoints.ts';
import type { Clock, Random } from '../base/clock.ts';
import { HeddleError } from '../base/errors.ts';
import type { Reason } from '../contract/reasons.ts';
import {
  type AddressTable,
  type Configuration,
  type Key,
  PASSTHROUGH_KEY,
  podKey,
  WORKLOAD_KEY,
} from '../contract/snapshot.ts';
import { type Built, type BuiltPort, type BuiltWorkload, build, checkBuildable } from './build.ts';
import type { BuildTools } from './endpoint-groups.ts';
import { type Entry, KeyEntry } from './key-entry.ts';
import { type PackedService, pack } from './packed.ts';
import { compileRanges, type Ranges } from './ranges.ts';

export type { Entry } from './key-entry.ts';

/** A checked content on its way in; see `Store.commit`. */
export interface Prepared {
  readonly key: Key;
  readonly content: Configuration | PackedService;
}

/** Where an outgoing connection goes. */
export type Decision =
  | { readonly kind: 'passthrough' }
  | Refusal
  | { readonly kind: 'destination'; readonly entry: Entry }
  /** Not known yet (`key` undefined: the address table itself is missing): see `Store.resolve`. */
  | { readonly kind: 'pending'; readonly key: Key | undefined };
export type SettledDecision = Exclude<Decision, { kind: 'pending' }>;

export interface Refusal {
  readonly kind: 'refuse';
  readonly reason: Reason;
  readonly detail: string;
}

/** The port of an entry as of now, or why there is none. */
export type PortDecision = { readonly kind: 'port'; readonly port: BuiltPort } | Refusal | { readonly kind: 'pending' };

export interface StoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Default 2,000 ms. */
  readonly waitMs?: number;
  /** Canonical address of the API server: passes while no address table was received, and the table says so later. Absent: waits like all. */
  readonly apiServer?: string | undefined;
  /** Connections and requests that may wait for configuration at once; default 1,024. */
  readonly maxWaiting?: number;
}

const WAIT_MS = 2_000;
const MAX_WAITING = 1_024;
/**
 * What this proxy knows: the address table and one entry a key. Control writes (`prepare`, then `commit`), both sides read.
 * After `commit` returned, no decision is taken under the older snapshot any more; `draining` counts what still runs under one.
 */
export class Store {
  /** A key is wanted that is not held: control subscribes to it. */
  onWanted: ((key: Key) => void) | undefined;
  /** Every endpoint of every snapshot in force. */
  readonly endpoints = new EndpointRegistry();
  readonly #options: StoreOptions;
  readonly #tools: BuildTools;
  readonly #entries = new Map<Key, KeyEntry>();
  readonly #listeners = new Set<(key: Key) => void>();
  /** Replaced snapshots under which something still runs. */
  #retired: Built[] = [];
  #ranges: Ranges | undefined;
  #addresses = new Map<string, Key>();
  #control: 'connected' | 'disconnected' = 'disconnected';
  readonly #tableWaiting = new Set<() => void>();
  #waiting = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#tools = { registry: this.endpoints, random, now: () => clock.now() };
  }

  /** Checks that `content` can be built. Throws `HeddleError` (code `configuration`, `where.path`); changes nothing. */
  prepare(key: Key, content: Configuration): Prepared {
    const fits = key === WORKLOAD_KEY ? content.kind === 'workload' : content.kind !== 'workload';
    if (!fits || (content.kind === 'pod' && !key.startsWith('pod/'))) {
      throw new HeddleError('configuration', `key ${key} cannot hold a ${content.kind}`, { where: { path: 'kind' } });
    }
    checkBuildable(content);
    return { key, content: content.kind === 'service' && !this.#isUsed(key) ? pack(content) : content };
  }

  /** Somebody waits for it, or asked for a port of it: packing would only be undone. */
  #isUsed(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    if (entry.awaited) return true;
    if (entry.built?.kind !== 'destination') return false;
    for (const _ of entry.built.used) return true;
    return false;
  }

  /** Swaps the snapshot in. Listeners (they close what is now forbidden) have run when it returns. */
  commit(prepared: Prepared): void {
    const entry = this.#entry(prepared.key);
    const previous = entry.built;
    const built = build(prepared.content, this.#tools, entry);
    if (built.kind === 'destination' && previous?.kind === 'destination') built.carry(previous);
    entry.built = built;
    this.#retire(previous);
    for (const listener of [...this.#listeners]) listener(prepared.key);
    if (entry.awaited) for (const wake of [...entry.waiting]) wake();
  }

  /** Forgets a key. Connections that still use it ask for it again. */
  remove(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const previous = entry.built;
    entry.built = undefined;
    if (!entry.awaited) this.#entries.delete(key);
    this.#retire(previous);
    for (const listener of [...this.#listeners]) listener(key);
  }

  /** Throws `HeddleError` on a range that is no CIDR; then nothing changed. */
  setAddresses(table: AddressTable): void {
    this.#ranges = compileRanges(table.ranges);
    this.#addresses = new Map(Object.entries(table.entries));
    for (const wake of [...this.#tableWaiting]) wake();
  }

  setControlState(state: 'connected' | 'disconnected'): void {
    this.#control = state;
  }

  /** Calls `listener` with each key that was committed or removed, before `commit` returns; the answer ends that. */
  onCommit(listener: (key: Key) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Keys with a configuration. */
  keys(): Iterable<Key> {
    return [...this.#entries.values()].filter((entry) => entry.built !== undefined).map((entry) => entry.key);
  }

  /** Monotonic ms of the last use of a key; 0 for one that is not held. */
  lastUsed(key: Key): number {
    return this.#entries.get(key)?.usedAt ?? 0;
  }

  /** Requests and connections that were decided under a snapshot that has been replaced since. */
  draining(): number {
    this.#retired = this.#retired.filter((built) => built.running > 0);
    return this.#retired.reduce((sum, built) => sum + built.running, 0);
  }

  /** The proxy's own inbound configuration; undefined before it arrived. */
  workload(): BuiltWorkload | undefined {
    const built = this.#entries.get(WORKLOAD_KEY)?.built;
    return built?.kind === 'workload' ? built : undefined;
  }

  /** Where a connection to this original destination goes, if that is known now. Canonical address. */
  lookup(address: string): Decision {
    const key = this.#keyOf(address);
    if (key === undefined) return { kind: 'pending', key };
    return key === PASSTHROUGH_KEY ? { kind: 'passthrough' } : this.#destination(key);
  }

  /** Undefined while the address table is missing: then nothing but the API server passes. */
  #keyOf(address: string): Key | undefined {
    if (this.#ranges === undefined) return address === this.#options.apiServer ? PASSTHROUGH_KEY : undefined;
    const key = this.#addresses.get(address);
    if (key !== undefined) return key;
    return this.#ranges.contains(address) ? podKey(address) : PASSTHROUGH_KEY;
  }

  /**
   * As `lookup`, but waits for what is pending: calls `done` once, at the latest after 2 s, at once when the control plane is not reachable
   * or too many wait. The answer cancels. While it waits a newer address table may give the address another key: a Service that is
   * dialled before its address arrived here is at first taken for a pod.
   */
  resolve(address: string, done: (decision: SettledDecision) => void): () => void {
    return this.#resolveUntil(address, this.#options.clock.now() + this.#waitMs, done);
  }

  #resolveUntil(address: string, until: number, done: (decision: SettledDecision) => void): () => void {
    const decision = this.lookup(address);
    if (decision.kind !== 'pending') return now(done, decision);
    const { key } = decision;
    let cancel = (): void => {};
    const again = (): void => {
      cancel();
      cancel = this.#resolveUntil(address, until, done);
    };
    if (key === undefined) {
      cancel = this.#park(this.#tableWaiting, 'the address table', until, (refusal) => {
        if (refusal === undefined) again();
        else done(refusal);
      });
      return () => cancel();
    }
    const leaveTable = this.#onTable(() => {
      if (this.#keyOf(address) !== key) again();
    });
    const leaveKey = this.#obtainUntil(key, until, (settled) => {
      leaveTable();
      done(settled);
    });
    cancel = () => {
      leaveTable();
      leaveKey();
    };
    return () => cancel();
  }

  /** Calls `changed` when a table arrived, beside a waiter that is counted already. The answer ends it. */
  #onTable(changed: () => void): () => void {
    const wake = (): void => {
      if (this.#tableWaiting.has(wake)) changed();
    };
    this.#tableWaiting.add(wake);
    return () => void this.#tableWaiting.delete(wake);
  }

  /** The entry of a key that is not held: asks control for it and waits like `resolve`. For connections whose entry lost its snapshot. */
  obtain(key: Key, done: (decision: SettledDecision) => void): () => void {
    return this.#obtainUntil(key, this.#options.clock.now() + this.#waitMs, done);
  }

  #obtainUntil(key: Key, until: number, done: (decision: SettledDecision) => void): () => void {
    this.onWanted?.(key);
    const held = this.#destination(key);
    if (held.kind !== 'pending') return now(done, held);
    if (this.#control === 'disconnected') return now(done, unreachable(key));
    const entry = this.#entry(key);
    const forget = (): void => {
      if (entry.built === undefined && !entry.awaited) this.#entries.delete(key);
    };
    const leave = this.#park(entry.waiting, key, until, (refusal) => {
      if (refusal === undefined) done({ kind: 'destination', entry });
      else done(refusal);
      forget();
    });
    return () => {
      leave();
      forget();
    };
  }

  /** `done` runs when `waiters` are woken, or with a refusal when it took too long. */
  #park(
    waiters: Set<() => void>,
    what: string,
    until: number,
    done: (refusal: Refusal | undefined) => void,
  ): () => void {
    if (this.#waiting >= (this.#options.maxWaiting ?? MAX_WAITING)) {
      return now(done, refuse('overloaded', `${this.#waiting} connections wait for configuration already`));
    }
    const leave = (): boolean => {
      if (!waiters.delete(wake)) return false;
      this.#waiting--;
      timer.clear();
      return true;
    };
    const wake = (): void => {
      // One that was woken before this one may have cancelled it.
      if (leave()) done(undefined);
    };
    waiters.add(wake);
    this.#waiting++;
    const timer = this.#options.clock.after(Math.max(0, until - this.#options.clock.now()), () => {
      leave();
      const late = refuse('config_pending', `${what} did not arrive within ${this.#waitMs} ms`);
      done(this.#control === 'disconnected' ? unreachable(what) : late);
    });
    return leave;
  }

  get #waitMs(): number {
    return this.#options.waitMs ?? WAIT_MS;
  }

  #destination(key: Key): Decision {
    const entry = this.#entries.get(key);
    if (entry?.built === undefined) return { kind: 'pending', key };
    entry.usedAt = this.#options.clock.now();
    return { kind: 'destination', entry };
  }

  #entry(key: Key): KeyEntry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = new KeyEntry(key, this.#options.clock.now());
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #retire(previous: Built | undefined): void {
    if (previous === undefined) return;
    if (previous.kind === 'destination') {
      for (const endpoint of previous.endpoints) this.endpoints.release(endpoint);
    }
    if (previous.running > 0) this.#retired.push(previous);
    if (this.#retired.length > 64) this.draining();
  }
}

/** The port of an entry under the snapshot in force now: asked anew for every request and every retry. */
export function portOf(entry: Entry, port: number): PortDecision {
  const { built } = entry;
  if (built === undefined) return { kind: 'pending' };
  if (built.kind !== 'destination') {
    return refuse('unknown_destination', `${entry.key} does not exist`);
  }
  const found = built.port(port);
  if (found !== undefined) return { kind: 'port', port: found };
  return refuse('unknown_port', `${entry.key} has no port ${port}`);
}

function refuse(reason: Reason, detail: string): Refusal {
  return { kind: 'refuse', reason, detail };
}

function unreachable(what: string): Refusal {
  return refuse('control_plane_unreachable', `${what} is not known here and the operator cannot be reached`);
}

function now<T>(done: (value: T) => void, value: T): () => void {
  done(value);
  return () => {};
}
