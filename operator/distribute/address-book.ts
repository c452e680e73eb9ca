import type { AddressTable, Key } from '../../proxy/contract/snapshot.ts';
import { MAX_MESSAGE_BYTES } from '../../proxy/contract/stream.ts';
import type { CompiledAddresses } from './compiled.ts';
import { OldestOut } from './oldest-out.ts';

/** Earlier tables that a difference can start from, and their addresses together (some 50 bytes each): a proxy that was away longer gets the whole table. */
const HISTORY: HistoryBounds = { most: 32, heaviest: 400_000 };
/** Encoded differences kept, and their bytes together: many proxies stand at few versions. */
const ENCODED = { most: 64, heaviest: 2 * MAX_MESSAGE_BYTES } as const;
/** Room for the member that stands before the shared ones: type. */
const HEAD_ROOM = 1024;

export interface HistoryBounds {
  readonly most: number;
  readonly heaviest: number;
}

/** What brings a proxy to the current table. `tooLarge`: no message holds it; the proxy keeps what it has. */
export type AddressUpdate =
  | { readonly kind: 'current' | 'tooLarge' }
  /** JSON after `"type":"addresses",`. */
  | { readonly kind: 'send'; readonly version: string; readonly tail: Buffer };

/** The address table: whole, or as the difference to a version that a proxy holds. Encoded once for all proxies that need the same. */
export class AddressBook {
  readonly #compile: () => CompiledAddresses;
  readonly #onTooLarge: (bytes: number) => void;
  readonly #history: OldestOut<HeldTable>;
  readonly #encoded = new OldestOut<Buffer>({ ...ENCODED, weightOf: ({ length }) => length });
  #current: CompiledAddresses | undefined;

  /** `onTooLarge` hears once of each message that is too large. */
  constructor(compile: () => CompiledAddresses, onTooLarge: (bytes: number) => void, history: HistoryBounds = HISTORY) {
    this.#compile = compile;
    this.#onTooLarge = onTooLarge;
    this.#history = new OldestOut({ ...history, weightOf: ({ size }) => size });
  }

  /** The table may differ from now on. */
  invalidate(): void {
    this.#current = undefined;
  }

  /** From `base` (undefined: the proxy holds none) to the current version. */
  update(base: string | undefined): AddressUpdate {
    const current = this.#table();
    if (base === current.version) return { kind: 'current' };
    const known = base === undefined ? undefined : this.#history.get(base)?.table;
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
    return tail;
  }

  #table(): CompiledAddresses {
    if (this.#current !== undefined) return this.#current;
    const compiled = this.#compile();
    this.#current = compiled;
    const { version, table } = compiled;
    this.#history.set(version, { table, size: Object.keys(table.entries).length });
    return compiled;
  }
}

interface HeldTable {
  readonly table: AddressTable;
  readonly size: number;
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
