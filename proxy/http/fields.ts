import {
  CONNECTION,
  CONTENT_LENGTH,
  DROPPED,
  EXPECT,
  found,
  HOST,
  ORDINARY,
  readName,
  TE,
  TRANSFER_ENCODING,
  titleCase,
  UPGRADE,
} from './field-names.ts';
import type { HttpLimits } from './limits.ts';
import type { HeaderList, Spelling } from './message.ts';
import { malformed, tooLarge } from './protocol-error.ts';

/**
 * A parsed block of field lines. `headers` holds the end-to-end ones; what the connection itself needs stands beside it.
 * Fields that came more than once are joined with `,` and counted where the count matters.
 */
export interface FieldBlock {
  headers: HeaderList;
  spelling: Spelling;
  host: string | undefined;
  hosts: number;
  contentLength: string | undefined;
  contentLengths: number;
  transferEncoding: string | undefined;
  transferEncodings: number;
  connection: string | undefined;
  upgrade: string | undefined;
  expect: string | undefined;
}

/** `response`: white space before the colon is removed, as RFC 9112, 5.1 tells proxies; `request`: refused; `trailers`: no field that frames or routes. */
export type BlockKind = 'request' | 'response' | 'trailers';

/**
 * Lines of HTAB, visible characters and obs-text, each with its CRLF, up to the first empty one: no other control character, no CR or LF alone
 * (RFC 9112, 2.2; RFC 9110, 5.5). The class holds no CR, so a mismatch is found in linear time; a loop over the bytes took three times as long.
 */
const LINES = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)+\r\n/;

/** Refuses bytes that no head may hold. After this every CR and LF up to the empty line is one of a CRLF; what stands behind it is not looked at. */
export function checkBytes(text: string): void {
  if (!LINES.test(text)) throw malformed('a head holds a control character, or CR or LF alone');
}

/**
 * Parses field lines from `position` to the empty line whose end is `end`. `text` is latin1 of `buffer` from `start` on, passed `checkBytes`
 * and may hold more behind `end`.
 */
export function parseFields(
  buffer: Buffer,
  start: number,
  text: string,
  position: number,
  end: number,
  kind: BlockKind,
  limits: HttpLimits,
): FieldBlock {
  const block = emptyBlock();
  const last = end - 2;
  spelling.reset();
  let count = 0;
  let line = position;
  while (line < last) {
    if (++count > limits.fields) throw tooLarge(431, `more than ${limits.fields} header fields`);
    // Of a CRLF (`checkBytes`); one character is found without leaving compiled code.
    const lineEnd = text.indexOf('\r', line);
    if (!readName(buffer, start + line)) throw malformed(nameFault(text, line));
    const nameEnd = found.end - start;
    const colon = colonAfter(text, nameEnd, kind);
    const value = trimmed(text, colon + 1, lineEnd);
    keep(block, text, line, nameEnd, value, kind);
    line = lineEnd + 2;
  }
  block.spelling = spelling.result(block.headers);
  return block;
}

function emptyBlock(): FieldBlock {
  return {
    headers: [],
    spelling: 'lower',
    host: undefined,
    hosts: 0,
    contentLength: undefined,
    contentLengths: 0,
    transferEncoding: undefined,
    transferEncodings: 0,
    connection: undefined,
    upgrade: undefined,
    expect: undefined,
  };
}

function nameFault(text: string, line: number): string {
  const code = text.charCodeAt(line);
  // RFC 9112, 5.2: obsolete line folding; 2.2: white space between start line and first field.
  if (code === 32 || code === 9) return 'a header line starts with white space (line folding is not accepted)';
  return 'a header field has no valid name';
}

function colonAfter(text: string, position: number, kind: BlockKind): number {
  let at = position;
  if (kind === 'response') while (isBlank(text.charCodeAt(at))) at++;
  if (text.charCodeAt(at) === 58) return at;
  // RFC 9112, 5.1: white space before the colon has been used to smuggle requests.
  throw malformed(isBlank(text.charCodeAt(at)) ? 'white space before a colon' : 'a header field has no valid name');
}

function trimmed(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const isBlank = (code: number): boolean => code === 32 || code === 9;
const joined = (before: string | undefined, value: string): string =>
  before === undefined ? value : `${before},${value}`;

/** Puts one field where it belongs. Reads `found`. */
function keep(block: FieldBlock, text: string, line: number, nameEnd: number, value: string, kind: BlockKind): void {
  if (found.kind !== ORDINARY) {
    if (kind === 'trailers') refuseInTrailers();
    if (kind === 'trailers' || isSetAside(block, value)) return;
  }
  spelling.add(block.headers, text, line, nameEnd);
  // Only `trailers` of TE is end-to-end enough for a proxy to pass on (RFC 9110, 10.1.4).
  block.headers.push(found.name, found.kind === TE ? 'trailers' : value);
}

function refuseInTrailers(): void {
  // RFC 9110, 6.5.1: no field that frames, routes or changes how the message is read.
  if (found.kind !== DROPPED && found.kind !== TE) throw malformed(`the trailer section holds ${found.name}`);
}

/** Notes what the codec needs. True: the field belongs to this connection and is not passed on. */
function isSetAside(block: FieldBlock, value: string): boolean {
  switch (found.kind) {
    case HOST:
      block.hosts++;
      block.host = value;
      return false;
    case CONTENT_LENGTH:
      block.contentLengths++;
      block.contentLength = value;
      return false;
    case EXPECT:
      block.expect = joined(block.expect, value);
      return false;
    case TRANSFER_ENCODING:
      block.transferEncodings++;
      block.transferEncoding = joined(block.transferEncoding, value);
      return true;
    case CONNECTION:
      block.connection = joined(block.connection, value);
      return true;
    case UPGRADE:
      block.upgrade = joined(block.upgrade, value);
      return true;
    case TE:
      return !/(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(value) || block.headers.includes('te');
    default:
      return true;
  }
}

/** Finds out how names are spelled; holds the names themselves only once they are neither all lower nor all title. */
class SpellingOf {
  #lower = true;
  #title = true;
  #names: string[] | undefined;

  reset(): void {
    this.#lower = true;
    this.#title = true;
    this.#names = undefined;
  }

  /** Called with `found`, before its name is pushed to `headers`. */
  add(headers: readonly string[], text: string, line: number, nameEnd: number): void {
    if (this.#names === undefined) {
      const wasLower = this.#lower;
      this.#lower &&= found.lower;
      this.#title &&= found.title;
      if (this.#lower || this.#title) return;
      this.#names = [];
      for (let index = 0; index < headers.length; index += 2) {
        const name = headers[index] ?? '';
        this.#names.push(wasLower ? name : titleCase(name));
      }
    }
    this.#names.push(text.slice(line, nameEnd));
  }

  result(headers: readonly string[]): Spelling {
    if (this.#names !== undefined) return this.#names;
    return this.#title && headers.length > 0 && !this.#lower ? 'title' : 'lower';
  }
}

/** One for the process, as `found`. */
const spelling = new SpellingOf();
