import { type ResponseHead, reasonPhrase } from '../http/http.ts';
import { copyRegular, digits, type Malformed, malformed, neverTravels, unknownPseudo } from './wire-fields.ts';
import { CANONICAL, type Form, formText, parseForm, spellingFits } from './wire-form.ts';

export interface DecodedResponse {
  readonly kind: 'response';
  readonly head: ResponseHead;
  /** The proxy made it itself, and the application has not seen the request. */
  readonly unprocessed: boolean;
}

/** What a response answers, as far as it matters for reading it. */
export interface Asked {
  readonly method: string;
  readonly upgrade: string | undefined;
}

/** A response as a header list for the wire. */
export function encodeResponse(head: ResponseHead, unprocessed: boolean): string[] {
  const list = [':status', String(head.status)];
  const form = formText(
    {
      version: head.version,
      host: 0,
      spelling: head.spelling,
      chunked: head.framing === 'chunked',
      close: head.framing === 'close',
      // Whoever writes the head adds the standard phrase.
      reason: head.reason === reasonPhrase(head.status) ? '' : head.reason,
    },
    head.headers,
    false,
  );
  if (form !== '') list.push(':heddle-form', form);
  if (unprocessed) list.push(':heddle-unprocessed', '1');
  for (let index = 0; index < head.headers.length; index += 2) {
    const name = head.headers[index]!;
    if (!neverTravels(name)) list.push(name, head.headers[index + 1]!);
  }
  return list;
}

/** The pseudo-headers of a response as they came, and where the regular fields begin. */
interface Pseudo {
  status: string | undefined;
  form: string | undefined;
  unprocessed: string | undefined;
  regular: number;
}

/** A text says what is wrong: an unknown or repeated one (`copyRegular` finds late ones). */
function readPseudo(list: readonly string[]): Pseudo | string {
  const pseudo: Pseudo = { status: undefined, form: undefined, unprocessed: undefined, regular: 0 };
  for (; pseudo.regular < list.length; pseudo.regular += 2) {
    const name = list[pseudo.regular]!;
    if (name.charCodeAt(0) !== 58) break;
    const member = memberOf(name);
    if (member === undefined) return unknownPseudo(name);
    if (pseudo[member] !== undefined) return `${name} twice`;
    pseudo[member] = list[pseudo.regular + 1]!;
  }
  return pseudo;
}

function memberOf(name: string): Exclude<keyof Pseudo, 'regular'> | undefined {
  switch (name) {
    case ':status':
      return 'status';
    case ':heddle-form':
      return 'form';
    case ':heddle-unprocessed':
      return 'unprocessed';
    default:
      return undefined;
  }
}

/** Reads a response to `asked`. `ended`: END_STREAM came with the head. */
export function decodeResponse(list: readonly string[], asked: Asked, ended: boolean): DecodedResponse | Malformed {
  const pseudo = readPseudo(list);
  if (typeof pseudo === 'string') return malformed(pseudo);
  const status = digits(pseudo.status ?? '', 999);
  if (status < 100) return malformed('a :status that is not a number from 100 to 999');
  const form = pseudo.form === undefined ? CANONICAL : parseForm(pseudo.form);
  if (form === undefined || form.host !== 0) return malformed('a :heddle-form that is not one of a response');
  const { unprocessed } = pseudo;
  if (unprocessed !== undefined && unprocessed !== '1') return malformed('a :heddle-unprocessed other than 1');
  const headers: string[] = [];
  const length = copyRegular(list, pseudo.regular, headers);
  if (typeof length === 'string') return malformed(length);
  if (!spellingFits(form.spelling, headers)) return malformed('names in :heddle-form that are not those of the fields');
  const framing = framingOf(status, asked, form, length, ended);
  if (framing === undefined) return malformed('a response whose body is announced in no way or in two');
  const contentLength = framing === 'length' ? length : 0;
  const { reason, version, spelling } = form;
  return {
    kind: 'response',
    unprocessed: unprocessed === '1',
    head: { status, reason, version, headers, spelling, framing, contentLength },
  };
}

/** RFC 9112 6.3, in its order; undefined: contradicts itself. */
function framingOf(
  status: number,
  asked: Asked,
  form: Form,
  length: number,
  ended: boolean,
): ResponseHead['framing'] | undefined {
  if (isTunnelStart(status, asked)) return length === -1 && !form.chunked && !form.close ? 'tunnel' : undefined;
  // 101 answers an upgrade only; other 1xx are never the end.
  if (status === 101 || (status < 200 && ended)) return undefined;
  if (status < 200) return length === -1 && !form.chunked && !form.close ? 'none' : undefined;
  if (asked.method === 'HEAD' || status === 204 || status === 304) return 'none';
  if (form.chunked || form.close) return length === -1 ? (form.close ? 'close' : 'chunked') : undefined;
  if (length !== -1) return ended && length > 0 ? undefined : 'length';
  return ended ? 'none' : undefined;
}

/** This status turns the streams into raw bytes both ways. */
export function isTunnelStart(status: number, asked: Asked): boolean {
  if (status === 101) return asked.upgrade !== undefined;
  return asked.method === 'CONNECT' && status >= 200 && status < 300;
}
