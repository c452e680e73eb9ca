import { isIP } from 'node:net';
import { isHost, isMethod, parseTarget, type RequestHead, type Target } from '../http/http.ts';
import type { RequestMeta } from './api.ts';
import { copyRegular, digits, type Malformed, malformed, neverTravels, splitFields } from './wire-fields.ts';
import { canonicalForm, type Form, formText, parseForm, spellingFits } from './wire-form.ts';

const PSEUDO: ReadonlySet<string> = new Set([
  ':method',
  ':scheme',
  ':authority',
  ':path',
  ':heddle-dst',
  ':heddle-attempt',
  ':heddle-deadline',
  ':heddle-upgrade',
  ':heddle-form',
]);
const MOST_ATTEMPTS = 1_000;
const LONGEST_DEADLINE_MS = 2_147_483_647;
/** Never `h2c` (`http/upgrade.ts`): its tunnel would carry requests that nobody authorizes. */
const UPGRADE = /^(?!h2c(?:$|\/))[!#$%&'*+.^_`|~0-9a-z-]+(?:\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/;

export type DecodedRequest = {
  readonly kind: 'http' | 'tunnel';
  readonly head: RequestHead;
  readonly meta: RequestMeta;
};

/** A request as a header list for the wire. */
export function encodeRequest(head: RequestHead, meta: RequestMeta): string[] {
  const hostAt = hostIndex(head.headers);
  const list = [
    ':method',
    head.method,
    ':scheme',
    'http',
    ':authority',
    hostAt === undefined ? '' : head.headers[hostAt * 2 + 1]!,
    ':path',
    head.target,
  ];
  pushMeta(list, meta);
  if (head.upgrade !== undefined) list.push(':heddle-upgrade', head.upgrade);
  const form = formText(
    {
      ...canonicalForm(),
      version: head.version,
      host: hostAt,
      spelling: head.spelling,
      chunked: head.framing === 'chunked',
    },
    head.headers,
    true,
  );
  if (form !== '') list.push(':heddle-form', form);
  for (let index = 0; index < head.headers.length; index += 2) {
    const name = head.headers[index]!;
    if (!neverTravels(name)) list.push(name, head.headers[index + 1]!);
  }
  return list;
}

/** A raw TCP connection: CONNECT without `:path`. */
export function encodeTunnel(meta: RequestMeta): string[] {
  const list = [':method', 'CONNECT', ':authority', meta.destination];
  pushMeta(list, meta);
  return list;
}

function pushMeta(list: string[], meta: RequestMeta): void {
  list.push(':heddle-dst', meta.destination);
  if (meta.attempt !== 1) list.push(':heddle-attempt', String(meta.attempt));
  if (meta.deadlineMs !== undefined) list.push(':heddle-deadline', String(Math.max(0, Math.ceil(meta.deadlineMs))));
}

function hostIndex(headers: readonly string[]): number | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === 'host') return index >> 1;
  return undefined;
}

/**
 * Reads a request from a peer that holds a valid certificate and may be hostile all the same: what comes out can be
 * written as HTTP/1.1 in one way only. `ended`: END_STREAM came with the head.
 */
export function decodeRequest(list: readonly string[], ended: boolean): DecodedRequest | Malformed {
  const split = splitFields(list, PSEUDO);
  if (typeof split === 'string') return malformed(split);
  const { pseudo, regular } = split;
  const meta = readMeta(pseudo);
  if (typeof meta === 'string') return malformed(meta);
  const method = pseudo.get(':method');
  if (method === undefined || !isMethod(method)) return malformed('a :method that is no token');
  if (method === 'CONNECT' && !pseudo.has(':path')) return decodeTunnel(list, pseudo, regular, meta);
  const head = readHead(method, pseudo, list, regular, ended);
  return typeof head === 'string' ? malformed(head) : { kind: 'http', head, meta };
}

function readMeta(pseudo: ReadonlyMap<string, string>): RequestMeta | string {
  const destination = pseudo.get(':heddle-dst');
  if (destination === undefined || !isDestination(destination)) return 'a :heddle-dst that is not address:port';
  const attempt = digits(pseudo.get(':heddle-attempt') ?? '1', MOST_ATTEMPTS);
  if (attempt < 1) return 'a :heddle-attempt that is not a number from 1';
  const deadline = pseudo.get(':heddle-deadline');
  const deadlineMs = deadline === undefined ? undefined : digits(deadline, LONGEST_DEADLINE_MS);
  if (deadlineMs === -1) return 'a :heddle-deadline that is not a number of milliseconds';
  return { destination, attempt, deadlineMs };
}

/** The valid one seen last: callers dial few Services at a time, so most requests repeat it. */
let lastDestination = '';

/** `10.0.0.1:80` or `[fd00::1]:80`. */
function isDestination(text: string): boolean {
  if (text === lastDestination) return text !== '';
  const match = /^(?:([0-9.]{7,15})|\[([0-9a-fA-F:.]{2,45})\]):([0-9]{1,5})$/.exec(text);
  if (match === null) return false;
  const [, v4, v6, port] = match;
  const family = v4 === undefined ? 6 : 4;
  if (isIP(v4 ?? v6 ?? '') !== family || Number(port) < 1 || Number(port) > 65_535) return false;
  lastDestination = text;
  return true;
}

function decodeTunnel(
  list: readonly string[],
  pseudo: ReadonlyMap<string, string>,
  regular: number,
  meta: RequestMeta,
): DecodedRequest | Malformed {
  if (pseudo.get(':authority') !== meta.destination)
    return malformed('a tunnel whose :authority is not its :heddle-dst');
  if (pseudo.has(':scheme') || pseudo.has(':heddle-form') || pseudo.has(':heddle-upgrade') || regular < list.length) {
    return malformed('a tunnel with fields of a request');
  }
  return { kind: 'tunnel', meta, head: tunnelHead(meta.destination) };
}

/** The head that stands for a raw TCP connection. */
export function tunnelHead(destination: string): RequestHead {
  return {
    method: 'CONNECT',
    target: destination,
    form: 'authority',
    path: '',
    authority: destination,
    version: 11,
    headers: [],
    spelling: 'title',
    framing: 'none',
    contentLength: 0,
    upgrade: undefined,
    expectContinue: false,
  };
}

function readHead(
  method: string,
  pseudo: ReadonlyMap<string, string>,
  list: readonly string[],
  regular: number,
  ended: boolean,
): RequestHead | string {
  if (pseudo.get(':scheme') !== 'http') return 'a :scheme other than http';
  const target = readTarget(method, pseudo.get(':path') ?? '');
  if (target === undefined) return 'a :path that is no request target for its method';
  const text = pseudo.get(':heddle-form');
  const form = text === undefined ? canonicalForm() : parseForm(text);
  if (form === undefined || form.close || form.reason !== '') return 'a :heddle-form that is not one of a request';
  const headers: string[] = [];
  const length = copyRegular(list, regular, headers);
  if (typeof length === 'string') return length;
  const host = placeHost(headers, form, pseudo.get(':authority'), target);
  if (host !== undefined) return host;
  if (!spellingFits(form.spelling, headers)) return 'names in :heddle-form that are not those of the fields';
  const upgrade = pseudo.get(':heddle-upgrade');
  const fault = bodyFault(method, upgrade, length, form, ended);
  if (fault !== undefined) return fault;
  return assemble(method, pseudo, target, form, headers, length, upgrade, ended);
}

function readTarget(method: string, path: string): Target | undefined {
  try {
    return parseTarget(method, path);
  } catch {
    return undefined;
  }
}

/** Puts Host back to its place; a text says what is wrong (RFC 9112 3.2: exactly one in HTTP/1.1, valid, that of the target). */
function placeHost(headers: string[], form: Form, authority: string | undefined, target: Target): string | undefined {
  if (authority === undefined) return 'no :authority';
  if (form.host === undefined)
    return authority !== '' || form.version !== 10 ? 'nohost, but not as HTTP/1.0' : undefined;
  if (!isHost(authority)) return 'an :authority that is no host';
  if (target.authority !== undefined && target.authority !== authority) return 'an :authority that is not the target’s';
  if (form.host * 2 > headers.length) return 'a place for Host beyond the fields';
  headers.splice(form.host * 2, 0, 'host', authority);
  return undefined;
}

/** How the body is framed must be said exactly once. */
function bodyFault(
  method: string,
  upgrade: string | undefined,
  length: number,
  form: Form,
  ended: boolean,
): string | undefined {
  if (length !== -1 && form.chunked) return 'both chunked and Content-Length';
  if (ended && length > 0) return 'END_STREAM before the body that Content-Length says';
  if (form.chunked && form.version === 10) return 'chunked in HTTP/1.0';
  const tunnel = upgrade !== undefined || method === 'CONNECT';
  if (tunnel && (length !== -1 || form.chunked || ended)) return 'a tunnel request with a body or an end';
  if (upgrade !== undefined && (!UPGRADE.test(upgrade) || method === 'CONNECT' || form.version !== 11)) {
    return 'a :heddle-upgrade that HTTP/1.1 does not know';
  }
  if (!ended && !tunnel && length === -1 && !form.chunked)
    return 'a body that neither chunked nor Content-Length announces';
  return undefined;
}

function assemble(
  method: string,
  pseudo: ReadonlyMap<string, string>,
  target: Target,
  form: Form,
  headers: string[],
  length: number,
  upgrade: string | undefined,
  ended: boolean,
): RequestHead {
  const framing = form.chunked ? 'chunked' : length === -1 ? 'none' : 'length';
  return {
    method,
    target: pseudo.get(':path')!,
    form: target.form,
    path: target.path,
    authority: target.authority ?? pseudo.get(':authority')!,
    version: form.version,
    headers,
    spelling: form.spelling,
    framing,
    contentLength: Math.max(0, length),
    upgrade,
    expectContinue: !ended && form.version === 11 && framing !== 'none' && expects(headers),
  };
}

/** RFC 9110 10.1.1. */
function expects(headers: readonly string[]): boolean {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === 'expect') return headers[index + 1]!.toLowerCase() === '100-continue';
  }
  return false;
}
