/**
 * The path of a request as decisions see it: query cut, percent-encoded characters decoded that say nothing about the path's shape, slashes
 * merged, dot segments resolved (RFC 3986 section 6.2.2, and more: decoders turn `%3A` into `:` as well). The request itself travels byte for byte.
 */
export interface DecisionPath {
  readonly path: string;
  /**
   * True when applications may read the path in another way than we do (`%2F`, `%5C`, `\`, `;`, control characters, broken escapes; `..`, which not
   * everybody resolves; `//` at its begin, which URL parsers take for a host), or when there is none (`OPTIONS *`, CONNECT).
   */
  readonly ambiguous: boolean;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** A segment that leads up. */
const UP = /\/\.\.(?:\/|$)/;
const TWO_READINGS = /[\\;]|[^\x21-\x7e]|%(?![0-9a-f]{2})|%(?:2f|5c|00|0[0-9a-f]|1[0-9a-f]|7f|25)/i;

/** The path without its query when nothing needs normalising (nearly always), else undefined. One pass, no allocation but the cut. */
export function plainPath(target: string): string | undefined {
  let before = 0;
  for (let index = 0; index < target.length; index++) {
    const code = target.charCodeAt(index);
    if (code === 0x3f || code === 0x23) return target.slice(0, index);
    if (code === 0x25 || code === 0x5c || code === 0x3b || code < 0x21 || code > 0x7e) return undefined;
    if (before === SLASH && (code === SLASH || code === DOT)) return undefined;
    before = code;
  }
  return target;
}

export function decisionPath(target: string): DecisionPath {
  const plain = plainPath(target);
  if (plain !== undefined) return { path: plain, ambiguous: plain.charCodeAt(0) !== SLASH };
  const cut = target.search(/[?#]/);
  const raw = cut === -1 ? target : target.slice(0, cut);
  const decoded = decodeEscapes(raw);
  const ambiguous = !raw.startsWith('/') || raw.startsWith('//') || UP.test(decoded) || TWO_READINGS.test(raw);
  return { path: resolveSegments(decoded), ambiguous };
}

/** Decodes what is printable, but for what would then read as the path's end, a separator, a parameter or an escape; the rest in upper case. */
export function decodeEscapes(text: string): string {
  return text.replace(/%[0-9a-fA-F]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[\x21-\x7e]/.test(character) && !/[/\\?#;%]/.test(character) ? character : encoded.toUpperCase();
  });
}

/** RFC 3986 section 5.2.4, with empty segments merged first. */
function resolveSegments(path: string): string {
  if (!path.startsWith('/')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '.' || segment === '..') {
      if (segment === '..') kept.pop();
      if (last) kept.push('');
    } else if (segment !== '' || last) {
      kept.push(segment);
    }
  }
  return `/${kept.join('/')}`;
}
