import type { Random } from '../base/clock.ts';
import { HEADERS } from '../contract/headers.ts';
import { headerIndex } from '../http/message.ts';
import { addHeader, type HeaderHolder, removeHeader } from './headers.ts';

/**
 * W3C Trace Context level 1, section 3.2.2: `<version>-<trace id>-<span id>-<flags>`, ids not all zeros, version not ff. Version 00 ends there; a later
 * one may say more behind another dash, which is read by the rules of version 00 (section 4).
 */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00.{53})-)/;
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
  if (single && TRACEPARENT.test(given)) {
    const traceId = given.slice(3, 35);
    head.headers[at] =
      `00-${traceId}-${hex(random, 2)}-${flags((Number.parseInt(given.slice(53, 55), 16) & SAMPLED) !== 0)}`;
    return traceId;
  }
  if (given !== undefined) removeHeader(head, HEADERS.traceparent);
  removeHeader(head, 'tracestate');
  const traceId = hex(random, 4);
  addHeader(head, HEADERS.traceparent, `00-${traceId}-${hex(random, 2)}-${flags(random() * 100 < samplingPercent)}`);
  return traceId;
}

function flags(sampled: boolean): string {
  return sampled ? '01' : '00';
}

const DIGITS = Buffer.from('0123456789abcdef');
/** Digits are put together here: text that grows by two characters at a time costs twice as much, and memory for each piece. */
const scratch = Buffer.alloc(32);

/** 32-bit words as 8 hex digits each; never all zeros. At most four. */
function hex(random: Random, words: number): string {
  let at = 0;
  for (let word = 0; word < words; word++) {
    const bits = Math.floor(random() * 4_294_967_295) + 1;
    for (let shift = 28; shift >= 0; shift -= 4) scratch[at++] = DIGITS[(bits >>> shift) & 0xf]!;
  }
  return scratch.toString('latin1', 0, at);
}
