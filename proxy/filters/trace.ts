import type { Random } from '../base/clock.ts';
import { HEADERS } from '../contract/headers.ts';
import { headerIndex } from '../http/message.ts';
import { addHeader, type HeaderHolder, removeHeader } from './headers.ts';

/** The one flag that version 00 defines; the others are set to zero (section 3.2.2.5). */
const SAMPLED = 0x01;

/**
 * Continues the trace of a request with a span of this hop, or starts one (`samplingPercent` of them sampled). An invalid or repeated
 * header is replaced, and a `tracestate` without a valid `traceparent` dropped (section 4.3). Answers the trace id.
 */
export function trace(head: HeaderHolder, random: Random, samplingPercent: number): string {
  const at = headerIndex(head.headers, HEADERS.traceparent);
  const given = at === -1 ? undefined : head.headers[at]!;
  const single = given !== undefined && headerIndex(head.headers, HEADERS.traceparent, at + 1) === -1;
  if (single && isTraceparent(given)) {
    head.headers[at] = withSpan(random, isSampled(line[LENGTH - 1]!));
    return given.slice(TRACE_ID, TRACE_ID_END);
  }
  if (given !== undefined) removeHeader(head, HEADERS.traceparent);
  removeHeader(head, 'tracestate');
  writeHex(random, TRACE_ID, TRACE_ID_END);
  const value = withSpan(random, random() * 100 < samplingPercent);
  addHeader(head, HEADERS.traceparent, value);
  return value.slice(TRACE_ID, TRACE_ID_END);
}

/** Where the parts of a `traceparent` stand. */
const TRACE_ID = 3;
const TRACE_ID_END = 35;
const SPAN_ID = 36;
const SPAN_ID_END = 52;
const FLAGS = 53;
const LENGTH = 55;
const ZERO = 48;
const DASH = 45;
const LETTER_F = 102;

/**
 * Values are read and put together here, and become text once: text that grows by parts costs twice as much, and memory for each, and a look at each
 * character of a text that was cut from another one costs more than the copy.
 */
const line = Buffer.alloc(LENGTH);
const DIGITS = Buffer.from('0123456789abcdef');

/** The trace id stands in `line` already; the rest is written as version 00. */
function withSpan(random: Random, sampled: boolean): string {
  line[0] = line[1] = line[FLAGS] = ZERO;
  line[TRACE_ID - 1] = line[SPAN_ID - 1] = line[FLAGS - 1] = DASH;
  writeHex(random, SPAN_ID, SPAN_ID_END);
  line[LENGTH - 1] = sampled ? ZERO + SAMPLED : ZERO;
  return line.toString('latin1');
}

/** Fills `line[from, to)` with 32-bit words of 8 digits each, never all zeros. */
function writeHex(random: Random, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const bits = Math.floor(random() * 4_294_967_295) + 1;
    for (let shift = 28; shift >= 0; shift -= 4) line[at++] = DIGITS[(bits >>> shift) & 0xf]!;
  }
}

/**
 * W3C Trace Context level 1, section 3.2.2: `<version>-<trace id>-<span id>-<flags>`, ids not all zeros, version not ff. Version 00 ends there; a later
 * one may say more behind another dash, which is read by the rules of version 00 (section 4). `text` is latin1, as all of a head; what it says
 * stands in `line` afterwards.
 */
export function isTraceparent(text: string): boolean {
  if (text.length < LENGTH) return false;
  line.write(text, 0, LENGTH, 'latin1');
  const isFirst = line[0] === ZERO && line[1] === ZERO;
  if (text.length > LENGTH && (isFirst || text.charCodeAt(LENGTH) !== DASH)) return false;
  if (line[TRACE_ID - 1] !== DASH || line[SPAN_ID - 1] !== DASH || line[FLAGS - 1] !== DASH) return false;
  return (
    hexKind(0, 2) !== 'none' &&
    !(line[0] === LETTER_F && line[1] === LETTER_F) &&
    hexKind(TRACE_ID, TRACE_ID_END) === 'other' &&
    hexKind(SPAN_ID, SPAN_ID_END) === 'other' &&
    hexKind(FLAGS, LENGTH) !== 'none'
  );
}

/** Of `line[from, to)`. `none`: a character that is no lower-case hex digit. */
function hexKind(from: number, to: number): 'none' | 'zeros' | 'other' {
  let seen = 0;
  for (let index = from; index < to; index++) {
    const code = line[index]!;
    if (code < ZERO || (code > 57 && code < 97) || code > LETTER_F) return 'none';
    seen |= code ^ ZERO;
  }
  return seen === 0 ? 'zeros' : 'other';
}

/** The lowest bit of the last digit; that of a letter is the other one than its character's. */
function isSampled(code: number): boolean {
  return ((code <= 57 ? code : code + 1) & SAMPLED) !== 0;
}
