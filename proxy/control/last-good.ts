import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { decodeAddressTable, decodeConfiguration, describeDecodeErrors } from '../contract/decode.ts';
import { type AddressTable, type Configuration, type Key, WORKLOAD_KEY } from '../contract/snapshot.ts';
import type { StateFiles } from '../identity/identity.ts';

export interface GoodConfiguration {
  readonly key: Key;
  readonly version: string;
  readonly content: Configuration;
}
export interface GoodAddresses {
  readonly version: string;
  readonly table: AddressTable;
}

export interface LastGoodOptions {
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Keys kept, default 1,000; the one written or used longest ago goes first. */
  readonly maxKeys?: number;
}

/**
 * The disk copy of what was last in force: what a restarted proxy, or one that cannot reach the operator, serves on. One small file a
 * key. The proxy's own inbound rules are written before `put` returns, so before they are acknowledged. Any other key loses its older file
 * before `put` returns and gets the newer one some time after: an edit that touches a hundred keys does not hold requests up, memory holds no second
 * copy, and no crash or full volume ever brings older content back than was acknowledged.
 */
export interface LastGood {
  put(configuration: GoodConfiguration): void;
  /** Of a key that was in force before. Undefined also when its file cannot be used (said in the log). */
  get(key: Key): GoodConfiguration | undefined;
  putAddresses(addresses: GoodAddresses): void;
  addresses(): GoodAddresses | undefined;
  /** Keys on disk, least recently used first. */
  readonly size: number;
  /** Writes what is pending now. */
  flush(): void;
}

const MAX_KEYS = 1_000;
const DEBOUNCE_MS = 200;
/** The table of a large cluster has megabytes. */
const ADDRESSES_DEBOUNCE_MS = 2_000;
/** Files written in one turn: some 50 us each on a memory volume. */
const FILES_A_TURN = 20;
const PREFIX = 'key-';
const ADDRESSES_FILE = 'addresses.json';

export function createLastGood(options: LastGoodOptions): LastGood {
  const { files, clock, log } = options;
  /** Insertion order is order of use. */
  const known = new Map<Key, string>();
  const pending = new Map<Key, GoodConfiguration>();
  let pendingAddresses: GoodAddresses | undefined;
  let timer: Timer | undefined;
  let addressesTimer: Timer | undefined;

  for (const file of files.list()) {
    if (!file.startsWith(PREFIX)) continue;
    const value = readFile(file);
    if (value !== undefined) known.set(value.key, file);
  }

  function readFile(file: string): GoodConfiguration | undefined {
    const why = (reason: string): undefined => {
      log.warn('a kept configuration is ignored', { file, why: reason });
      files.remove(file);
      return undefined;
    };
    const value = parse(files, file);
    if (value === undefined || typeof value['key'] !== 'string' || typeof value['version'] !== 'string') {
      return why('not readable');
    }
    if (fileOf(value['key']) !== file) return why('belongs to another key');
    const decoded = decodeConfiguration(value['key'], value['content']);
    if (!decoded.ok) return why(describeDecodeErrors(decoded.errors));
    return { key: value['key'], version: value['version'], content: decoded.value };
  }

  function touch(key: Key): void {
    known.delete(key);
    known.set(key, fileOf(key));
    for (const [oldest, file] of known) {
      if (known.size <= (options.maxKeys ?? MAX_KEYS)) break;
      // Written once and then used for weeks: never the oldest.
      if (oldest === WORKLOAD_KEY) continue;
      known.delete(oldest);
      pending.delete(oldest);
      attempt(() => files.remove(file));
    }
  }

  /** From here on the older content cannot come back. */
  function replaceOlder(configuration: GoodConfiguration): void {
    const file = fileOf(configuration.key);
    if (configuration.key !== WORKLOAD_KEY) {
      // Pending: its older file is gone already.
      if (!pending.has(configuration.key) && known.has(configuration.key)) attempt(() => files.remove(file));
    } else if (!attempt(() => files.write(file, JSON.stringify(configuration)))) {
      attempt(() => files.remove(file));
    }
  }

  function writeSome(most: number): void {
    let written = 0;
    for (const [key, value] of pending) {
      if (written++ >= most) break;
      pending.delete(key);
      attempt(() => files.write(fileOf(key), JSON.stringify(value)));
    }
  }

  function schedule(): void {
    timer ??= clock.after(DEBOUNCE_MS, () => {
      timer = undefined;
      writeSome(FILES_A_TURN);
      if (pending.size > 0) schedule();
    });
  }

  function writeAddresses(): void {
    addressesTimer?.clear();
    addressesTimer = undefined;
    const value = pendingAddresses;
    pendingAddresses = undefined;
    if (value !== undefined) attempt(() => files.write(ADDRESSES_FILE, JSON.stringify(value)));
  }

  let complained = false;
  function attempt(write: () => void): boolean {
    try {
      write();
      complained = false;
      return true;
    } catch (error) {
      // A full volume fails every write: one line says it.
      if (!complained)
        log.warn('configuration could not be kept: a restarted sidecar would need the operator', {}, error);
      complained = true;
      return false;
    }
  }

  return {
    get size() {
      return known.size;
    },
    put(configuration) {
      replaceOlder(configuration);
      touch(configuration.key);
      if (configuration.key === WORKLOAD_KEY) return;
      pending.delete(configuration.key);
      pending.set(configuration.key, configuration);
      schedule();
    },
    get(key) {
      const unwritten = pending.get(key);
      const file = known.get(key);
      if (unwritten !== undefined || file === undefined) return unwritten;
      const value = readFile(file);
      if (value === undefined) known.delete(key);
      else touch(key);
      return value;
    },
    putAddresses(value) {
      pendingAddresses = value;
      addressesTimer ??= clock.after(ADDRESSES_DEBOUNCE_MS, writeAddresses);
    },
    addresses() {
      if (pendingAddresses !== undefined) return pendingAddresses;
      if (!files.list().includes(ADDRESSES_FILE)) return undefined;
      const value = parse(files, ADDRESSES_FILE);
      const decoded = decodeAddressTable(value?.['table']);
      if (!decoded.ok || typeof value?.['version'] !== 'string') {
        const why = decoded.ok ? 'no version' : describeDecodeErrors(decoded.errors);
        log.warn('the kept address table is ignored', { file: ADDRESSES_FILE, why });
        return undefined;
      }
      return { version: value['version'], table: decoded.value };
    },
    flush() {
      timer?.clear();
      timer = undefined;
      writeSome(pending.size);
      writeAddresses();
    },
  };
}

/** Keys hold slashes and addresses: their hash is a safe name. */
function fileOf(key: Key): string {
  return `${PREFIX}${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`;
}

function parse(files: StateFiles, file: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(files.read(file) ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
