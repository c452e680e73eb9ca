/** One member of a JSON object: its name, and where the text of its value stands. */
export interface JsonMember {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts the text of a JSON object into its members without making their values, so that a document of megabytes can be taken in a member at a time.
 * Brackets inside a value are only counted: whoever parses the value's text checks it. Throws `SyntaxError` where the object itself is not JSON.
 */
export function* jsonMembers(text: string, start = 0, end = text.length): Generator<JsonMember> {
  let at = expect(text, skipSpace(text, start), OPEN_BRACE);
  let next = skipSpace(text, at);
  if (text.charCodeAt(next) === CLOSE_BRACE) at = next + 1;
  else {
    for (;;) {
      const name = skipSpace(text, at);
      expect(text, name, QUOTE);
      const nameEnd = endOfString(text, name);
      const value = skipSpace(text, expect(text, skipSpace(text, nameEnd), COLON));
      const valueEnd = endOfValue(text, value);
      yield { name: String(JSON.parse(text.slice(name, nameEnd))), start: value, end: valueEnd };
      next = skipSpace(text, valueEnd);
      if (text.charCodeAt(next) !== COMMA) break;
      at = next + 1;
    }
    at = expect(text, next, CLOSE_BRACE);
  }
  if (skipSpace(text, at) < end) throw new SyntaxError(`something follows the object at ${at}`);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** RFC 8259 section 2: space, tab, line feed, carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, at: number): number {
  let index = at;
  while (isSpace(text.charCodeAt(index))) index++;
  return index;
}

function expect(text: string, at: number, code: number): number {
  if (text.charCodeAt(at) === code) return at + 1;
  const found = at < text.length ? JSON.stringify(text[at]) : 'the end';
  throw new SyntaxError(`${JSON.stringify(String.fromCharCode(code))} is missing at ${at}, there is ${found}`);
}

/** `at` is the opening quote; answers what follows the closing one. */
function endOfString(text: string, at: number): number {
  let quote = at;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote === -1) throw new SyntaxError(`the text that begins at ${at} does not end`);
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(text, at);
  let end = at;
  while (end < text.length && !endsScalar(text.charCodeAt(end))) end++;
  if (end === at) throw new SyntaxError(`a value is missing at ${at}`);
  return end;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code);
}

function endOfNested(text: string, at: number): number {
  let depth = 0;
  let index = at;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
      continue;
    }
    index++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return index;
    }
  }
  throw new SyntaxError(`the value that begins at ${at} does not end`);
}
