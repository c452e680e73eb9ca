import type { AddressTable, Key } from '../../proxy/contract/snapshot.ts';
import type { CompiledAddresses } from './compiled.ts';

/** Earlier tables that a difference can start from: a proxy that was away longer gets the whole table. */
const HISTORY = 32;
/** Encoded differences kept: many proxies stand at few versions. */
const ENCODED = 64;

/** The address table: whole, or as the difference to a version that a proxy holds. Encoded once for all proxies that need the same. */
export class AddressBook {
  readonly #compile: () => CompiledAddresses;
  readonly #history = new Map<string, AddressTable>();
  readonly #encoded = new Map<string, Buffer>();
  #current: CompiledAddresses | undefined;

  constructor(compile: () => CompiledAddresses) {
    this.#compile = compile;
  }

  /** The table may differ from now on. */
  invalidate(): void {
    this.#current = undefined;
  }

  get version(): string {
    return this.#table().version;
  }

  /** JSON after `"type":"addresses",` that brings a proxy from `base` (undefined: holds none) to the current version; undefined where it is there already. */
  update(base: string | undefined): Buffer | undefined {
    const current = this.#table();
    if (base === current.version) return undefined;
    const known = base === undefined ? undefined : this.#history.get(base);
    const from = known === undefined ? '' : base;
    const name = `${from}>${current.version}`;
    const existing = this.#encoded.get(name);
    if (existing !== undefined) return existing;
    const encoded = Buffer.from(encodeTable(current, known, base));
    this.#encoded.set(name, encoded);
    dropOldest(this.#encoded, ENCODED);
    return encoded;
  }

  #table(): CompiledAddresses {
    if (this.#current !== undefined) return this.#current;
    const compiled = this.#compile();
    this.#current = compiled;
    // Set again at the end: the history is ordered by when a version was last current.
    this.#history.delete(compiled.version);
    this.#history.set(compiled.version, compiled.table);
    dropOldest(this.#history, HISTORY);
    return compiled;
  }
}

function encodeTable(current: CompiledAddresses, known: AddressTable | undefined, base: string | undefined): string {
  const { ranges, entries } = current.table;
  const set: Record<string, Key> = {};
  const remove: string[] = [];
  for (const [address, key] of Object.entries(entries)) if (known?.entries[address] !== key) set[address] = key;
  for (const address of Object.keys(known?.entries ?? {})) if (entries[address] === undefined) remove.push(address);
  const message = { version: current.version, ...(known === undefined ? {} : { base }), ranges, set, remove };
  return JSON.stringify(message).slice(1);
}

function dropOldest(map: Map<string, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
