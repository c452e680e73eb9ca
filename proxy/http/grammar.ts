/** Byte classes of RFC 9110 and 9112, as tables. Text is latin1: one character a byte. */

/** tchar (RFC 9110, 5.6.2) folded to lower case; 0 for what is no tchar. */
export const TOKEN_FOLD: Uint8Array = tokenTable();

function tokenTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    const code = character.charCodeAt(0);
    table[code] = code;
    if (code >= 97 && code <= 122) table[code - 32] = code;
  }
  return table;
}

/** field-value (RFC 9110, 5.5): HTAB, SP, VCHAR, obs-text; no white space at either end. */
const FIELD_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
/**
 * Request target: visible characters and obs-text (clients send raw UTF-8 paths), but no `#`: a fragment never belongs in a
 * request (RFC 9110, 7.1), and servers that cut it off would see another path than the policy did.
 */
const TARGET = /^[\x21\x22\x24-\x7e\x80-\xff]+$/;
/** uri-host [":" port] (RFC 3986, 3.2.2) without userinfo, and without the comma that RFC 3986 allows: it reads as a list. */
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::[0-9]{0,5})?$/;

/** token (RFC 9110, 5.6.2), any case. */
export function isMethod(text: string): boolean {
  return isToken(text);
}

/** A lower-case field name, as it stands in a `HeaderList`. */
export function isFieldName(text: string): boolean {
  if (text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0 || code > 255 || TOKEN_FOLD[code] !== code) return false;
  }
  return true;
}

export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

export function isTarget(text: string): boolean {
  return TARGET.test(text);
}

/** The valid one seen last: callers call few hosts, so most requests repeat it. */
let lastHost = '';

/** Value of a Host field; the empty one is legal (RFC 9112, 3.2). */
export function isHost(text: string): boolean {
  if (text === lastHost) return true;
  if (!HOST.test(text)) return false;
  const colon = text.lastIndexOf(':');
  if (colon !== -1 && !text.endsWith(']') && Number(text.slice(colon + 1)) > 65_535) return false;
  lastHost = text;
  return true;
}

export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || TOKEN_FOLD[code] === 0) return false;
  }
  return true;
}
