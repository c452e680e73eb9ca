import { isIP } from 'node:net';
import { isHost, isMethod, parseTarget, type RequestHead, type Target } from '../http/http.ts';
import type { RequestMeta } from './api.ts';
import { copyRegular, digits, type Malformed, malformed, neverTravels, unknownPseudo } from './wire-fields.ts';
import { CANONICAL, type Form, formText, parseForm, spellingFits } from './wire-form.ts';

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
      version: head.version,
      host: hostAt,
      spelling: head.spelling,
      chunked: head.framing === 'chunked',
      close: false,
      reason: '',
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

/** The pseudo-headers of a request as they came, and where the regular fields begin. */
interface Pseudo {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  destination: string | undefined;
  attempt: string | undefined;
  deadline: string | undefined;
  upgrade: string | undefined;
  form: string | undefined;
  regular: number;
}

/** A text says what is wrong: an unknown or repeated one (`copyRegular` finds late ones). */
function readPseudo(list: readonly string[]): Pseudo | string {
  const pseudo: Pseudo = {
    method: undefined,
    scheme: undefined,
    authority: undefined,
    path: undefined,
    destination: undefined,
    attempt: undefined,
    deadline: undefined,
    upgrade: undefined,
    form: undefined,
    regular: 0,
  };
  let at = 0;
  for (; at < list.length && list[at]!.charCodeAt(0) === 58; at += 2) {
    const before = put(pseudo, list[at]!, list[at + 1]!);
    if (before === false) return unknownPseudo(list[at]!);
    if (before !== undefined) return `${list[at]!} twice`;
  }
  pseudo.regular = at;
  return pseudo;
}

/** Answers what stood there before; false: there is no such pseudo-header. Members by name, since a computed one is looked up for each request. */
function put(pseudo: Pseudo, name: string, value: string): string | undefined | false {
  let before: string | undefined;
  switch (name) {
    case ':method':
      before = pseudo.method;
      pseudo.method = value;
      return before;
    case ':scheme':
      before = pseudo.scheme;
      pseudo.scheme = value;
      return before;
    case ':authority':
      before = pseudo.authority;
      pseudo.authority = value;
      return before;
    case ':path':
      before = pseudo.path;
      pseudo.path = value;
      return before;
    case ':heddle-dst':
      before = pseudo.destination;
      pseudo.destination = value;
      return before;
    case ':heddle-attempt':
      before = pseudo.attempt;
      pseudo.attempt = value;
      return before;
    case ':heddle-deadline':
      before = pseudo.deadline;
      pseudo.deadline = value;
      return before;
    case ':heddle-upgrade':
      before = pseudo.upgrade;
      pseudo.upgrade = value;
      return before;
    case ':heddle-form':
      before = pseudo.form;
      pseudo.form = value;
      return before;
    default:
      return false;
  }
}

/**
 * Reads a request from a peer that holds a valid certificate and may be hostile all the same: what comes out can be
 * written as HTTP/1.1 in one way only. `ended`: END_STREAM came with the head.
 */
export function decodeRequest(list: readonly string[], ended: boolean): DecodedRequest | Malformed {
  const pseudo = readPseudo(list);
  if (typeof pseudo === 'string') return malformed(pseudo);
  const meta = readMeta(pseudo);
  if (typeof meta === 'string') return malformed(meta);
  const { method } = pseudo;
  if (method === undefined || !isMethod(method)) return malformed('a :method that is no token');
  if (method === 'CONNECT' && pseudo.path === undefined) return decodeTunnel(list, pseudo, meta);
  const head = readHead(method, pseudo, list, ended);
  return typeof head === 'string' ? malformed(head) : { kind: 'http', head, meta };
}

function readMeta(pseudo: Pseudo): RequestMeta | string {
  const { destination, deadline } = pseudo;
  if (destination === undefined || !isDestination(destination)) return 'a :heddle-dst that is not address:port';
  const attempt = pseudo.attempt === undefined ? 1 : digits(pseudo.attempt, MOST_ATTEMPTS);
  if (attempt < 1) return 'a :heddle-attempt that is not a number from 1';
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

function decodeTunnel(list: readonly string[], pseudo: Pseudo, meta: RequestMeta): DecodedRequest | Malformed {
  const { authority, scheme, form, upgrade, regular } = pseudo;
  if (authority !== meta.destination) return malformed('a tunnel whose :authority is not its :heddle-dst');
  if (scheme !== undefined || form !== undefined || upgrade !== undefined || regular < list.length) {
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

function readHead(method: string, pseudo: Pseudo, list: readonly string[], ended: boolean): RequestHead | string {
  if (pseudo.scheme !== 'http') return 'a :scheme other than http';
  const target = readTarget(method, pseudo.path ?? '');
  if (target === undefined) return 'a :path that is no request target for its method';
  const form = pseudo.form === undefined ? CANONICAL : parseForm(pseudo.form);
  if (form === undefined || form.close || form.reason !== '') return 'a :heddle-form that is not one of a request';
  const authority = pseudo.authority ?? '';
  const misnamed = authorityFault(pseudo.authority, form, target);
  if (misnamed !== undefined) return misnamed;
  // Host is mostly the first field.
  const headers: string[] = form.host === 0 ? ['host', authority] : [];
  const length = copyRegular(list, pseudo.regular, headers);
  if (typeof length === 'string') return length;
  if (form.host !== undefined && form.host > 0) {
    if (form.host * 2 > headers.length) return 'a place for Host beyond the fields';
    headers.splice(form.host * 2, 0, 'host', authority);
  }
  if (!spellingFits(form.spelling, headers)) return 'names in :heddle-form that are not those of the fields';
  const fault = bodyFault(method, pseudo.upgrade, length, form, ended);
  if (fault !== undefined) return fault;
  return assemble(method, pseudo, target, form, headers, length, ended);
}

function readTarget(method: string, path: string): Target | undefined {
  try {
    return parseTarget(method, path);
  } catch {
    return undefined;
  }
}

/** What is wrong with the value of Host (RFC 9112 3.2: exactly one in HTTP/1.1, valid, that of the target). */
function authorityFault(authority: string | undefined, form: Form, target: Target): string | undefined {
  if (authority === undefined) return 'no :authority';
  if (form.host === undefined)
    return authority !== '' || form.version !== 10 ? 'nohost, but not as HTTP/1.0' : undefined;
  if (!isHost(authority)) return 'an :authority that is no host';
  if (target.authority !== undefined && target.authority !== authority) return 'an :authority that is not the target’s';
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
  pseudo: Pseudo,
  target: Target,
  form: Form,
  headers: string[],
  length: number,
  ended: boolean,
): RequestHead {
  const framing = form.chunked ? 'chunked' : length === -1 ? 'none' : 'length';
  return {
    method,
    target: pseudo.path!,
    form: target.form,
    path: target.path,
    authority: target.authority ?? pseudo.authority!,
    version: form.version,
    headers,
    spelling: form.spelling,
    framing,
    contentLength: Math.max(0, length),
    upgrade: pseudo.upgrade,
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
