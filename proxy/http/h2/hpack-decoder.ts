import { validName, validValue } from './field-bytes.ts';
import { IntegerReader } from './hpack-integer.ts';
import { STATIC_LENGTH, STATIC_NAMES, STATIC_VALUES } from './hpack-static.ts';
import { DynamicTable, ENTRY_OVERHEAD } from './hpack-table.ts';
import { huffmanBound, huffmanDecode } from './huffman.ts';
import { SENSITIVE } from './sensitive-names.ts';

/**
 * `ok`: the list is complete. `malformed`: a name or value holds bytes that no field may hold (RFC 9113 8.2.1), a stream
 * error. `too_large`: over the limit, the list is cut. `broken`: the block cannot be decoded, a connection error COMPRESSION_ERROR.
 * In all but the last case the dynamic table is up to date.
 */
export type DecodeOutcome = 'ok' | 'malformed' | 'too_large' | 'broken';

/** What becomes of a literal (RFC 7541 6.2.1, 6.2.2, 6.2.3). */
type Use = 'keep' | 'pass' | 'never';

export interface DecoderOptions {
  /** SETTINGS_HEADER_TABLE_SIZE in force, bytes. */
  readonly tableBytes: number;
  /** Largest list accepted, counted as SETTINGS_MAX_HEADER_LIST_SIZE is (names, values and 32 for each field). */
  readonly maxListBytes: number;
}

/** Decodes field blocks. Source: RFC 7541. Work is linear in the block; memory is bounded by block, table and list limit. */
export class HpackDecoder {
  readonly #options: DecoderOptions;
  readonly #table: DynamicTable;
  readonly #integers = new IntegerReader();
  /** The block as latin1 text: one call into C++ a block; the strings are slices of it. */
  #text = '';
  #origin = 0;
  #listBytes = 0;
  #fault: 'malformed' | 'too_large' | undefined;
  /** Whether the string read last holds bytes that its place forbids. */
  #badString = false;
  /** Why the last block was `broken`. */
  detail = '';

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#table = new DynamicTable(options.tableBytes);
  }

  /** Bytes in the dynamic table (RFC 7541 4.1). */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** Decodes one complete block and appends name, value, name, value… to `list`. */
  decode(block: Buffer, start: number, end: number, list: string[]): DecodeOutcome {
    this.#text = block.toString('latin1', start, end);
    this.#origin = start;
    this.#listBytes = 0;
    this.#fault = undefined;
    let at = this.#sizeUpdates(block, start, end);
    while (at !== -1 && at < end) at = this.#field(block, at, end, list);
    this.#text = '';
    return at === -1 ? 'broken' : (this.#fault ?? 'ok');
  }

  /** RFC 7541 4.2: at the beginning of a block, at most two, never above the limit that we announced. */
  #sizeUpdates(block: Buffer, start: number, end: number): number {
    let at = start;
    for (let count = 0; at < end && (block[at]! & 0xe0) === 0x20; count++) {
      const capacity = this.#integers.read(block, at, end, 5);
      if (capacity === -1 || capacity > this.#options.tableBytes || count === 2) {
        return this.#broken('a dynamic table size update that is cut off, above the limit or one too many');
      }
      this.#table.capacity = capacity;
      at = this.#integers.at;
    }
    return at;
  }

  #field(block: Buffer, at: number, end: number, list: string[]): number {
    const byte = block[at]!;
    if ((byte & 0x80) !== 0) return this.#indexed(block, at, end, list);
    // 6.2.1 incremental indexing, else 6.2.2 and 6.2.3 (without and never indexed), else a size update in a wrong place
    if ((byte & 0x40) !== 0) return this.#literal(block, at, end, list, 6, 'keep');
    if ((byte & 0x20) === 0) return this.#literal(block, at, end, list, 4, (byte & 0x10) === 0 ? 'pass' : 'never');
    return this.#broken('a dynamic table size update after a field');
  }

  /** RFC 7541 6.1. */
  #indexed(block: Buffer, at: number, end: number, list: string[]): number {
    const index = this.#integers.read(block, at, end, 7);
    if (index <= 0 || index > STATIC_LENGTH + this.#table.length) return this.#broken('an index outside the tables');
    if (index <= STATIC_LENGTH) {
      this.#push(list, STATIC_NAMES[index]!, STATIC_VALUES[index]!, false);
    } else {
      const place = index - STATIC_LENGTH;
      this.#push(list, this.#table.name(place), this.#table.value(place), this.#table.bad(place));
    }
    return this.#integers.at;
  }

  /** RFC 7541 6.2. */
  #literal(block: Buffer, at: number, end: number, list: string[], bits: number, use: Use): number {
    const index = this.#integers.read(block, at, end, bits);
    if (index === -1 || index > STATIC_LENGTH + this.#table.length)
      return this.#broken('a name index outside the tables');
    let name: string | undefined;
    let badName = false;
    if (index === 0) {
      name = this.#string(block, this.#integers.at, end, true, use === 'keep');
      badName = this.#badString;
    } else if (index <= STATIC_LENGTH) {
      name = STATIC_NAMES[index];
    } else {
      name = this.#table.name(index - STATIC_LENGTH);
      badName = this.#table.badName(index - STATIC_LENGTH);
    }
    if (name === undefined) return -1;
    const value = this.#string(block, this.#integers.at, end, false, use === 'keep');
    if (value === undefined) return -1;
    const bad = badName || this.#badString;
    if (use === 'keep') this.#table.add(name, value, badName ? 'bad name' : bad ? 'bad value' : 'sound');
    else if (use === 'never' && !bad) SENSITIVE.learn(name);
    this.#push(list, name, value, bad);
    return this.#integers.at;
  }

  /** RFC 7541 5.2. The position after it is left in the integer reader. */
  #string(block: Buffer, at: number, end: number, isName: boolean, own: boolean): string | undefined {
    if (at >= end) return this.#brokenString();
    const huffman = (block[at]! & 0x80) !== 0;
    const length = this.#integers.read(block, at, end, 7);
    const from = this.#integers.at;
    if (length === -1 || length > end - from) return this.#brokenString();
    const to = from + length;
    this.#integers.at = to;
    if (huffman) return this.#huffman(block, from, to, isName);
    this.#badString = isName ? !validName(block, from, to) : !validValue(block, from, to);
    // A slice keeps the whole block alive: what the table holds is a string of its own, so that its bytes are what it counts.
    return own ? block.toString('latin1', from, to) : this.#text.slice(from - this.#origin, to - this.#origin);
  }

  #huffman(block: Buffer, from: number, to: number, isName: boolean): string | undefined {
    const scratch = scratchFor(huffmanBound(to - from));
    const length = huffmanDecode(block, from, to, scratch);
    if (length === -1) {
      this.#broken('an invalid Huffman string');
      return undefined;
    }
    this.#badString = isName ? !validName(scratch, 0, length) : !validValue(scratch, 0, length);
    return scratch.toString('latin1', 0, length);
  }

  #push(list: string[], name: string, value: string, bad: boolean): void {
    this.#listBytes += name.length + value.length + ENTRY_OVERHEAD;
    if (this.#listBytes > this.#options.maxListBytes) {
      this.#fault = 'too_large';
      return;
    }
    if (bad) this.#fault ??= 'malformed';
    list.push(name, value);
  }

  #broken(detail: string): -1 {
    this.detail = detail;
    return -1;
  }

  #brokenString(): undefined {
    this.detail = 'a string that is cut off or too long';
    return undefined;
  }
}

/** Shared by all decoders of the process: decoding is synchronous. Grows to what the largest block allowed needs. */
let scratchBuffer = Buffer.allocUnsafeSlow(4_096);

function scratchFor(bytes: number): Buffer {
  if (scratchBuffer.length < bytes) scratchBuffer = Buffer.allocUnsafeSlow(bytes);
  return scratchBuffer;
}
