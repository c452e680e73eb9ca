import { HeddleError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type DecodeError, decodeConfiguration, MAX_ERRORS, type UpdateEnvelope } from '../contract/decode.ts';
import type { AddressTable, Configuration, Key, Provenance } from '../contract/snapshot.ts';
import { type Addresses, KNOWN_SECTIONS } from '../contract/stream.ts';
import type { Prepared } from '../policy/store.ts';
import type { LastGood } from './last-good.ts';

/** The part of `policy/store` that control writes to. */
export interface ConfigurationStore {
  prepare(key: Key, content: Configuration): Prepared;
  commit(prepared: Prepared): void;
  remove(key: Key): void;
  setAddresses(table: AddressTable): void;
}

export interface ApplierOptions {
  readonly store: ConfigurationStore;
  readonly lastGood: LastGood;
  readonly log: Log;
  /** SPIFFE parts of this proxy: a workload configuration for anybody else is refused. */
  readonly own: { readonly namespace: string; readonly serviceAccount: string; readonly trustDomain: string };
}

export type Answer = { readonly kind: 'ack' } | { readonly kind: 'nack'; readonly errors: readonly DecodeError[] };

/** What is in force for a key, for the dump and for `hello`. */
export interface InForce {
  readonly version: string;
  readonly provenance: readonly Provenance[];
  readonly source: 'operator' | 'last-good' | 'file';
}

export interface Applier {
  readonly inForce: ReadonlyMap<Key, InForce>;
  readonly addressesVersion: string | undefined;
  readonly addresses: AddressTable | undefined;
  /** Decode, build, swap. A nack changed nothing. After an ack no decision is taken under the older content. */
  update(update: UpdateEnvelope): Answer;
  /** False: a difference to a table that is not held; the whole one must be asked for. */
  setAddresses(message: Addresses): boolean;
  /** Puts the kept copy of a key in force. False: there is none. */
  restore(key: Key): boolean;
  restoreAddresses(): boolean;
  /** The key is not used any more; its kept copy stays. */
  drop(key: Key): void;
}

export function createApplier(options: ApplierOptions): Applier {
  const { store, lastGood, log } = options;
  const inForce = new Map<Key, InForce>();
  let addresses: AddressTable | undefined;
  let addressesVersion: string | undefined;

  const prepare = (
    key: Key,
    value: unknown,
  ): { prepared: Prepared; content: Configuration } | readonly DecodeError[] => {
    const decoded = decodeConfiguration(key, value);
    if (!decoded.ok) return decoded.errors;
    const stranger = foreignWorkload(decoded.value, options.own);
    if (stranger !== undefined) return [stranger];
    try {
      return { prepared: store.prepare(key, decoded.value), content: decoded.value };
    } catch (error) {
      if (!(error instanceof HeddleError)) log.error('a configuration could not be built: a bug', { key }, error);
      return [describeBuildError(error)];
    }
  };

  return {
    inForce,
    get addresses() {
      return addresses;
    },
    get addressesVersion() {
      return addressesVersion;
    },

    update(update) {
      const { key, version, provenance } = update;
      const unknown = update.mustUnderstand.filter((section) => !KNOWN.includes(section));
      if (unknown.length > 0) return nack(unknown.map(notUnderstood));
      if (update.content === undefined) {
        const held = inForce.get(key);
        if (held?.version !== version) return nack([{ path: '', message: `version ${version} is not held here` }]);
        inForce.set(key, { version, provenance, source: 'operator' });
        return ACK;
      }
      const built = prepare(key, update.content);
      if (!('prepared' in built)) return nack(built);
      store.commit(built.prepared);
      inForce.set(key, { version, provenance, source: 'operator' });
      lastGood.put({ key, version, content: built.content });
      return ACK;
    },

    setAddresses(message) {
      if (message.base !== undefined && (message.base !== addressesVersion || addresses === undefined)) return false;
      const entries: Record<string, Key> = message.base === undefined ? {} : { ...addresses?.entries };
      for (const address of message.remove) delete entries[address];
      const table = { ranges: message.ranges, entries: Object.assign(entries, message.set) };
      store.setAddresses(table);
      addresses = table;
      addressesVersion = message.version;
      lastGood.putAddresses({ version: message.version, table });
      return true;
    },

    restore(key) {
      const good = lastGood.get(key);
      if (good === undefined) return false;
      const built = prepare(key, good.content);
      if (!('prepared' in built)) {
        log.warn('a kept configuration is ignored', { key, why: built[0]?.message });
        return false;
      }
      store.commit(built.prepared);
      inForce.set(key, { version: good.version, provenance: [], source: 'last-good' });
      return true;
    },

    restoreAddresses() {
      const good = lastGood.addresses();
      if (good === undefined) return false;
      store.setAddresses(good.table);
      addresses = good.table;
      addressesVersion = good.version;
      return true;
    },

    drop(key) {
      if (inForce.delete(key)) store.remove(key);
    },
  };
}

const KNOWN: readonly string[] = KNOWN_SECTIONS;
const ACK: Answer = { kind: 'ack' };

function nack(errors: readonly DecodeError[]): Answer {
  return { kind: 'nack', errors: errors.slice(0, MAX_ERRORS) };
}

function notUnderstood(section: string): DecodeError {
  return {
    path: section,
    message: `this proxy does not know the section "${section}": restart the pod so that it gets a newer sidecar`,
  };
}

function foreignWorkload(content: Configuration, own: ApplierOptions['own']): DecodeError | undefined {
  if (content.kind !== 'workload') return undefined;
  for (const name of ['namespace', 'serviceAccount', 'trustDomain'] as const) {
    if (content[name] !== own[name])
      return { path: name, message: `is ${content[name]}, but this proxy is ${own[name]}` };
  }
  return undefined;
}

function describeBuildError(error: unknown): DecodeError {
  if (!(error instanceof HeddleError))
    return { path: '', message: 'the configuration could not be built (see the log of the proxy)' };
  const path = error.where['path'];
  return { path: path === undefined ? '' : String(path), message: error.message };
}
