/**
 * Which bytes may stand in names and values of fields. Stricter than RFC 9113 8.2.1 asks: names are lower-case tokens
 * (RFC 9110 5.1) and values hold no control character but HTAB (RFC 9110 5.5), so that a field that came by HTTP/2 can be
 * written as HTTP/1.1 without being split.
 */
const NAME = new Uint8Array(256);
const VALUE = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") NAME[char.charCodeAt(0)] = 1;
for (let byte = 0x20; byte < 0x100; byte++) VALUE[byte] = byte === 0x7f ? 0 : 1;
VALUE[0x09] = 1;

/** A pseudo-header's name (a colon first) or a lower-case token. */
export function validName(buffer: Uint8Array, start: number, end: number): boolean {
  let index = buffer[start] === 0x3a ? start + 1 : start;
  if (index >= end) return false;
  for (; index < end; index++) if (NAME[buffer[index]!] === 0) return false;
  return true;
}

/** No control character; no white space at either end (RFC 9113 8.2.1). */
export function validValue(buffer: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  const first = buffer[start]!;
  const last = buffer[end - 1]!;
  if (first === 0x20 || first === 0x09 || last === 0x20 || last === 0x09) return false;
  for (let index = start; index < end; index++) if (VALUE[buffer[index]!] === 0) return false;
  return true;
}
