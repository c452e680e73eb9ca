import type { AddressTable, Key } from '../../proxy/contract/snapshot.ts';
import { MAX_MESSAGE_BYTES } from '../../proxy/contract/stream.ts';
import type { CompiledAddresses } from './compiled.ts';

/** Earlier tables that a difference can start from: a proxy that was away longer gets the whole table. */
const HISTORY = 32;
/** Encoded differences kept: many proxies stand at few versions. */
const ENCODED = 64;
/** Room for the member that stands before the shared ones: type. */
const HEAD_ROOM = 1024;

/** What brings a proxy to the current table. `tooLarge`: no message holds it; the proxy keeps what it has. */
export type AddressUpdate =
  | { readonly kind: 'current' | 'tooLarge' }
  /** JSON after `"type":"addresses",`. */
  | { readonly kind: 'send'; readonly version: string; readonly tail: Buffer };

/** The address table: whole, or as the difference to a version that a proxy holds. Encoded once for all proxies that need the same. */
export class AddressBook {
  readonly #compile: () => CompiledAddresses;
  readonly #onTooLarge: (bytes: number) => void;
  readonly #history = new Map<string, AddressTable>();
  readonly #encoded = new Map<string, Buffer>();
  #current: CompiledAddresses | undefined;

  /** `onTooLarge` hears once of each message that is too large. */
  constructor(compile: () => CompiledAddresses, onTooLarge: (bytes: number) => void = () => {}) {
    this.#compile = compile;
    this.#onTooLarge = onTooLarge;
  }

  /** The table may differ from now on. */
  invalidate(): void {
    this.#current = undefined;
  }

  /** From `base` (undefined: the proxy holds none) to the current version. */
  update(base: string | undefined): AddressUpdate {
    const current = this.#table();
    if (base === current.version) return { kind: 'current' };
    const known = base === undefined ? undefined : this.#history.get(base);
    const from = known === undefined ? '' : base;
    const name = `${from}>${current.version}`;
    const tail = this.#encoded.get(name) ?? this.#encode(name, encodeTable(current, known, base));
    return tail === TOO_LARGE ? { kind: 'tooLarge' } : { kind: 'send', version: current.version, tail };
  }

  #encode(name: string, text: string): Buffer {
    const bytes = Buffer.byteLength(text);
    const tooLarge = bytes > MAX_MESSAGE_BYTES - HEAD_ROOM;
    if (tooLarge) this.#onTooLarge(bytes);
    const tail = tooLarge ? TOO_LARGE : Buffer.from(text);
    this.#encoded.set(name, tail);
    dropOldest(this.#encoded, ENCODED);
    return tail;
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

const TOO_LARGE = Buffer.alloc(0);

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
